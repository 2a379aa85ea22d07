/** What io-stats counts over a time: requests, failures, latencies and sizes by fop, in flat arrays. */

/** Size of arrays that GF_FOP_* numbers index. */
export const FOP_SLOTS = 64;
/** Buckets of sizes and of latencies: powers of two. */
export const BUCKETS = 32;

/** The arrays of a profile: made with the first request that is counted, since most bricks never have a profile on. */
class Tables {
  readonly hits = new Float64Array(FOP_SLOTS);
  readonly failures = new Float64Array(FOP_SLOTS);
  readonly latencySum = new Float64Array(FOP_SLOTS);
  readonly latencyMin = new Float64Array(FOP_SLOTS).fill(Number.POSITIVE_INFINITY);
  readonly latencyMax = new Float64Array(FOP_SLOTS);
  readonly latencyBuckets = new Float64Array(FOP_SLOTS * BUCKETS);
  readonly readSizes = new Float64Array(BUCKETS);
  readonly writeSizes = new Float64Array(BUCKETS);
}

/** What counters that have counted nothing show; never written to. */
const NOTHING = new Tables();

export class Counters {
  /** Date.now() of the start. */
  startedAt = Date.now();
  /** Bytes. */
  dataRead = 0;
  dataWritten = 0;
  #tables: Tables | null = null;

  // What was counted, to be read only.
  get hits(): Float64Array {
    return (this.#tables ?? NOTHING).hits;
  }
  get failures(): Float64Array {
    return (this.#tables ?? NOTHING).failures;
  }
  /** Nanoseconds. */
  get latencySum(): Float64Array {
    return (this.#tables ?? NOTHING).latencySum;
  }
  get latencyMin(): Float64Array {
    return (this.#tables ?? NOTHING).latencyMin;
  }
  get latencyMax(): Float64Array {
    return (this.#tables ?? NOTHING).latencyMax;
  }
  /** Requests by latency: bucket k of a fop (at fop * BUCKETS + k) has those of [2^k, 2^(k+1)) microseconds. */
  get latencyBuckets(): Float64Array {
    return (this.#tables ?? NOTHING).latencyBuckets;
  }
  /** Reads and writes by size: bucket k has those of [2^k, 2^(k+1)) bytes. */
  get readSizes(): Float64Array {
    return (this.#tables ?? NOTHING).readSizes;
  }
  get writeSizes(): Float64Array {
    return (this.#tables ?? NOTHING).writeSizes;
  }

  clear(): void {
    this.startedAt = Date.now();
    this.#tables = null;
    this.dataRead = 0;
    this.dataWritten = 0;
  }

  #counting(): Tables {
    this.#tables ??= new Tables();
    return this.#tables;
  }

  /** Notes a request that took `ns` nanoseconds. */
  record(fop: number, ns: number, failed: boolean): void {
    const t = this.#counting();
    t.hits[fop]!++;
    if (failed) t.failures[fop]!++;
    t.latencySum[fop]! += ns;
    if (ns < t.latencyMin[fop]!) t.latencyMin[fop] = ns;
    if (ns > t.latencyMax[fop]!) t.latencyMax[fop] = ns;
    t.latencyBuckets[fop * BUCKETS + log2(ns / 1000)]!++;
  }

  /** Notes a request of which no latency is known. */
  hit(fop: number): void {
    this.#counting().hits[fop]!++;
  }
  read(bytes: number): void {
    this.dataRead += bytes;
    this.#counting().readSizes[log2(bytes)]!++;
  }
  wrote(bytes: number): void {
    this.dataWritten += bytes;
    this.#counting().writeSizes[log2(bytes)]!++;
  }
}

/** Bucket of a number: floor of its binary logarithm, 0 for what is below 2. */
export function log2(n: number): number {
  return n < 2 ? 0 : 31 - Math.clz32(Math.min(n, 0xffffffff));
}
