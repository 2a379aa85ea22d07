/** readlink. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise, ReadlinkArgs, ReadlinkReply } from '../../../mux/xlator/fops.js';
import { ALWAYS, type Batch, batch, Priority, reg } from '../../../native/batch.js';
import { EAGAIN, EINVAL } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED, S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { MDATA_KEY } from '../../disk/format/mdata-record.js';

/** Longest target that Linux allows. */
const PATH_MAX = 4096;
/** Room in the batch itself: longer targets get a buffer of their own. */
const SMALL = 1024;

export function readlink(store: BrickDir, call: Call, args: ReadlinkArgs): MaybePromise<ReadlinkReply> {
  if (args.inode.type === S_IFDIR) throw failure(EINVAL);
  const look = new Look(store, args);
  return look.inline() ?? look.pool(store.priority(call, Priority.high));
}

class Look {
  readonly #store: BrickDir;
  readonly #args: ReadlinkArgs;
  readonly #size: number;
  #large: Buffer | null = null;
  #stat = 0;
  #at = 0;
  #times = -1;
  #timesAt = 0;

  constructor(store: BrickDir, args: ReadlinkArgs) {
    this.#store = store;
    this.#args = args;
    this.#size = Math.min(args.size, PATH_MAX);
  }

  /** The answer, or null when it can't be had without waiting. */
  inline(): ReadlinkReply | null {
    const store = this.#store;
    if (!store.inline) return null;
    const b = batch();
    this.#program(b, RESOLVE_CACHED);
    store.inlining.run(b);
    if (b.result(0) === -EAGAIN) {
      b.release();
      return null;
    }
    return this.#take(b);
  }

  async pool(priority: Priority): Promise<ReadlinkReply> {
    const b = batch();
    this.#program(b, 0);
    await this.#store.run(b, 0, priority);
    return this.#take(b);
  }

  #program(b: Batch, resolve: number): void {
    const { inode } = this.#args;
    this.#stat = b.statOut();
    if (this.#size <= SMALL) this.#at = b.out(this.#size);
    else {
      this.#large = Buffer.from(new ArrayBuffer(this.#size));
      this.#at = b.keep(this.#large.buffer);
    }
    const unread = this.#store.mdata.unread(inode);
    if (unread) this.#timesAt = b.out(64);
    const handle = this.#store.state(inode).handle;
    b.open(this.#store.glusterfsFd, handle, O_PATH | O_NOFOLLOW, 0, resolve);
    b.statx(reg(0), null, this.#stat);
    b.readlink(reg(0), '', this.#at, this.#size);
    b.close(reg(0), ALWAYS);
    this.#times = unread ? b.getxattr(this.#store.glusterfsFd, handle, MDATA_KEY, this.#timesAt, 64, ALWAYS) : -1;
  }

  #take(b: Batch): ReadlinkReply {
    const { inode } = this.#args;
    const errno = b.errno;
    if (errno !== 0) {
      const isFile = b.failedOp === 2;
      b.release();
      // An empty path on anything but a symbolic link is ENOENT; readlink(2) of a name says EINVAL.
      throw failure(isFile ? EINVAL : errno);
    }
    if (this.#times >= 0)
      this.#store.mdata.found(inode, inode.gfid, b.view(this.#timesAt, 64), 0, b.result(this.#times));
    const length = b.result(2);
    const from = this.#large ?? b.view(this.#at, length);
    const target = from.latin1Slice(0, length);
    const stat = iattOf(b.f64, this.#stat, inode.gfid, this.#store.mdata.of(inode));
    b.release();
    return { target, stat, xdata: null };
  }
}
