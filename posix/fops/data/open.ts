/** open and flush of files. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FdArgs, MaybePromise, OpenArgs, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import { type Batch, batch, IGNORE, Priority, reg } from '../../../native/batch.js';
import { EAGAIN, EINVAL, ELOOP, ENOTDIR, ENXIO } from '../../../native/errno.js';
import {
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_SYNC,
  O_TRUNC,
  RESOLVE_CACHED,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { attachDescriptor } from '../../disk/descriptors/open-files.js';
import { MDATA_KEY } from '../../disk/format/mdata-record.js';
import { MDATA_ROOM, readTimes } from '../../disk/times/times.js';
import { refuseCloud } from './cloudsync-refusal.js';
import { checkSpace } from './space-check.js';

/** What a client may ask for. O_CREAT and O_EXCL are not among them: an open makes no file. */
const CLIENT_FLAGS = O_ACCMODE | O_APPEND | O_TRUNC | O_DIRECT | O_DIRECTORY | O_NONBLOCK | O_SYNC | O_NOATIME;

const NO_REPLY: Xdata = Object.freeze({ xdata: null });

/** EINVAL for block and character devices: their data is the client's machine's, not the brick's. */
export function refuseDevice(inode: Inode): void {
  if (inode.type === S_IFBLK || inode.type === S_IFCHR) throw failure(EINVAL);
}

/** Refuses everything but files and directories. Clients open FIFOs and sockets on their own machines. */
function refuseSpecial(inode: Inode): void {
  if (inode.type === S_IFREG || inode.type === S_IFDIR) return;
  if (inode.type === S_IFLNK) throw failure(ELOOP);
  throw failure(inode.type === S_IFSOCK ? ENXIO : EINVAL);
}

/** Opens by gfid. Inline while the kernel has the handle in its cache. */
export function open(store: BrickDir, call: Call, args: OpenArgs): MaybePromise<Xdata> {
  const { inode } = args;
  refuseSpecial(inode);
  if (inode.type === S_IFREG && (args.flags & O_DIRECTORY) !== 0) throw failure(ENOTDIR);
  refuseCloud(store, args.xdata);
  if ((args.flags & O_CREAT) !== 0) checkSpace(store, call, args.xdata);
  let flags = (args.flags & CLIENT_FLAGS) | O_NOFOLLOW;
  if (store.options['o-direct']) flags |= O_DIRECT;
  if ((flags & O_TRUNC) === 0 && inode.type === S_IFREG) {
    const descriptor = openInline(store, inode, flags);
    if (descriptor >= 0) return opened(store, call, args, descriptor, flags);
    if (descriptor !== -EAGAIN) return failed(store, inode, descriptor);
  }
  return openOnPool(store, call, args, flags);
}

function openOp(b: Batch, inode: Inode, dir: number, name: string, flags: number, resolve = 0): void {
  if (inode.type === S_IFREG) b.openRegular(dir, name, flags, true, resolve);
  else b.open(dir, name, flags | O_DIRECTORY, 0, resolve);
}

function openInline(store: BrickDir, inode: Inode, flags: number): number {
  if (!store.inline) return -EAGAIN;
  const b = batch();
  const unread = store.mdata.unread(inode);
  const at = unread ? b.out(MDATA_ROOM) : 0;
  const state = store.state(inode);
  // A file that has lost its last name is reached by the pool's way only.
  openOp(b, inode, store.glusterfsFd, state.handle, flags, RESOLVE_CACHED);
  const times = unread ? b.getxattr(reg(0), null, MDATA_KEY, at, MDATA_ROOM, IGNORE) : -1;
  store.inlining.run(b);
  const descriptor = state.unlinked && b.result(0) < 0 ? -EAGAIN : b.result(0);
  if (descriptor >= 0 && unread) readTimes(store.mdata, inode, b, times, at);
  b.release();
  return descriptor;
}

async function openOnPool(store: BrickDir, call: Call, args: OpenArgs, flags: number): Promise<Xdata> {
  const { inode } = args;
  const file = await store.fileRef(inode);
  const b = batch();
  const unread = store.mdata.unread(inode);
  const at = unread ? b.out(MDATA_ROOM) : 0;
  openOp(b, inode, file.fd, file.name ?? '.', flags);
  const times = unread ? b.getxattr(reg(0), null, MDATA_KEY, at, MDATA_ROOM, IGNORE) : -1;
  // Truncation takes its turn among the writes.
  const lane = (flags & O_TRUNC) === 0 ? 0 : inode.lane;
  await store.run(b, lane, store.priority(call, Priority.high));
  file.release();
  const descriptor = b.result(0);
  if (descriptor >= 0 && unread) readTimes(store.mdata, inode, b, times, at);
  b.release();
  return descriptor >= 0 ? opened(store, call, args, descriptor, flags) : failed(store, inode, descriptor);
}

function failed(store: BrickDir, inode: Inode, errno: number): never {
  store.fopFailed(`open of ${gfidText(inode.gfid)} failed`, -errno);
  throw failure(errno);
}

function opened(store: BrickDir, call: Call, args: OpenArgs, descriptor: number, flags: number): Xdata {
  attachDescriptor(store, args.fd, descriptor, flags);
  store.mdata.touchSoon(args.inode, call);
  return NO_REPLY;
}

/** Nothing to flush: every write has reached the file system before its reply. EINVAL without an open file. */
export function flush(store: BrickDir, args: FdArgs): MaybePromise<Xdata> {
  return then(store.files.fileRef(args.fd), (file) => {
    file.release();
    return NO_REPLY;
  });
}
