/**
 * The writes of a brick. Those to one file that arrive in one turn of the event loop go to the pool as one batch: the file's attributes
 * before and after each, and one store of its time record for all. None runs on the event loop's thread: RWF_NOWAIT keeps
 * a write neither from waiting on a frozen file system nor (ext4, and XFS with a time to set) from being refused anyway.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { WriteReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert, defined } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ECANCELED, EIO } from '../../../native/errno.js';
import { doubleAt, IGNORE, MAX_OPS, Priority, STAT } from '../../../native/layout.js';
import { O_APPEND } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import { iattOf } from '../format/iatt-from-statx.js';
import type { Mdata } from '../format/mdata-record.js';
import { syncOutcome } from '../open-file.js';
import type { TimeRecords } from '../times/time-records.js';
import type { Write } from '../write.js';

/** Writes in a batch: what its memory has room for. */
const MAX_WRITES = 8;
assert(
  1 + 2 * MAX_WRITES + 2 <= MAX_OPS,
  'a batch has room for the stat before, each write with its stat, times and sync',
);
/** Bytes in a batch of several writes: the first of them waits for the last. */
const MAX_BYTES = 1 << 20;

export class WriteQueue {
  readonly #disk: DiskContext;
  readonly #mdata: TimeRecords;
  /** What arrived in this turn, by file. */
  #waiting: Write[][] = [];

  constructor(disk: DiskContext, mdata: TimeRecords) {
    this.#disk = disk;
    this.#mdata = mdata;
  }

  add(w: Write): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      w.resolve = resolve;
      w.reject = reject;
      // Direct writes run side by side: the kernel allows it, and fast disks need it.
      if (w.file.direct && !w.atomic) this.#start([w], 0);
      else this.#queue(w);
    });
  }

  #queue(w: Write): void {
    const state = this.#disk.state(w.args.fd.inode);
    if (state.writes !== null) {
      state.writes.push(w);
      return;
    }
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
    const writes = [w];
    state.writes = writes;
    this.#waiting.push(writes);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const writes of waiting) {
      const { inode } = firstOf(writes).args.fd;
      this.#disk.state(inode).writes = null;
      if (writes.length === 1) {
        this.#start(writes, inode.lane);
        continue;
      }
      let from = 0;
      let i = 0;
      let bytes = 0;
      for (const { args } of writes) {
        if (i > from && (i - from === MAX_WRITES || bytes + args.size > MAX_BYTES)) {
          this.#start(writes.slice(from, i), inode.lane);
          from = i;
          bytes = 0;
        }
        bytes += args.size;
        i++;
      }
      this.#start(from === 0 ? writes : writes.slice(from), inode.lane);
    }
  }

  /** Runs writes to one file, in order. Never throws: those of other files follow. */
  #start(writes: Write[], lane: number): void {
    try {
      this.#submit(writes, lane);
    } catch (thrown) {
      for (const w of writes) {
        w.release();
        w.reject(thrown);
      }
    }
  }

  #submit(writes: Write[], lane: number): void {
    const disk = this.#disk;
    const first = firstOf(writes);
    const { inode } = first.args.fd;
    const b = batch();
    const before = b.statOut();
    for (const w of writes) w.after = b.statOut();
    b.statx(first.file.fd, null, before);
    let planned: Mdata | null = null;
    let sync = false;
    for (const w of writes) {
      if (planned === null) planned = this.#mdata.plan(inode, w.call);
      else planned.advance(w.call.timeFlags, w.call.timeSec, w.call.timeNsec);
      w.writeOp = b.pwrite(w.file.fd, w.address, w.args.size, w.args.offset);
      w.statOp = b.statx(w.file.fd, null, w.after);
      if (w.sync) sync = true;
    }
    const stray = lane === 0;
    const timesOp = planned === null ? -1 : this.#mdata.storeOp(b, first.file.fd, null, planned, inode, stray);
    const syncOp = sync ? b.fsync(first.file.fd, IGNORE) : -1;
    b.onDone = () => {
      try {
        this.#settle(b, writes, before, syncOp < 0 ? 0 : b.result(syncOp));
      } catch (thrown) {
        // Those that have been answered do not hear of it.
        for (const w of writes) w.reject(thrown);
      }
      if (planned !== null) this.#mdata.stored(b, timesOp, planned, inode, inode.gfid, stray);
      b.release();
    };
    disk.queue.submit(b, lane, disk.priority(first.call, Priority.low));
  }

  #settle(b: Batch, writes: Write[], before: number, synced: number): void {
    const disk = this.#disk;
    const first = firstOf(writes);
    const { inode } = first.args.fd;
    const failed = b.failedOp >= 0;
    // What is written here is told of below; but the file's later syncs must know, too.
    if (synced < 0 && synced !== -ECANCELED) syncOutcome(first.file, synced, b, writes.at(-1)?.after ?? -1);
    let times = this.#mdata.of(inode);
    let pre = before;
    const again: Write[] = [];
    for (const w of writes) {
      const n = b.result(w.writeOp);
      if (b.result(w.statOp) === 0 && n >= 0 && !(w.sync && synced < 0 && !failed)) {
        const preStat = iattOf(b.f64, pre, inode.gfid, times);
        times = this.#timesAfter(times, w.call);
        const reply: WriteReply = {
          count: n,
          pre: preStat,
          post: iattOf(b.f64, w.after, inode.gfid, times),
          xdata: w.args.xdata === null ? null : answer(w, w.args.xdata, inode, doubleAt(b.f64, pre + STAT.size)),
        };
        if (failed) {
          this.#finishLate(w, reply);
        } else {
          w.release();
          w.resolve(reply);
        }
        pre = w.after;
      } else if (n === -ECANCELED && w !== first && b.result(0) !== -ECANCELED) {
        again.push(w);
      } else {
        w.release();
        const errno = n < 0 ? -n : b.result(w.statOp) < 0 ? -b.result(w.statOp) : -synced;
        disk.fopFailed(`write failed on gfid=${gfidText(inode.gfid)}, offset=${w.args.offset}`, errno);
        w.reject(failure(errno === ECANCELED ? EIO : errno));
      }
    }
    // One that failed has stopped those behind it, which have nothing to do with it.
    if (again.length > 0) this.#start(again, inode.lane);
  }

  /** A write that succeeded in a batch that failed after it: the times and the sync of the batch are missing. */
  #finishLate(w: Write, reply: WriteReply): void {
    const disk = this.#disk;
    const finish = async (): Promise<WriteReply> => {
      await this.#mdata.touch(w.args.fd.inode, w.call);
      if (w.sync) {
        const b = batch();
        b.fsync(w.file.fd);
        await disk.run(b, 0, Priority.low);
        const r = b.result(0);
        if (r < 0) syncOutcome(w.file, r, b, -1);
        b.release();
        if (r < 0) throw failure(r);
      }
      return reply;
    };
    finish()
      .finally(() => w.release())
      .then(w.resolve, w.reject);
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

/** The first of some writes to one file, of which there is always one. */
function firstOf(writes: Write[]): Write {
  return defined(writes[0], 'a batch of writes has a write');
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
