/** create: a new regular file, open. Without O_EXCL it opens one that exists. */

import type { Call } from '../../../mux/xlator/call.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { CreateArgs, CreateReply } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, NULL_GFID } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT } from '../../../native/errno.js';
import { IGNORE, Priority, reg, STAT } from '../../../native/layout.js';
import {
  FMODE_EXEC,
  O_ACCMODE,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  S_IALLUGO,
  S_ISGID,
  S_ISUID,
  XATTR_CREATE,
} from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { type XattrFound, XattrRoom, XattrWants } from '../../disk/query/xattr-reply.js';
import { fileMode } from '../attr/file-mode.js';
import { checkSpace } from '../data/space-check.js';
import { EntryCreation, undoCreation } from './entry-creation.js';
import { isFreeFor, requiredGfid } from './gfid-request.js';
import { preopFails } from './layout-precheck.js';
import { ParentDir } from './parent-dir.js';
import { RequestedXattrs } from './requested-xattrs.js';

/** Open flags that openat2 takes for a regular file; it refuses others, which open(2) has always ignored (0o20 has no name). */
const USABLE_FLAGS = ~(O_DIRECTORY | O_PATH | O_CREAT | O_EXCL | O_TMPFILE | FMODE_EXEC | 0o20);

export async function create(store: BrickDir, call: Call, args: CreateArgs): Promise<CreateReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  const parentDir = await ParentDir.open(store, call, args.loc.parent!);
  try {
    const wanted = args.flags === 0 ? O_RDWR | O_EXCL : args.flags;
    const flags = (wanted & USABLE_FLAGS) | (store.options['o-direct'] ? O_DIRECT : 0);
    const exclusive = (wanted & O_EXCL) !== 0;
    if (args.xdata?.has(key.PREOP_PARENT) === true) await checkLayout(store, parentDir, args);
    const made = await makeFile(store, call, args, parentDir, gfid, flags);
    if (made !== null) return made;
    if (exclusive) throw failure(EEXIST);
    return await openExisting(store, call, args, parentDir, flags);
  } finally {
    parentDir.release();
  }
}

/** The client's idea of the directory's layout must hold if the file is new: EIO otherwise. */
async function checkLayout(store: BrickDir, parentDir: ParentDir, args: CreateArgs): Promise<void> {
  const probe = await new EntryQuery(
    store,
    parentDir.directory,
    parentDir.inode,
    args.loc.name,
    new XattrWants(null),
  ).run(Priority.high);
  if (probe.errno !== ENOENT || (await preopFails(store, parentDir.fd, args.xdata!)) === 0) return;
  args.xdata!.setInt(key.PREOP_FAILED, 1);
  throw new FopError(EIO, args.xdata);
}

/** Makes the file; null when the name exists. */
async function makeFile(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  gfid: Gfid,
  flags: number,
): Promise<CreateReply | null> {
  const name = args.loc.name;
  const mode = fileMode(store.options, args.mode) & S_IALLUGO;
  const gid = parentDir.groupFor(call.gid);
  const requested = new RequestedXattrs(call, args.xdata);
  const creation = new EntryCreation(store, parentDir, call, name, gfid, false, requested);
  const b = batch();
  creation.begin(b);
  const open = b.open(parentDir.fd, name, flags | O_CREAT | O_EXCL, mode);
  const rootOwned = call.uid === 0 && gid === 0 && parentDir.pre.gid === 0;
  creation.ops(b, reg(open), call.uid, gid, !rootOwned || (mode & (S_ISUID | S_ISGID)) !== 0);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  creation.ended(b);
  const raw = b.result(open);
  let stat = creation.stat(b);
  let post = parentDir.post;
  const errno = b.errno;
  const failed = b.failedOp;
  const handle = creation.handleFailed(b) ? creation.handleResult(b) : 0;
  b.release();
  if (failed === open) {
    if (errno === EEXIST) return null;
    throw failure(errno);
  }
  if (errno !== 0) {
    if (handle !== 0 && (await creation.repairHandle(handle, false))) {
      ({ stat, post } = await creation.finish());
    } else {
      store.closing.close(raw);
      await undoCreation(store, parentDir, name);
      throw failure(errno);
    }
  }
  if (stat === null) {
    store.closing.close(raw);
    throw failure(EIO);
  }
  await creation.rest();
  return reply(store, args, parentDir, stat, post, raw);
}

function reply(
  store: BrickDir,
  args: CreateArgs,
  parentDir: ParentDir,
  stat: Iatt,
  postparent: Iatt,
  raw: number,
): CreateReply {
  return {
    stat,
    preparent: parentDir.pre,
    postparent,
    xdata: args.xdata,
    bind(fd: Fd) {
      store.files.attach(fd, raw, args.flags);
    },
    abandon() {
      store.closing.close(raw);
    },
  };
}

/** Opens the file that has the name, if it is a regular one; gives it a gfid and a handle if it lacks them. */
async function openExisting(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  flags: number,
): Promise<CreateReply> {
  const found = await ExistingFile.open(store, call, parentDir, args.loc.name, flags & ~O_TRUNC);
  try {
    // Of the open file, whatever has its name by now.
    args.admit?.(found.stat, found.xattrs.aclAccess);
    return await takeExisting(store, call, args, parentDir, flags, found);
  } catch (error) {
    store.closing.close(found.fd);
    throw error;
  }
}

/** A file that was opened by its name, and what it is. */
class ExistingFile {
  readonly fd: number;
  readonly stat: Iatt;
  readonly xattrs: XattrFound;
  /** Links as the file system counts them, the handle included. */
  readonly links: number;
  /** The table's inode of its gfid. */
  readonly inode: Inode | null;

  constructor(fd: number, stat: Iatt, xattrs: XattrFound, links: number, inode: Inode | null) {
    this.fd = fd;
    this.stat = stat;
    this.xattrs = xattrs;
    this.links = links;
    this.inode = inode;
  }

  static async open(
    store: BrickDir,
    call: Call,
    parentDir: ParentDir,
    name: string,
    flags: number,
  ): Promise<ExistingFile> {
    const wants = new XattrWants(null, [key.ACL_ACCESS_XATTR]);
    const room = new XattrRoom();
    for (;;) {
      const b = batch();
      room.reserve(b);
      const at = b.statOut();
      const open = b.openRegular(parentDir.fd, name, flags, false);
      b.statx(reg(open), null, at);
      const read = room.op(b, wants, reg(open), null);
      await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
      const fd = b.result(open);
      const length = b.result(read);
      const { errno } = b;
      if (errno === 0) {
        const xattrs = room.read(b, wants, length);
        room.release();
        const { gfid } = xattrs;
        const inode = gfid === null ? null : (store.brick.findInode(gfidKey(gfid)) ?? null);
        const kept = store.mdata.enabled ? xattrs.mdata : null;
        const mdata = gfid === null ? kept : store.mdata.read(inode, gfidKey(gfid), kept);
        const stat = iattOf(b.f64, at, gfid ?? NULL_GFID, mdata);
        const links = b.f64[at + STAT.nlink]!;
        b.release();
        return new ExistingFile(fd, stat, xattrs, links, inode);
      }
      b.release();
      if (fd >= 0) store.closing.close(fd);
      if (!room.grow(length)) {
        room.release();
        throw failure(errno);
      }
    }
  }
}

async function takeExisting(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  flags: number,
  { fd, xattrs, links, inode }: ExistingFile,
): Promise<CreateReply> {
  const gfid = xattrs.gfid ?? requiredGfid(args.xdata);
  if (
    xattrs.gfid === null &&
    !(await isFreeFor(store, gfid, parentDir.directory, parentDir.inode.gfid, args.loc.name))
  ) {
    throw failure(EEXIST);
  }
  const times = inode !== null ? store.mdata.plan(inode, call) : store.mdata.planFrom(xattrs.mdata, call);
  const b = batch();
  parentDir.reserve(b);
  const at = b.statOut();
  store.handles.levelOps(b, gfid);
  if (xattrs.gfid === null) b.setxattr(fd, null, GFID_KEY, gfid, XATTR_CREATE);
  if (links === 1) b.linkFd(fd, store.glusterfsFd, handleName(gfid), IGNORE);
  if ((flags & O_TRUNC) !== 0 && (flags & O_ACCMODE) !== O_RDONLY) b.truncate(fd, 0);
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, fd, null, times, inode, true);
  const statOp = b.statx(fd, null, at);
  parentDir.endOps(b);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, gfid, true);
  parentDir.ended(b);
  const errno = b.errno;
  const holder = store.brick.findInode(gfidKey(gfid));
  const mdata = holder !== undefined ? store.mdata.of(holder) : (times ?? xattrs.mdata);
  const stat = b.result(statOp) === 0 ? iattOf(b.f64, at, gfid, store.mdata.enabled ? mdata : null) : null;
  b.release();
  if (errno !== 0 || stat === null) throw failure(errno);
  return reply(store, args, parentDir, stat, parentDir.post, fd);
}
