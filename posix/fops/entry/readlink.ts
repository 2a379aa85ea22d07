/** The fop readlink. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise, ReadlinkArgs, ReadlinkReply } from '../../../mux/xlator/fops.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Batch } from '../../../native/batch.js';
import { EINVAL } from '../../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH, S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { MDATA_KEY } from '../../disk/format/mdata-record.js';
import { type CachedOutcome, type CachedProgram, runCached } from '../../disk/run-cached.js';

/** Longest target that Linux allows. */
const PATH_MAX = 4096;
/** Room in the batch itself: longer targets get a buffer of their own. */
const SMALL = 1024;

export function readlink(store: BrickDir, call: Call, args: ReadlinkArgs): MaybePromise<ReadlinkReply> {
  if (args.inode.type === S_IFDIR) throw failure(EINVAL);
  const query = new LinkQuery(store, args);
  const running = runCached(store, query, store.priority(call, Priority.high));
  return running === null ? query.reply() : running.then(() => query.reply());
}

class LinkQuery implements CachedProgram {
  readonly #store: BrickDir;
  readonly #args: ReadlinkArgs;
  readonly #size: number;
  #large: Buffer | null = null;
  #stat = 0;
  #at = 0;
  #times = -1;
  #timesAt = 0;
  #errno = 0;
  #target = '';
  #iatt = NO_IATT;

  constructor(store: BrickDir, args: ReadlinkArgs) {
    this.#store = store;
    this.#args = args;
    this.#size = Math.min(args.size, PATH_MAX);
  }

  program(b: Batch, resolve: number): void {
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

  take(b: Batch): CachedOutcome {
    const { inode } = this.#args;
    this.#errno = b.errno;
    if (this.#errno !== 0) {
      // An empty path on anything but a symbolic link is ENOENT; readlink(2) of a name says EINVAL.
      if (b.failedOp === 2) this.#errno = EINVAL;
      return 'done';
    }
    const { mdata } = this.#store;
    if (this.#times >= 0) mdata.found(inode, inode.gfid, b.view(this.#timesAt, 64), 0, b.result(this.#times));
    const length = b.result(2);
    const from = this.#large ?? b.view(this.#at, length);
    this.#target = from.latin1Slice(0, length);
    this.#iatt = iattOf(b.f64, this.#stat, inode.gfid, mdata.of(inode));
    return 'done';
  }

  reply(): ReadlinkReply {
    if (this.#errno !== 0) throw failure(this.#errno);
    return { target: this.#target, stat: this.#iatt, xdata: null };
  }
}
