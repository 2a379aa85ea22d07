/**
 * Closes descriptors on the pool, because close(2) may block (it writes back data, or frees blocks). Closes are
 * collected, since one hand-over each would cost more than the close. When a brick with a hung disk ends, nobody waits
 * for them: the pool releases the files, and the descriptor numbers become free once no running call uses them.
 */

import { background } from '../../mux/base/fault.js';
import { loggerFor } from '../../mux/base/log.js';
import type { BrickContext } from '../../mux/xlator/translator.js';
import { addon } from '../../native/addon.js';
import { assert } from '../../native/assert.js';
import { batch } from '../../native/batch.js';
import { ECANCELED } from '../../native/errno.js';
import { IGNORE, MAX_OPS, Priority } from '../../native/layout.js';
import { Queue } from '../../native/queue.js';

const PER_BATCH = 20;
assert(PER_BATCH <= MAX_OPS, 'a batch has room for the descriptors that it is to close');
/** Descriptors wait this long at most to be closed. */
const DELAY_MS = 20;
/** How long an end waits for closes, and, on a disk that hangs, for the pool to release descriptors. */
const CLOSE_WAIT_MS = 2000;
const RETIRE_WAIT_MS = 500;

const log = loggerFor('closing');

/** ending: descriptors are kept until the end. ended: nothing else uses the queue any more. */
type State = 'open' | 'ending' | 'ended';
const ORDER: readonly State[] = ['open', 'ending', 'ended'];

export class DeferredClose {
  readonly #queue: Queue;
  readonly #brick: BrickContext;
  #waiting: number[] = [];
  #cancelTimer: (() => void) | null = null;
  #state: State = 'open';

  constructor(brick: BrickContext, queue: Queue) {
    this.#brick = brick;
    this.#queue = queue;
  }

  #become(state: State): void {
    assert(
      ORDER.indexOf(state) >= ORDER.indexOf(this.#state),
      'the closing of descriptors ends and does not begin again',
    );
    this.#state = state;
  }

  close(descriptor: number): void {
    assert(descriptor >= 0, 'what is closed is a descriptor');
    const waiting = this.#waiting.push(descriptor);
    if (this.#state === 'ending') return;
    if (this.#state === 'ended') this.#closeElsewhere(this.#take());
    else if (waiting === PER_BATCH) this.#closeNow();
    else if (waiting === 1) this.#cancelTimer = this.#brick.timer(DELAY_MS, false, () => this.#closeNow());
  }

  #take(): number[] {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #closeNow(): void {
    for (const some of pieces(this.#take())) this.#closeSome(some, this.#queue);
  }

  #closeSome(descriptors: number[], queue: Queue): void {
    const b = batch();
    for (const fd of descriptors) b.close(fd, IGNORE);
    b.onDone = () => {
      // The queue was closed first.
      const left = descriptors.filter((_, i) => b.result(i) === -ECANCELED);
      b.release();
      for (const fd of left) this.close(fd);
    };
    queue.submit(b, 0, Priority.low);
  }

  /** Calls hang that name descriptors: from now on they are kept for {@link end}. */
  hold(): void {
    this.#become('ending');
  }

  /**
   * Closes all that was given to {@link close}, and the queue. When calls hang, their descriptors are closed as they come
   * back, if ever, and what they stand for is released at once. Resolves within some seconds.
   */
  async end(hangs: boolean): Promise<void> {
    if (!hangs) {
      this.#closeNow();
      hangs = (await this.#queue.drained(CLOSE_WAIT_MS)) > 0;
    }
    this.#become(hangs ? 'ending' : 'ended');
    this.#queue.close();
    if (!hangs) return;
    this.#cancelTimer?.();
    // Closes that were queued come back by this.
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    this.#become('ended');
    await Promise.race([this.#retire(this.#take()), new Promise((resolve) => setTimeout(resolve, RETIRE_WAIT_MS))]);
  }

  /** Releases descriptors that calls in progress still name; closes them when the last of these has come back. */
  async #retire(descriptors: number[]): Promise<void> {
    const queue = new Queue(1);
    for (const some of pieces(descriptors)) {
      const b = batch();
      for (const fd of some) b.retire(fd, IGNORE);
      await queue.run(b, 0, Priority.low);
      b.release();
    }
    queue.close();
    const closed = this.#queue.drained().then(() => {
      for (const fd of descriptors) addon.closeFd(fd);
    });
    background(closed, log, 'closing descriptors of a brick that hangs failed');
  }

  /** Closes what a call that returned late had opened. */
  #closeElsewhere(descriptors: number[]): void {
    const queue = new Queue(1);
    for (const some of pieces(descriptors)) this.#closeSome(some, queue);
    background(
      queue.drained().then(() => queue.close()),
      log,
      'closing late descriptors failed',
    );
  }
}

function pieces(descriptors: number[]): number[][] {
  const all: number[][] = [];
  for (let i = 0; i < descriptors.length; i += PER_BATCH) all.push(descriptors.slice(i, i + PER_BATCH));
  return all;
}
