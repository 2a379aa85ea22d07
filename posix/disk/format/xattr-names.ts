/** Rules for xattr names: which clients may see, set or remove them, and which are computed instead of stored. */

import { type Call, ClientPid } from '../../../mux/xlator/call.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { fnmatch } from '../../../volfiles/fnmatch.js';
import { MDATA_KEY } from './mdata-record.js';
import { GFID_KEY, GFID2PATH_PREFIX, PGFID_PREFIX, VOLUME_ID_KEY } from './xattr-keys.js';

/** Geo-replication's own records, and those of the lock healing. */
const GEOREP = [
  '*.glusterfs.*.stime',
  '*.glusterfs.*.xtime',
  '*.glusterfs.lockinfo',
  '*.glusterfs.*.entry_stime',
  '*.glusterfs.volume-mark.*',
];

function isGeorep(name: string): boolean {
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

/**
 * What clients use xattrop for: the books of replication (thin arbiters' included) and of dispersal, distribute's count of
 * changes that wait for the other bricks, sharding's sizes. Replication, distribute and sharding change them in the name of
 * the application, whoever that is; dispersal as root, whom root squashing makes nobody. So this goes by key alone.
 */
const COUNTERS = ['trusted.afr.', 'trusted.ec.'];
const COUNTER_NAMES: ReadonlySet<string> = new Set([
  'trusted.glusterfs.dht.mds',
  'trusted.glusterfs.shard.file-size',
  'trusted.glusterfs.shard.block-size',
]);

export function isCounter(name: string): boolean {
  return COUNTER_NAMES.has(name) || COUNTERS.some((prefix) => name.startsWith(prefix));
}

/** A caller who has what rights its uid has. Others are Gluster's own, or may do everything anyway. */
export function isUser(call: Call): boolean {
  return call.uid !== 0 && call.pid >= 0;
}

/** Names below which xattrs are the brick's or the administrator's. */
const RESTRICTED = [
  GFID_KEY,
  VOLUME_ID_KEY,
  GFID2PATH_PREFIX,
  PGFID_PREFIX,
  MDATA_KEY,
  key.SET_MDATA,
  'trusted.glusterfs.quota.',
  'security.',
];
/** The kernel lets the owner of a file set it. */
const SELINUX_LABEL = 'security.selinux';

/** Whether an xattr is no user's to set or remove, whatever rights it has on the file. Users' own programs get EPERM from the kernel. */
export function isRestricted(name: string): boolean {
  return RESTRICTED.some((prefix) => name.startsWith(prefix)) && name !== SELINUX_LABEL;
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
