/**
 * Writes to one file that run as one batch. Of three writes to a file that is open twice, the second with O_SYNC:
 *
 *   ops       statx  pwrite statx  pwrite statx  pwrite statx  setxattr  fsync
 *   results   |      n0     |      n1     |      n2     |                |
 *             before        after0        after1        after2           synced
 *             |<-- write 0 -->|<-- write 1 -->|<-- write 2 -->|
 *                  pre, post       pre, post       pre, post
 *
 * The attributes after a write are those before the next one. One setxattr stores the times that all of them set, one fsync serves all. An
 * op that fails stops those behind it: the writes in front are answered once their times and their sync are made up for, those
 * behind have nothing to do with the failure and run again, as a batch of their own. Batches of one inode run in its lane, one after the
 * other; direct writes run alone and in no lane.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { WriteReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert, defined } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import type { BatchTimes, BatchWaiter } from '../../../native/batch-times.js';
import { ECANCELED, EIO } from '../../../native/errno.js';
import { doubleAt, IGNORE, MAX_OPS, STAT, STAT_DOUBLES } from '../../../native/layout.js';
import { O_APPEND } from '../../../native/linux.js';
import { ARENA_BYTES } from '../../../native/slot.js';
import { BatchPart } from '../batch-parts.js';
import type { DiskContext } from '../context.js';
import { iattOf } from '../format/iatt-from-statx.js';
import type { Mdata } from '../format/mdata-record.js';
import { syncOutcome } from '../open-file.js';
import type { TimeRecords } from '../times/time-records.js';
import type { TimeStore } from '../times/time-stores.js';
import type { Write } from '../write.js';

/** Writes in a batch. */
export const MAX_WRITES = 8;
const NONE: readonly Write[] = [];

// A stat before, two ops a write, times and sync; and a result for each stat.
assert(1 + 2 * MAX_WRITES + 2 <= MAX_OPS, 'a batch has room for the ops of MAX_WRITES writes');
assert((1 + MAX_WRITES) * STAT_DOUBLES * 8 <= ARENA_BYTES, 'a batch has room for the results of MAX_WRITES writes');

export interface WriteBatchOwner {
  /** A batch has run, and its writes are answered, except those passed to the methods below. */
  ended(): void;
  /** They were not reached since one in front of them has failed: to be run again. */
  again(writes: Write[]): void;
  /** It has succeeded in a batch that failed after it: the times and the sync of the batch are missing. */
  finishLate(w: Write, reply: WriteReply): void;
}

export class WriteBatch extends BatchPart implements BatchWaiter {
  readonly #disk: DiskContext;
  readonly #mdata: TimeRecords;
  readonly #times: TimeStore;
  readonly #owner: WriteBatchOwner;
  /** Released at the end: what is over must not keep alive what it has led to. */
  #writes: readonly Write[];
  readonly #inode: Inode;
  #before = 0;
  #last = 0;
  #syncOp = -1;

  /** lane: in which it runs; 0 for a direct write. */
  constructor(
    disk: DiskContext,
    mdata: TimeRecords,
    times: TimeStore,
    owner: WriteBatchOwner,
    writes: readonly Write[],
    lane: number,
  ) {
    super();
    this.#writes = writes;
    const { inode } = this.#first.args.fd;
    assert(writes.length <= MAX_WRITES, 'a batch has no more writes than its memory has room for');
    assert(
      lane === inode.lane || (lane === 0 && writes.length === 1),
      'writes run in the lane of their file, or alone',
    );
    this.#disk = disk;
    this.#mdata = mdata;
    this.#times = times;
    this.#owner = owner;
    this.#inode = inode;
  }

  get #first(): Write {
    return defined(this.#writes[0], 'a batch has writes until its end');
  }

  waitsForBatch(times: (() => BatchTimes) | null): void {
    for (const w of this.#writes) w.call.waitsForBatch(times);
  }

  batchTookLong(times: BatchTimes): void {
    for (const w of this.#writes) w.call.batchTookLong(times);
  }

  protected override takeRoom(b: Batch): void {
    this.#before = b.statOut();
    for (const w of this.#writes) w.after = this.#last = b.statOut();
  }

  protected override addOps(b: Batch): void {
    const inode = this.#inode;
    const { fd } = this.#first.file;
    b.statx(fd, null, this.#before);
    let planned: Mdata | null = null;
    let sync = false;
    for (const w of this.#writes) {
      assert(w.args.fd.inode === inode, 'the writes of a batch are to one file');
      if (planned === null) planned = this.#mdata.plan(inode, w.call);
      else planned.advance(w.call.timeFlags, w.call.timeSec, w.call.timeNsec);
      w.writeOp = b.pwrite(w.file.fd, w.address, w.args.size, w.args.offset);
      w.statOp = b.statx(w.file.fd, null, w.after);
      if (w.sync) sync = true;
    }
    this.#times.op(b, fd, null, planned);
    if (sync) this.#syncOp = b.fsync(fd, IGNORE);
  }

  protected override takeResults(b: Batch): void {
    try {
      this.#settle(b, this.#syncOp < 0 ? 0 : b.result(this.#syncOp));
    } catch (thrown) {
      // Writes that were answered already are not affected.
      let told = false;
      for (const w of this.#writes) {
        if (w.answered || w.late) continue;
        w.fail(thrown);
        told = true;
      }
      if (!told) throw thrown;
    } finally {
      this.#times.ended(b);
      this.#writes = NONE;
      this.#owner.ended();
    }
  }

  /** The batch could not be built: the caller, which catches the exception, fails the writes. */
  protected override takeNothing(b: Batch): void {
    this.#times.ended(b);
  }

  #settle(b: Batch, synced: number): void {
    const inode = this.#inode;
    const first = this.#first;
    const failed = b.failedOp >= 0;
    // These writes fail below, but later syncs of the file must fail, too.
    if (synced < 0 && synced !== -ECANCELED) syncOutcome(first.file, synced, b, this.#last);
    let times = this.#mdata.of(inode);
    let pre = this.#before;
    const again: Write[] = [];
    for (const w of this.#writes) {
      const n = b.result(w.writeOp);
      if (b.result(w.statOp) === 0 && n >= 0 && !(w.sync && synced < 0 && !failed)) {
        const preStat = iattOf(b.f64, pre, inode.gfid, times);
        times = this.#timesAfter(times, w.call);
        const { xdata } = w.args;
        const reply: WriteReply = {
          count: n,
          pre: preStat,
          post: iattOf(b.f64, w.after, inode.gfid, times),
          xdata: xdata === null ? null : answer(w, xdata, inode, doubleAt(b.f64, pre + STAT.size)),
        };
        if (failed) {
          w.late = true;
          this.#owner.finishLate(w, reply);
        } else w.succeed(reply);
        pre = w.after;
      } else if (n === -ECANCELED && w !== first && b.result(0) !== -ECANCELED) {
        again.push(w);
      } else {
        const errno = n < 0 ? -n : b.result(w.statOp) < 0 ? -b.result(w.statOp) : -synced;
        this.#disk.fopFailed(`write failed on gfid=${gfidText(inode.gfid)}, offset=${w.args.offset}`, errno);
        w.fail(failure(errno === ECANCELED ? EIO : errno));
      }
    }
    if (again.length > 0) this.#owner.again(again);
  }

  /** The time record after a write that found it as `times`. */
  #timesAfter(times: Mdata | null, call: Call): Mdata | null {
    if (times === null) return this.#mdata.planFrom(null, call);
    if ((call.timeFlags & 7) === 0) return times;
    const m = times.copy();
    m.advance(call.timeFlags, call.timeSec, call.timeNsec);
    return m;
  }
}

/** What the request asks to be told about the write. */
function answer(w: Write, xdata: Dict, inode: Inode, sizeBefore: number): Dict | null {
  let dict: Dict | null = null;
  if (xdata.has(key.OPEN_FD_COUNT)) dict = (dict ?? new Dict()).setUint(key.OPEN_FD_COUNT, inode.fdCount);
  if (xdata.has(key.ACTIVE_FD_COUNT)) dict = (dict ?? new Dict()).setUint(key.ACTIVE_FD_COUNT, inode.fdCount);
  if (xdata.has(key.WRITE_IS_APPEND)) {
    const append = sizeBefore === w.args.offset || (w.args.fd.flags & O_APPEND) !== 0;
    dict = (dict ?? new Dict()).setUint(key.WRITE_IS_APPEND, append ? 1 : 0);
  }
  return dict;
}
