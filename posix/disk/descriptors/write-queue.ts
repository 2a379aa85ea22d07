/**
 * The queue of a brick's writes. Writes to one file that arrive in the same turn of the event loop become one batch:
 * attributes before and after each, and one update of the time record for all. No write runs inline: RWF_NOWAIT does
 * not keep a write from waiting on a frozen file system, and ext4, and XFS with a time to set, refuse it anyway.
 */

import { failure } from '../../../mux/xlator/fop-error.js';
import type { WriteReply } from '../../../mux/xlator/fops.js';
import { assert } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import { type Collector, endOfTurn } from '../../../native/turn.js';
import { startPart } from '../batch-parts.js';
import type { DiskContext } from '../context.js';
import { syncOutcome } from '../open-file.js';
import type { TimeRecords } from '../times/time-records.js';
import { TimeStore, type TimeStores } from '../times/time-stores.js';
import type { Write } from '../write.js';
import { MAX_WRITES, WriteBatch, type WriteBatchOwner } from './write-batch.js';

/** Bytes in a batch of several writes: the first of them waits for the last. */
const MAX_BYTES = 1 << 20;

export class WriteQueue implements WriteBatchOwner, Collector {
  readonly #disk: DiskContext;
  readonly #mdata: TimeRecords;
  readonly #timeStores: TimeStores;
  /** What arrived in this turn, by file. */
  #waiting: Write[][] = [];
  /** Batches that the pool has. */
  #inFlight = 0;

  constructor(disk: DiskContext, mdata: TimeRecords, timeStores: TimeStores) {
    this.#disk = disk;
    this.#mdata = mdata;
    this.#timeStores = timeStores;
  }

  add(w: Write): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      w.onAnswer(resolve, reject);
      // Direct writes run side by side: the kernel allows it, and fast disks need it.
      if (w.file.direct && !w.atomic) this.#start(w, [w], 0);
      else this.#queue(w);
    });
  }

  #queue(w: Write): void {
    const state = this.#disk.state(w.args.fd.inode);
    if (state.writes !== null) {
      state.writes.push(w);
      return;
    }
    if (this.#waiting.length === 0) endOfTurn.writes.add(this);
    const writes = [w];
    state.writes = writes;
    this.#waiting.push(writes);
  }

  endOfTurn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const writes of waiting) this.#startAll(writes);
  }

  /** Starts the writes to one file that have come together, in as many batches as they need. */
  #startAll(writes: Write[]): void {
    const first = writes[0];
    assert(first !== undefined, 'only files that are written to have writes waiting');
    const { inode } = first.args.fd;
    const state = this.#disk.state(inode);
    assert(state.writes === writes, 'the writes to a file wait in one list');
    state.writes = null;
    let head = first;
    let from = 0;
    let end = 0;
    let bytes = 0;
    for (const w of writes) {
      const { size } = w.args;
      if (end > from && (end - from === MAX_WRITES || bytes + size > MAX_BYTES)) {
        this.#start(head, writes.slice(from, end), inode.lane);
        head = w;
        from = end;
        bytes = 0;
      }
      bytes += size;
      end++;
    }
    this.#start(head, from === 0 ? writes : writes.slice(from), inode.lane);
  }

  /** Runs writes to one file, in order. Never throws: those of other files follow. */
  #start(first: Write, writes: Write[], lane: number): void {
    try {
      const { inode } = first.args.fd;
      const times = new TimeStore(this.#timeStores, inode, inode.gfid, lane === 0);
      const part = new WriteBatch(this.#disk, this.#mdata, times, this, writes, lane);
      startPart(this.#disk.queue, lane, this.#disk.priority(first.call, Priority.low), part, part);
      this.#inFlight++;
    } catch (thrown) {
      for (const w of writes) w.fail(thrown);
    }
  }

  ended(): void {
    assert(this.#inFlight > 0, 'a batch of writes ends that was in flight');
    this.#inFlight--;
  }

  again(writes: Write[]): void {
    const first = writes[0];
    if (first !== undefined) this.#start(first, writes, first.args.fd.inode.lane);
  }

  finishLate(w: Write, reply: WriteReply): void {
    this.#finish(w).then(
      () => w.succeed(reply),
      (thrown: unknown) => w.fail(thrown),
    );
  }

  async #finish(w: Write): Promise<void> {
    await this.#timeStores.touch(w.args.fd.inode, w.call);
    if (!w.sync) return;
    const b = batch();
    b.fsync(w.file.fd);
    await this.#disk.run(b, 0, Priority.low, w.call);
    const r = b.result(0);
    if (r < 0) syncOutcome(w.file, r, b, -1);
    b.release();
    if (r < 0) throw failure(r);
  }
}
