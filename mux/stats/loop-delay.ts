/**
 * A histogram of event loop delay: how much later a timer runs than it should. It runs only while somebody reads the
 * numbers, so that a process without metrics does not wake up for it.
 */
import { countLatency, LATENCY_ROW } from './fop-stats.js';

const PERIOD_MS = 100;
/** Without a question for so long, the timer stops. */
const FORGOTTEN_MS = 10 * 60_000;

class LoopDelay {
  readonly #row = new Float64Array(LATENCY_ROW);
  #timer: NodeJS.Timeout | null = null;
  #askedAt = 0;
  #due = 0;

  /** The histogram's row (see {@link LATENCY_ROW}) so far; the first question starts the measurement. */
  row(): Float64Array {
    this.#askedAt = performance.now();
    if (this.#timer === null) {
      this.#due = this.#askedAt + PERIOD_MS;
      this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
      this.#timer.unref();
    }
    return this.#row.slice();
  }

  #tick(): void {
    const now = performance.now();
    countLatency(this.#row, Math.max(0, now - this.#due));
    this.#due = now + PERIOD_MS;
    if (now - this.#askedAt < FORGOTTEN_MS || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Of this thread. */
export const loopDelay = new LoopDelay();
