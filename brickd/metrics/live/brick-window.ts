/** Rates and latencies of one brick between two samples of its counters. */

import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { latenciesIn } from '../../../mux/stats/fop-stats.js';
import { fopByNumber } from '../../../mux/xlator/fop-table.js';
import { gain, LatencyHistogram } from './latency-histogram.js';

export class BrickWindow {
  readonly now: BrickStats;
  readonly before: BrickStats | undefined;
  /** By fop's number: calls that ended in this time. */
  readonly spreads = new Map<number, LatencyHistogram>();
  /** Of all fops but locks. */
  readonly spread = new LatencyHistogram();
  /** Gained in this time. */
  ops = 0;
  failures = 0;
  readBytes = 0;
  writtenBytes = 0;

  /** before: undefined at the first look, then nothing counts as gained. */
  constructor(now: BrickStats, before: BrickStats | undefined) {
    this.now = now;
    this.before = before;
    if (before === undefined) return;
    this.readBytes = gain(now.bytesRead, before.bytesRead);
    this.writtenBytes = gain(now.bytesWritten, before.bytesWritten);
    now.hits.forEach((hits, fop) => {
      this.ops += gain(hits, before.hits[fop] ?? 0);
    });
    now.failures.forEach((failures, fop) => {
      this.failures += gain(failures, before.failures[fop] ?? 0);
    });
    const rows = new Map<number, Float64Array>();
    for (const { fop, buckets } of latenciesIn(before.latencies)) rows.set(fop, buckets);
    for (const { fop, buckets } of latenciesIn(now.latencies)) {
      const spread = new LatencyHistogram();
      spread.addGain(buckets, rows.get(fop));
      if (spread.count === 0) continue;
      this.spreads.set(fop, spread);
      if (fopByNumber(fop)?.isLock !== true) this.spread.add(spread);
    }
  }
}

/** Sums of bricks as a {@link FlowRates} wants them. */
export class FlowSum {
  readonly spread = new LatencyHistogram();
  ops = 0;
  failures = 0;
  readBytes = 0;
  writtenBytes = 0;
  underWay = 0;
  clients = 0;

  add(w: BrickWindow): void {
    this.spread.add(w.spread);
    this.ops += w.ops;
    this.failures += w.failures;
    this.readBytes += w.readBytes;
    this.writtenBytes += w.writtenBytes;
    this.underWay += w.now.callsUnderWay;
    this.clients += w.now.clients;
  }

  /** spanSec: length of the time. */
  flow(spanSec: number) {
    const per = (n: number): number => (spanSec === 0 ? 0 : n / spanSec);
    return {
      opsPerSec: per(this.ops),
      failuresPerSec: per(this.failures),
      readPerSec: per(this.readBytes),
      writePerSec: per(this.writtenBytes),
      p50: this.spread.quantile(0.5),
      p99: this.spread.quantile(0.99),
      underWay: this.underWay,
      clients: this.clients,
    };
  }
}
