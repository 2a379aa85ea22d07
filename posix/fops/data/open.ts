/** The fops open and flush. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FdArgs, MaybePromise, OpenArgs, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import type { Batch } from '../../../native/batch.js';
import { EINVAL, ELOOP, ENOTDIR, ENXIO } from '../../../native/errno.js';
import { IGNORE, Priority, reg } from '../../../native/layout.js';
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
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
} from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { MDATA_KEY } from '../../disk/format/mdata-record.js';
import { type CachedOutcome, type CachedProgram, runOnPool, tryCached } from '../../disk/run-cached.js';
import { MDATA_ROOM, readTimes } from '../../disk/times/time-reading.js';
import { refuseCloud } from './data-refusal.js';
import { checkSpace } from './space-check.js';

/** Open flags that clients may use. Not O_CREAT and O_EXCL: an open creates no file. */
const CLIENT_FLAGS = O_ACCMODE | O_APPEND | O_TRUNC | O_DIRECT | O_DIRECTORY | O_NONBLOCK | O_SYNC | O_NOATIME;

const NO_REPLY: Xdata = Object.freeze({ xdata: null });

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
  const opening = new FileOpening(store, inode, flags);
  if ((flags & O_TRUNC) === 0 && inode.type === S_IFREG && tryCached(store, opening)) {
    return opened(store, call, args, opening.fd, flags);
  }
  return openOnPool(store, call, args, opening, flags);
}

async function openOnPool(
  store: BrickDir,
  call: Call,
  args: OpenArgs,
  opening: FileOpening,
  flags: number,
): Promise<Xdata> {
  const { inode } = args;
  const file = await store.fileRef(inode);
  opening.file = file;
  // Truncation runs in order with the writes.
  const lane = (flags & O_TRUNC) === 0 ? 0 : inode.lane;
  await runOnPool(store, opening, store.priority(call, Priority.high), lane, call);
  file.release();
  return opened(store, call, args, opening.fd, flags);
}

/** Opens an inode's file, and reads its time record if that is not known. */
class FileOpening implements CachedProgram {
  readonly #store: BrickDir;
  readonly #inode: Inode;
  readonly #flags: number;
  #timesAt = 0;
  #timesOp = -1;
  /** Where the file is. Null: as far as is known without waiting, by its handle. */
  file: FileRef | null = null;
  /** The descriptor, or a negated errno. */
  fd = -1;

  constructor(store: BrickDir, inode: Inode, flags: number) {
    this.#store = store;
    this.#inode = inode;
    this.#flags = flags;
  }

  program(b: Batch, resolve: number): void {
    const store = this.#store;
    const inode = this.#inode;
    const unread = store.mdata.unread(inode);
    if (unread) this.#timesAt = b.out(MDATA_ROOM);
    const dir = this.file?.fd ?? store.glusterfsFd;
    const name = this.file === null ? store.state(inode).handle : (this.file.name ?? '.');
    if (inode.type === S_IFREG) b.openRegular(dir, name, this.#flags, true, resolve);
    else b.open(dir, name, this.#flags | O_DIRECTORY, 0, resolve);
    this.#timesOp = unread ? b.getxattr(reg(0), null, MDATA_KEY, this.#timesAt, MDATA_ROOM, IGNORE) : -1;
  }

  take(b: Batch): CachedOutcome {
    const fd = b.result(0);
    // The handle of a file that lost its last name has moved.
    if (fd < 0 && this.file === null && this.#store.state(this.#inode).unlinked) return 'wait';
    if (fd >= 0 && this.#timesOp >= 0) readTimes(this.#store.mdata, this.#inode, b, this.#timesOp, this.#timesAt);
    this.fd = fd;
    return 'done';
  }
}

function failed(store: BrickDir, inode: Inode, errno: number): never {
  store.fopFailed(`open of ${gfidText(inode.gfid)} failed`, -errno);
  throw failure(errno);
}

function opened(store: BrickDir, call: Call, args: OpenArgs, descriptor: number, flags: number): Xdata {
  if (descriptor < 0) return failed(store, args.inode, descriptor);
  store.files.attach(args.fd, descriptor, flags);
  store.timeStores.touchSoon(args.inode, call);
  return NO_REPLY;
}

/** Nothing to flush: every write has reached the file system before its reply. EINVAL without an open file. */
export function flush(store: BrickDir, args: FdArgs): MaybePromise<Xdata> {
  return then(store.files.fileRef(args.fd), (file) => {
    file.release();
    return NO_REPLY;
  });
}
