/** The ceilings of one tenant, or of a whole volume: which token buckets a fop draws on, and when it may run. */
import type { Traffic } from '../xlator/fop-table.js';
import type { Bucket, BucketTable } from './bucket.js';
import { CEILINGS, type Ceiling, type Limits } from './rules.js';
import type { LimitStats } from './stats.js';

interface Gauge {
  readonly ceiling: Ceiling;
  readonly bucket: Bucket;
  readonly perByte: boolean;
  /** The traffic that counts; null: all. */
  readonly only: Traffic | null;
}

const ONLY: Readonly<Record<Ceiling, Traffic | null>> = {
  ops: null,
  'read-ops': 'read',
  'write-ops': 'write',
  bytes: null,
  'read-bytes': 'read',
  'write-bytes': 'write',
};

export class Ceilings {
  readonly #gauges: readonly Gauge[];
  /** Reading and writing have rates of their own: one may go while the other waits. */
  readonly apart: boolean;

  /** key: names volume and tenant, the same in all workers. */
  constructor(table: BucketTable, key: string, limits: Limits) {
    const gauges: Gauge[] = [];
    for (const ceiling of CEILINGS) {
      const rate = limits.rates[ceiling];
      if (rate === undefined) continue;
      const bucket = table.bucket(`${key}\0${ceiling}`);
      bucket.configure(rate, limits.burstSec);
      gauges.push({ ceiling, bucket, perByte: ceiling.endsWith('bytes'), only: ONLY[ceiling] });
    }
    this.#gauges = gauges;
    this.apart = gauges.some((g) => g.only !== null);
  }

  /** Nanoseconds until a fop of the kind may go; 0 or less: now. */
  waitNs(now: number, traffic: Traffic, bytes: number): number {
    let wait = 0;
    for (const g of this.#gauges) {
      if (g.only !== null && g.only !== traffic) continue;
      if (g.perByte && bytes === 0) continue;
      wait = Math.max(wait, g.bucket.waitNs(now));
    }
    return wait;
  }

  charge(now: number, traffic: Traffic, ops: number, bytes: number): void {
    for (const g of this.#gauges) {
      if (g.only !== null && g.only !== traffic) continue;
      const units = g.perByte ? bytes : ops;
      if (units !== 0) g.bucket.charge(now, units);
    }
  }

  /** Refunds bytes that were charged but not moved. */
  refund(now: number, traffic: Traffic, bytes: number): void {
    this.charge(now, traffic, 0, -bytes);
  }

  stats(now: number): LimitStats[] {
    return this.#gauges.map(({ ceiling, bucket }) => ({
      ceiling,
      perSecond: bucket.rate,
      tokens: bucket.tokens(now),
      burst: bucket.burst,
    }));
  }
}
