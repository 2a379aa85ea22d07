/**
 * How late this thread's event loop is, as a histogram: a timer looks how much later it runs than it should. It runs only
 * while somebody asks for the numbers, so that a process without metrics wakes for nothing.
 */
import { countLatency, LATENCY_ROW } from './fop-stats.js';

const PERIOD_MS = 100;
/** Without a question for so long, the timer stops. */
const FORGOTTEN_MS = 10 * 60_000;

const row = new Float64Array(LATENCY_ROW);
let timer: NodeJS.Timeout | undefined;
let askedAt = 0;
let due = 0;

function tick(): void {
  const now = performance.now();
  countLatency(row, Math.max(0, now - due));
  due = now + PERIOD_MS;
  if (now - askedAt < FORGOTTEN_MS) return;
  clearInterval(timer);
  timer = undefined;
}

/** The histogram's row (see {@link LATENCY_ROW}) so far; the first question starts the measurement. */
export function loopDelay(): Float64Array {
  askedAt = performance.now();
  if (timer === undefined) {
    due = askedAt + PERIOD_MS;
    timer = setInterval(tick, PERIOD_MS);
    timer.unref();
  }
  return row.slice();
}
