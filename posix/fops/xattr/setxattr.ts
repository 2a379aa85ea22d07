/** The fops setxattr and fsetxattr. Some names are not stored as they are: ACL text, time records, identities. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict, DictType, type DictValue, type MdataIatt, valueBytes, valueText } from '../../../mux/xlator/dict.js';
import type { FsetxattrArgs, SetxattrArgs, Xdata } from '../../../mux/xlator/fops.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EACCES, EINVAL, ENOTSUP, EPERM, errnoName } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { S_IALLUGO, S_IFDIR, S_ISVTX } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { type FileRef, unheld } from '../../disk/file-ref.js';
import { aclFromText } from '../../disk/format/acl-text.js';
import { decodeMdata, MDATA_KEY } from '../../disk/format/mdata-record.js';
import { isGfid2path, isIdentity, isPathinfo, isRestricted, isUser } from '../../disk/format/xattr-names.js';
import { exclusively } from '../../disk/inode-state.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { refuseCloud } from '../data/data-refusal.js';
import { waitForSpace } from '../data/space-check.js';
import { raiseTimes, removeOthers, timesOf } from './healing.js';
import { refuseXattr } from './xattr-refusal.js';
import { storeXattrs, type XattrStep } from './xattr-storing.js';

const LINKTO_MODE = S_ISVTX;
const ONE_XATTR = 4096;

export async function setxattr(store: BrickDir, call: Call, args: SetxattrArgs): Promise<Xdata> {
  const { inode, dict, xdata } = args;
  refuseCloud(store, dict);
  refuseRestricted(store, call, dict);
  return alone(store, inode, dict, xdata, async () => {
    await waitForSpace(store, call, xdata, dict.size * ONE_XATTR);
    const file = await store.fileRef(inode);
    try {
      return await setByPath(store, call, args, file);
    } finally {
      file.release();
    }
  });
}

async function setByPath(store: BrickDir, call: Call, args: SetxattrArgs, file: FileRef): Promise<Xdata> {
  const { inode, dict, xdata } = args;
  const legacy = dict.get(key.SET_MDATA);
  if (legacy?.type === DictType.mdata) {
    await raiseTimes(store, inode, file, timesOf(legacy.value as MdataIatt));
    return { xdata: null };
  }
  const mode = mentionsAcl(dict) ? (await statInode(store, call, inode, unheld(file), null)).stat.mode : -1;
  const steps = await prepare(store, inode, file, dict, (mode & S_IALLUGO) === LINKTO_MODE && mode >= 0, true);
  const { pre, post } = await storeXattrs(store, call, inode, file, steps, args.flags, 0);
  if ((xdata?.number(key.SYNC_XATTRS) ?? 0) !== 0) await removeOthers(store, call, inode, file, dict);
  const reply = statsOf(pre, post);
  if (dict.has(key.ACL_ACCESS_TEXT)) await addAcl(store, file, reply, key.ACL_ACCESS_XATTR);
  if (dict.has(key.ACL_DEFAULT_TEXT)) await addAcl(store, file, reply, key.ACL_DEFAULT_XATTR);
  return { xdata: reply };
}

export async function fsetxattr(store: BrickDir, call: Call, args: FsetxattrArgs): Promise<Xdata> {
  const { fd, dict, xdata } = args;
  const { inode } = fd;
  refuseRestricted(store, call, dict);
  return alone(store, inode, dict, xdata, async () => {
    await waitForSpace(store, call, xdata, dict.size * ONE_XATTR);
    const file = await store.files.fileRef(fd);
    try {
      const mode = mentionsAcl(dict) ? (await statInode(store, call, inode, unheld(file), null)).stat.mode : -1;
      const steps = await prepare(store, inode, file, dict, (mode & S_IALLUGO) === LINKTO_MODE && mode >= 0, false);
      const durable = xdata?.has(key.DURABLE_OP) === true;
      const { pre, post } = await storeXattrs(store, call, inode, file, steps, args.flags, call.timeFlags & 7, durable);
      return { xdata: statsOf(pre, post) };
    } finally {
      file.release();
    }
  });
}

/** EPERM for a user who sets what is not a user's to set. The file's and brick's identity is left out instead, for everybody. */
function refuseRestricted(store: BrickDir, call: Call, dict: Dict): void {
  if (!isUser(call)) return;
  for (const name of dict.map.keys()) {
    if (isIdentity(name) || isGfid2path(name) || !isRestricted(name)) continue;
    refuseXattr(store, 'setxattr of a restricted key by a user');
  }
}

/**
 * Keeps changes of one inode's xattrs in the order in which they came. A client that heals a directory sets many at once,
 * in several steps; a change by its user that comes meanwhile is newer than what is healed and must not be undone by it.
 */
function alone<T>(store: BrickDir, inode: Inode, dict: Dict, xdata: Dict | null, run: () => Promise<T>): Promise<T> {
  const state = store.state(inode);
  const steps =
    dict.size > 1 || mentionsAcl(dict) || dict.has(MDATA_KEY) || dict.has(key.SET_MDATA) || xdata?.has(key.SYNC_XATTRS);
  return steps || state.busy ? exclusively(state, run) : run();
}

function mentionsAcl(dict: Dict): boolean {
  for (const name of dict.map.keys()) if (name.startsWith(key.ACL_ACCESS_XATTR) || key.isAclText(name)) return true;
  return false;
}

/** What is to be stored, in order. Time records are merged at once. */
async function prepare(
  store: BrickDir,
  inode: Inode,
  file: FileRef,
  dict: Dict,
  isLinkto: boolean,
  byPath: boolean,
): Promise<XattrStep[]> {
  const steps: XattrStep[] = [];
  for (const [name, value] of dict.map) {
    if (isIdentity(name) || (byPath && name === key.IO_STATS_DUMP)) continue;
    if (isPathinfo(name)) {
      steps.push({ errno: EACCES });
    } else if (isGfid2path(name)) {
      steps.push({ errno: ENOTSUP });
    } else if (isLinkto && (name.startsWith(key.ACL_ACCESS_XATTR) || (byPath && key.isAclText(name)))) {
      // The pointer file of a migration has its mode as its mark: an ACL would change it.
    } else if (byPath && key.isAclText(name)) {
      steps.push(aclStep(inode, name, value));
    } else if (byPath && (name.startsWith(key.INTERNAL_CTX) || name.startsWith(key.FORCE_REPLACE))) {
      // For other translators.
    } else if (name === MDATA_KEY) {
      const bytes = valueBytes(value);
      const given = bytes === undefined ? null : decodeMdata(Buffer.from(bytes), 0, bytes.length);
      if (given === null) steps.push({ errno: EINVAL });
      else await raiseTimes(store, inode, file, given);
    } else {
      const bytes = valueBytes(value);
      steps.push(bytes === undefined ? { errno: EINVAL } : { name, value: bytes });
    }
  }
  return steps;
}

/** An ACL in the form of text. EPERM for what is none; EACCES for a default ACL of a file. */
function aclStep(inode: Inode, name: string, value: DictValue): XattrStep {
  const acl = aclFromText(valueText(value) ?? '');
  if (acl === null) return { errno: EPERM };
  if (!name.startsWith(key.ACL_DEFAULT_TEXT)) return { name: key.ACL_ACCESS_XATTR, value: acl };
  return inode.type === S_IFDIR ? { name: key.ACL_DEFAULT_XATTR, value: acl } : { errno: EACCES };
}

/** The attributes before and after, as the reply carries them. */
export function statsOf(pre: Iatt, post: Iatt): Dict {
  return new Dict().setIatt(key.IATT_IN_XDATA, post).setIatt(key.PRE_STAT, pre).setIatt(key.POST_STAT, post);
}

/** Adds the binary form of an ACL that was set as text: access control keeps its own copy. */
async function addAcl(store: BrickDir, file: FileRef, reply: Dict, name: string): Promise<void> {
  const into = region(ONE_XATTR);
  const b = batch();
  b.getxattr(file.fd, file.name, name, into.address, ONE_XATTR);
  await store.run(b, 0, Priority.normal);
  const r = b.result(0);
  b.release();
  if (r >= 0) reply.setBytes(name, Uint8Array.prototype.slice.call(into.bytes, 0, r));
  else store.log.warning(0, `Posix acl is not set properly at the backend: ${errnoName(-r)}`);
  into.release();
}
