/** mknod, mkdir and symlink: new entries that are not opened. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { EntryReply, MkdirArgs, MknodArgs, SymlinkArgs } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import { refuseMisplaced, refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT, EPERM } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { AT_REMOVEDIR, S_IALLUGO, S_IFMT, S_ISGID, S_ISUID } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { HANDLE_DIR, handleName, unlinkName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { directoryMode, fileMode, refuseDeviceNode } from '../attr/file-mode.js';
import { checkSpace } from '../data/space-check.js';
import { EntryCreation, undoCreation } from './entry-creation.js';
import { isHeal, requiredGfid, statHandle } from './gfid-request.js';
import { preopFails } from './layout-precheck.js';
import { replaceStaleLinkto } from './linkto.js';
import { ParentDir } from './parent-dir.js';
import { RequestedXattrs } from './requested-xattrs.js';

interface Kind {
  directory: boolean;
  /** Owner of the entry. */
  gid: number;
  chown: boolean;
  make(b: ReturnType<typeof batch>, dir: number, name: string): number;
}

/** Makes an entry; the errno is thrown, the entry removed when a later step fails. */
async function makeEntry(
  store: BrickDir,
  call: Call,
  parentDir: ParentDir,
  name: string,
  gfid: Gfid,
  xdata: Dict | null,
  kind: Kind,
): Promise<EntryReply> {
  const creation = new EntryCreation(
    store,
    parentDir,
    call,
    name,
    gfid,
    kind.directory,
    new RequestedXattrs(call, xdata, [key.FORCE_REPLACE]),
  );
  const b = batch();
  creation.begin(b);
  const make = kind.make(b, parentDir.fd, name);
  creation.ops(b, -1, call.uid, kind.gid, kind.chown);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  creation.ended(b);
  let stat: Iatt | null = creation.stat(b);
  let post = parentDir.post;
  const errno = b.errno;
  const failed = b.failedOp;
  const handle = creation.handleFailed(b) ? creation.handleResult(b) : 0;
  b.release();
  if (failed === make) throw failure(errno);
  if (errno !== 0) {
    if (handle !== 0 && (await creation.repairHandle(handle, isHeal(call, xdata)))) {
      ({ stat, post } = await creation.finish());
    } else {
      await undoCreation(store, parentDir, name, kind.directory ? AT_REMOVEDIR : 0);
      throw failure(errno);
    }
  }
  if (stat === null) throw failure(EIO);
  await creation.rest();
  return { stat, preparent: parentDir.pre, postparent: post, xdata: null };
}

export async function mkdir(store: BrickDir, call: Call, args: MkdirArgs): Promise<EntryReply> {
  const { parent, name } = args.loc;
  if (parent!.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const gfid = requiredGfid(args.xdata);
  refuseMisplaced(gfid, parent!, name, isHeal(call, args.xdata));
  checkSpace(store, call, args.xdata);
  const parentDir = await ParentDir.open(store, call, parent!);
  try {
    let mode = directoryMode(store.options, args.mode) & S_IALLUGO;
    if ((parentDir.pre.mode & S_ISGID) !== 0) mode |= S_ISGID;
    if (args.xdata?.has(key.PREOP_PARENT) === true) {
      const errno = await preopFails(store, parentDir.fd, args.xdata);
      if (errno === EIO) throw new FopError(EIO, new Dict().setInt(key.PREOP_FAILED, 1));
      if (errno !== 0) throw failure(errno);
    }
    const gid = parentDir.groupFor(call.gid);
    return await makeEntry(store, call, parentDir, name, gfid, args.xdata, {
      directory: true,
      gid,
      chown: call.uid !== 0 || gid !== 0 || parentDir.pre.gid !== 0,
      make: (b, dir, entry) => b.mkdir(dir, entry, mode),
    });
  } finally {
    parentDir.release();
  }
}

export async function symlink(store: BrickDir, call: Call, args: SymlinkArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  const { parent, name } = args.loc;
  const parentDir = await ParentDir.open(store, call, parent!);
  try {
    const gid = parentDir.groupFor(call.gid);
    return await makeEntry(store, call, parentDir, name, gfid, args.xdata, {
      directory: false,
      gid,
      chown: call.uid !== 0 || gid !== 0 || parentDir.pre.gid !== 0,
      make: (b, dir, entry) => b.symlink(args.target, dir, entry),
    });
  } finally {
    parentDir.release();
  }
}

export async function mknod(store: BrickDir, call: Call, args: MknodArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  refuseDeviceNode(call, args.mode, args.rdev);
  checkSpace(store, call, args.xdata);
  const { parent, name } = args.loc;
  const parentDir = await ParentDir.open(store, call, parent!);
  try {
    const mode = fileMode(store.options, args.mode) & (S_IFMT | S_IALLUGO);
    const gid = parentDir.groupFor(call.gid);
    if (args.xdata?.has(key.INTERNAL_FOP) === true) {
      const linked = await linkExisting(store, call, args, parentDir, gfid);
      if (linked !== null) return linked;
    }
    const kind: Kind = {
      directory: false,
      gid,
      chown: call.uid !== 0 || gid !== 0 || parentDir.pre.gid !== 0 || (mode & (S_ISUID | S_ISGID)) !== 0,
      make: (b, dir, entry) => b.mknod(dir, entry, mode, args.rdev),
    };
    try {
      return await makeEntry(store, call, parentDir, name, gfid, args.xdata, kind);
    } catch (error) {
      const blocked =
        error instanceof FopError && error.errno === EEXIST && args.xdata?.has(key.FORCE_REPLACE) === true;
      if (!blocked || !(await replaceStaleLinkto(store, parentDir, name))) throw error;
      return await makeEntry(store, call, parentDir, name, gfid, args.xdata, kind);
    }
  } finally {
    parentDir.release();
  }
}

/**
 * Distribute makes link files for files with hard links under the same gfid: if this brick has the gfid already, the new
 * entry is one more link of that file. Null when it has not, or the link can't be made; EEXIST when it is a directory's.
 */
async function linkExisting(
  store: BrickDir,
  call: Call,
  args: MknodArgs,
  parentDir: ParentDir,
  gfid: Gfid,
): Promise<EntryReply | null> {
  const name = args.loc.name;
  if ((await statHandle(store, gfid))?.ofDirectory === true) throw failure(EEXIST);
  const inode = store.brick.findInode(gfidKey(gfid)) ?? null;
  const state = inode === null ? null : store.state(inode);
  const b = batch();
  parentDir.reserve(b);
  const at = b.statOut();
  const glusterfs = store.glusterfsFd;
  if (state?.unlinked === true) {
    // It lives on because it is open: it gets its handle back along with a name.
    b.link(glusterfs, unlinkName(gfid), parentDir.fd, name);
    b.rename(glusterfs, unlinkName(gfid), glusterfs, handleName(gfid));
  } else {
    b.link(glusterfs, handleName(gfid), parentDir.fd, name);
  }
  // The file may be another's: only root, as which distribute does this, adds xattrs to it. A pid is no proof of anything.
  if (call.uid === 0) new RequestedXattrs(call, args.xdata, [key.FORCE_REPLACE]).ops(b, parentDir.fd, name);
  if (store.options.gfid2path) gfid2pathOp(b, parentDir.fd, name, parentDir.inode.gfid, name);
  const times = inode !== null && !store.mdata.unread(inode) ? store.mdata.plan(inode, call) : null;
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, parentDir.fd, name, times, inode, true);
  b.statx(parentDir.fd, name, at);
  const statOp = b.length - 1;
  parentDir.endOps(b);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, gfid, true);
  parentDir.ended(b);
  const linked = b.result(0) === 0;
  const errno = b.errno;
  const mdata = inode === null ? null : store.mdata.of(inode);
  const stat = linked && b.result(statOp) === 0 ? iattOf(b.f64, at, gfid, mdata) : null;
  b.release();
  if (!linked) return null;
  if (state?.unlinked === true) state.unlinked = false;
  if (stat === null) throw failure(errno === 0 ? ENOENT : errno);
  if (store.options['update-link-count-parent']) await countLink(store, parentDir.fd, name, parentDir.inode.gfid, 1);
  return { stat, preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}
