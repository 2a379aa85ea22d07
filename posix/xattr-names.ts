/** Xattr names with rules of their own: which clients may see them, and which answer questions instead of being stored. */
import { fnmatch } from '../volfiles/fnmatch.js';
import { ClientPid } from './contract/call.js';
import * as key from './keys.js';
import { MDATA_KEY } from './mdata-record.js';
import { GFID_KEY, GFID2PATH_PREFIX, VOLUME_ID_KEY } from './sys.js';

/** Geo-replication's own records, and those of the lock healing. */
const GEOREP = [
  '*.glusterfs.*.stime',
  '*.glusterfs.*.xtime',
  '*.glusterfs.lockinfo',
  '*.glusterfs.*.entry_stime',
  '*.glusterfs.volume-mark.*',
];

export function isGeorep(name: string): boolean {
  // All of the patterns have it; few names do.
  return name.includes('.glusterfs.') && GEOREP.some((pattern) => fnmatch(pattern, name));
}

export function isGfid2path(name: string): boolean {
  return name.startsWith(GFID2PATH_PREFIX);
}

export function isPathinfo(name: string): boolean {
  return name === key.PATHINFO || name === key.USER_PATHINFO;
}

/** The identity of a file and of a brick: no client's to read, set or remove. */
export function isIdentity(name: string): boolean {
  return name === GFID_KEY || name === VOLUME_ID_KEY;
}

/** Whether a client that asks for an xattr by name gets ENODATA whatever is on disk. */
export function isHidden(name: string, pid: number): boolean {
  if (isGfid2path(name)) return true;
  if (name === MDATA_KEY) return pid >= 0;
  return pid !== ClientPid.gsyncd && isGeorep(name);
}

/** Whether a listing leaves an xattr out. */
export function isUnlisted(name: string, pid: number): boolean {
  return isGfid2path(name) || (name === MDATA_KEY && pid >= 0) || isGeorep(name);
}
