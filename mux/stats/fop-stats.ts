/**
 * Latency histograms and error counts per fop of a brick, for metrics. A fop that was never called uses no memory: a
 * thread may have hundreds of idle bricks.
 */

/** Upper bounds of the buckets of a latency histogram, in seconds; whatever takes longer is in one more. */
export const LATENCY_BOUNDS_SEC: readonly number[] = [
  0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
];
/** Buckets of a latency histogram. */
export const LATENCY_BUCKETS = LATENCY_BOUNDS_SEC.length + 1;
/** Place of the sum of all latencies in a row, behind the buckets. */
const SUM = LATENCY_BUCKETS;
/** Numbers in a row: calls by bucket, and the sum of their latencies in milliseconds. */
export const LATENCY_ROW = LATENCY_BUCKETS + 1;

const BOUNDS_MS = Float64Array.from(LATENCY_BOUNDS_SEC, (s) => s * 1000);
const NO_ROWS: (Float64Array | undefined)[] = [];
/** Errno values stay below this. */
const ERRNO_SPAN = 4096;

/** Counts one latency in a histogram's row. */
export function countLatency(row: Float64Array, ms: number): void {
  let i = 0;
  // biome-ignore lint/style/noNonNullAssertion: checked by the condition before it
  while (i < BOUNDS_MS.length && ms > BOUNDS_MS[i]!) i++;
  // biome-ignore lint/style/noNonNullAssertion: a row has a number for each bucket
  row[i] = row[i]! + 1;
  // biome-ignore lint/style/noNonNullAssertion: and one for the sum
  row[SUM] = row[SUM]! + ms;
}

/** Latencies of a fop: calls by bucket (not cumulative), their count and their sum. */
export interface Latency {
  fop: number;
  buckets: Float64Array;
  count: number;
  sumSec: number;
}

/** A row as a histogram. */
export function latencyOf(fop: number, row: Float64Array): Latency {
  const buckets = row.subarray(0, LATENCY_BUCKETS);
  let count = 0;
  for (const n of buckets) count += n;
  return { fop, buckets, count, sumSec: (row[SUM] ?? 0) / 1000 };
}

/** The histograms that {@link FopStats.latencies} has put together. */
export function* latenciesIn(flat: Float64Array): Generator<Latency> {
  for (let at = 0; at < flat.length; at += 1 + LATENCY_ROW) {
    yield latencyOf(flat[at] ?? 0, flat.subarray(at + 1, at + 1 + LATENCY_ROW));
  }
}

export class FopStats {
  #rows = NO_ROWS;
  #errors: Map<number, number> | null = null;

  /** Counts a fop (by its procedure number) that took that many milliseconds. */
  recordLatency(fop: number, ms: number): void {
    countLatency(this.#rows[fop] ?? this.#newRow(fop), ms);
  }

  #newRow(fop: number): Float64Array {
    if (this.#rows === NO_ROWS) this.#rows = [];
    const row = new Float64Array(LATENCY_ROW);
    this.#rows[fop] = row;
    return row;
  }

  recordFailure(fop: number, errno: number): void {
    this.#errors ??= new Map();
    const key = fop * ERRNO_SPAN + (errno & (ERRNO_SPAN - 1));
    this.#errors.set(key, (this.#errors.get(key) ?? 0) + 1);
  }

  /** All histograms in one array, to be sent to another thread: for each fop its number and its row. */
  latencies(): Float64Array {
    const called: [fop: number, row: Float64Array][] = [];
    for (const [fop, row] of this.#rows.entries()) if (row !== undefined) called.push([fop, row]);
    const flat = new Float64Array(called.length * (1 + LATENCY_ROW));
    let at = 0;
    for (const [fop, row] of called) {
      flat[at] = fop;
      flat.set(row, at + 1);
      at += 1 + LATENCY_ROW;
    }
    return flat;
  }

  /** Failures by fop and errno: triples of procedure number, errno and count. */
  errors(): Float64Array {
    if (this.#errors === null) return new Float64Array(0);
    const flat = new Float64Array(this.#errors.size * 3);
    let at = 0;
    for (const [key, count] of this.#errors) {
      flat[at++] = Math.floor(key / ERRNO_SPAN);
      flat[at++] = key % ERRNO_SPAN;
      flat[at++] = count;
    }
    return flat;
  }
}
