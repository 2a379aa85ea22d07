/** setxattr and fsetxattr. Some names are not stored as they come: ACL text, time records, identities. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict, DictType, type DictValue, type MdataIatt, valueBytes, valueText } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FsetxattrArgs, SetxattrArgs, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EACCES, EINVAL, ENOTSUP, EPERM, errnoName } from '../../../native/errno.js';
import { type FdRef, IGNORE, MAX_OPS, Priority } from '../../../native/layout.js';
import { S_IALLUGO, S_IFDIR, S_ISVTX } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { type FileRef, unheld } from '../../disk/file-ref.js';
import { aclFromText } from '../../disk/format/acl-text.js';
import { decodeMdata, encodeMdata, MDATA_KEY, Mdata } from '../../disk/format/mdata-record.js';
import { isGfid2path, isIdentity, isPathinfo, isRestricted, isUser } from '../../disk/format/xattr-names.js';
import { exclusively } from '../../disk/inode-state.js';
import { OpenFile, syncOutcome } from '../../disk/open-file.js';
import { FileChange } from '../../disk/query/data-change.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { eachXattr } from '../../disk/query/xattr-reply.js';
import { refuseCloud } from '../data/data-refusal.js';
import { waitForSpace } from '../data/space-check.js';
import { refuseXattr } from './xattr-refusal.js';

/** Ops in a batch besides the two stats and the time record. */
const PER_BATCH = 20;
assert(PER_BATCH + 4 <= MAX_OPS, 'a batch has room for the xattrs, two stats, the times and a sync');
const LIST_ROOM = 1 << 20;
const LINKTO_MODE = S_ISVTX;
const ONE_XATTR = 4096;

/** One xattr to store, or the errno that ends the fop when its turn comes. */
type Step = Xattr | { errno: number };
interface Xattr {
  name: string;
  value: Uint8Array;
}

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
  const { pre, post } = await apply(store, call, inode, file, steps, args.flags, 0);
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
      const { pre, post } = await apply(store, call, inode, file, steps, args.flags, call.timeFlags & 7, durable);
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
): Promise<Step[]> {
  const steps: Step[] = [];
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
function aclStep(inode: Inode, name: string, value: DictValue): Step {
  const acl = aclFromText(valueText(value) ?? '');
  if (acl === null) return { errno: EPERM };
  if (!name.startsWith(key.ACL_DEFAULT_TEXT)) return { name: key.ACL_ACCESS_XATTR, value: acl };
  return inode.type === S_IFDIR ? { name: key.ACL_DEFAULT_XATTR, value: acl } : { errno: EACCES };
}

/** Stores what was prepared; the first failure ends it. timeFlags: times to set on the way. */
async function apply(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  steps: Step[],
  flags: number,
  timeFlags: number,
  durable = false,
): Promise<{ pre: Iatt; post: Iatt }> {
  await store.mdata.load(inode);
  const good: Xattr[] = [];
  let refusal = 0;
  for (const step of steps) {
    if ('errno' in step) {
      refusal = step.errno;
      break;
    }
    good.push(step);
  }
  let pre: Iatt | null = null;
  for (let i = 0; ; i += PER_BATCH) {
    const some = good.slice(i, i + PER_BATCH);
    const last = i + PER_BATCH >= good.length;
    const setting = new XattrSetting(
      store,
      call,
      inode,
      file,
      some,
      flags,
      timeFlags,
      durable && last && refusal === 0,
    );
    await setting.run(Priority.normal);
    const { errno } = setting;
    if (errno !== 0) {
      store.fopFailed(`setting xattr ${setting.failedName} of ${gfidText(inode.gfid)} failed`, errno);
      throw failure(errno);
    }
    pre ??= setting.pre;
    if (last && refusal === 0) return { pre, post: setting.post };
    if (last) throw failure(refusal);
  }
}

/** Stores some xattrs. */
class XattrSetting extends FileChange {
  readonly #xattrs: Xattr[];
  readonly #xattrFlags: number;
  readonly #sync: boolean;
  #first = 0;
  #syncOp = -1;
  /** Name of the xattr that has failed it; '' when something else has. */
  failedName = '';

  constructor(
    store: BrickDir,
    call: Call,
    inode: Inode,
    file: FileRef,
    xattrs: Xattr[],
    xattrFlags: number,
    timeFlags: number,
    sync: boolean,
  ) {
    super(store, call, inode, file, xattrs.length === 0 ? 0 : timeFlags);
    this.#xattrs = xattrs;
    this.#xattrFlags = xattrFlags;
    this.#sync = sync;
  }
  protected override changeOps(b: Batch, fd: FdRef, name: string | null): void {
    this.#first = b.length;
    for (const xattr of this.#xattrs) b.setxattr(fd, name, xattr.name, xattr.value, this.#xattrFlags);
    if (this.#sync) this.#syncOp = b.fsync(fd);
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    const { failedOp } = b;
    const { file } = this;
    if (failedOp < 0) return;
    this.failedName = this.#xattrs[failedOp - this.#first]?.name ?? '';
    if (failedOp === this.#syncOp && file instanceof OpenFile) syncOutcome(file, -this.errno, b, -1);
  }
}

/** What clients are told of the attributes before and after. */
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

function timesOf(v: MdataIatt): Mdata {
  const m = new Mdata();
  m.atime = v.atime;
  m.atimeNsec = v.atimeNsec;
  m.mtime = v.mtime;
  m.mtimeNsec = v.mtimeNsec;
  m.ctime = v.ctime;
  m.ctimeNsec = v.ctimeNsec;
  return m;
}

/** Gives a file a time record, or raises the one that it has. The caller has the inode for himself. */
async function raiseTimes(store: BrickDir, inode: Inode, file: FileRef, given: Mdata): Promise<void> {
  if (store.mdata.enabled) {
    await store.mdata.load(inode);
    const m = store.mdata.of(inode)?.copy() ?? given;
    m.raise(given);
    await store.timeStores.replace(inode, m);
    return;
  }
  const b = batch();
  const at = b.out(64);
  b.getxattr(file.fd, file.name, MDATA_KEY, at, 64, IGNORE);
  await store.run(b, inode.lane, Priority.normal);
  const m = decodeMdata(b.view(at, 64), 0, b.result(0)) ?? given;
  b.release();
  m.raise(given);
  const w = batch();
  w.setxattr(file.fd, file.name, MDATA_KEY, encodeMdata(m));
  await store.run(w, inode.lane, Priority.normal);
  const errno = w.errno;
  w.release();
  if (errno !== 0) throw failure(errno);
}

/** Healing of a directory: it has the user's xattrs and ACLs of the dictionary, which are set, and none besides. */
async function removeOthers(store: BrickDir, call: Call, inode: Inode, file: FileRef, dict: Dict): Promise<void> {
  const priority = store.priority(call, Priority.normal);
  const into = region(LIST_ROOM);
  const b = batch();
  b.xattrs(file.fd, file.name, 'user.*\0system.posix_acl_*', into.address, into.capacity);
  await store.run(b, inode.lane, priority);
  const r = b.result(0);
  b.release();
  const stale: string[] = [];
  if (r > 0) {
    eachXattr(into.bytes, 0, r, (name) => {
      if (!wanted(dict, name)) stale.push(name);
    });
  }
  into.release();
  if (r < 0) throw failure(r);
  for (let i = 0; i < stale.length; i += PER_BATCH) {
    const w = batch();
    for (const name of stale.slice(i, i + PER_BATCH)) w.removexattr(file.fd, file.name, name, IGNORE);
    await store.run(w, inode.lane, priority);
    const errno = w.errno;
    w.release();
    if (errno !== 0) throw failure(errno);
  }
}

function wanted(dict: Dict, name: string): boolean {
  if (dict.has(name)) return true;
  if (name === key.ACL_ACCESS_XATTR) return dict.has(key.ACL_ACCESS_TEXT);
  return name === key.ACL_DEFAULT_XATTR && dict.has(key.ACL_DEFAULT_TEXT);
}
