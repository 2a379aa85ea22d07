/** What io-stats counts over a time: requests, failures, latencies and sizes by fop, in flat arrays. */

/** Size of arrays that GF_FOP_* numbers index. */
export const FOP_SLOTS = 64;
/** Buckets of sizes and of latencies: powers of two. */
export const BUCKETS = 32;

export class Counters {
  /** Date.now() of the start. */
  startedAt = 0;
  readonly hits = new Float64Array(FOP_SLOTS);
  readonly failures = new Float64Array(FOP_SLOTS);
  /** Nanoseconds. */
  readonly latencySum = new Float64Array(FOP_SLOTS);
  readonly latencyMin = new Float64Array(FOP_SLOTS);
  readonly latencyMax = new Float64Array(FOP_SLOTS);
  /** Requests by latency: bucket k of a fop (at fop * BUCKETS + k) has those of [2^k, 2^(k+1)) microseconds. */
  readonly latencyBuckets = new Float64Array(FOP_SLOTS * BUCKETS);
  /** Reads and writes by size: bucket k has those of [2^k, 2^(k+1)) bytes. */
  readonly readSizes = new Float64Array(BUCKETS);
  readonly writeSizes = new Float64Array(BUCKETS);
  /** Bytes. */
  dataRead = 0;
  dataWritten = 0;

  constructor() {
    this.clear();
  }

  clear(): void {
    this.startedAt = Date.now();
    this.hits.fill(0);
    this.failures.fill(0);
    this.latencySum.fill(0);
    this.latencyMin.fill(Number.POSITIVE_INFINITY);
    this.latencyMax.fill(0);
    this.latencyBuckets.fill(0);
    this.readSizes.fill(0);
    this.writeSizes.fill(0);
    this.dataRead = 0;
    this.dataWritten = 0;
  }

  /** Notes a request that took `ns` nanoseconds. */
  record(fop: number, ns: number, failed: boolean): void {
    this.hits[fop]!++;
    if (failed) this.failures[fop]!++;
    this.latencySum[fop]! += ns;
    if (ns < this.latencyMin[fop]!) this.latencyMin[fop] = ns;
    if (ns > this.latencyMax[fop]!) this.latencyMax[fop] = ns;
    this.latencyBuckets[fop * BUCKETS + log2(ns / 1000)]!++;
  }

  /** Notes a request of which no latency is known. */
  hit(fop: number): void {
    this.hits[fop]!++;
  }
  read(bytes: number): void {
    this.dataRead += bytes;
    this.readSizes[log2(bytes)]!++;
  }
  wrote(bytes: number): void {
    this.dataWritten += bytes;
    this.writeSizes[log2(bytes)]!++;
  }
}

/** Bucket of a number: floor of its binary logarithm, 0 for what is below 2. */
export function log2(n: number): number {
  return n < 2 ? 0 : 31 - Math.clz32(Math.min(n, 0xffffffff));
}
