/** Latency histograms of an interval, as the difference of two samples, and their percentiles. */
import { LATENCY_BOUNDS_SEC, LATENCY_BUCKETS } from '../../../mux/stats/fop-stats.js';

/** What a counter has gained; one that fell was started anew. */
export const gain = (now: number, before: number): number => (now >= before ? now - before : now);

export class LatencyHistogram {
  readonly buckets = new Float64Array(LATENCY_BUCKETS);
  count = 0;

  /** Adds what a histogram has gained since it was looked at before. */
  addGain(now: Float64Array, before: Float64Array | undefined): void {
    for (let i = 0; i < LATENCY_BUCKETS; i++) this.#add(i, gain(now[i] ?? 0, before?.[i] ?? 0));
  }

  add(other: LatencyHistogram): void {
    other.buckets.forEach((n, i) => {
      this.#add(i, n);
    });
  }

  #add(bucket: number, n: number): void {
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + n;
    this.count += n;
  }

  /** In seconds, as even within a bucket; the last bound for what lies above it. Null if nothing was counted. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    let left = q * this.count;
    let lower = 0;
    for (const [i, upper] of LATENCY_BOUNDS_SEC.entries()) {
      const n = this.buckets[i] ?? 0;
      if (n > 0 && left <= n) return lower + ((upper - lower) * left) / n;
      left -= n;
      lower = upper;
    }
    return lower;
  }
}
