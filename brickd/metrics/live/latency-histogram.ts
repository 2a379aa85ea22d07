/** Latency histograms over a stretch of time: what has been added between two looks at the counters, and its percentiles. */
import { LATENCY_BOUNDS_SEC, LATENCY_BUCKETS } from '../../../mux/stats/fop-stats.js';

/** What a counter has gained; one that fell was started anew. */
export const gain = (now: number, before: number): number => (now >= before ? now - before : now);

export class Spread {
  readonly buckets = new Float64Array(LATENCY_BUCKETS);
  count = 0;

  /** Adds what a histogram has gained since it was looked at before. */
  addGain(now: Float64Array, before: Float64Array | undefined): void {
    for (let i = 0; i < LATENCY_BUCKETS; i++) {
      const n = before === undefined ? now[i]! : gain(now[i]!, before[i]!);
      this.buckets[i] = this.buckets[i]! + n;
      this.count += n;
    }
  }

  add(other: Spread): void {
    for (let i = 0; i < LATENCY_BUCKETS; i++) this.buckets[i] = this.buckets[i]! + other.buckets[i]!;
    this.count += other.count;
  }

  /** In seconds, as even within a bucket; the last bound for what lies above it. Null if nothing was counted. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    let left = q * this.count;
    for (let i = 0; i < LATENCY_BOUNDS_SEC.length; i++) {
      const n = this.buckets[i]!;
      const upper = LATENCY_BOUNDS_SEC[i]!;
      if (n > 0 && left <= n) {
        const lower = i === 0 ? 0 : LATENCY_BOUNDS_SEC[i - 1]!;
        return lower + ((upper - lower) * left) / n;
      }
      left -= n;
    }
    return LATENCY_BOUNDS_SEC.at(-1)!;
  }
}
