/** Counters of io-stats over an interval: requests, latencies and sizes by fop, in flat arrays. */

import { add, cell } from './cells.js';

/** Size of arrays that GF_FOP_* numbers index. */
export const FOP_SLOTS = 64;
/** Size of arrays that GF_UPCALL_* numbers index. */
const UPCALL_SLOTS = 8;
/** Buckets of sizes: powers of two. */
export const BUCKETS = 32;

/** Latencies of a profile: made with the first request that is timed, since most bricks never have a profile on. */
class Latencies {
  readonly sum = new Float64Array(FOP_SLOTS);
  readonly min = new Float64Array(FOP_SLOTS).fill(Number.POSITIVE_INFINITY);
  readonly max = new Float64Array(FOP_SLOTS);
}

/** Requests and sizes: made with the first that is counted, since a process may have hundreds of idle bricks. */
class Hits {
  readonly hits = new Float64Array(FOP_SLOTS);
  readonly upcalls = new Float64Array(UPCALL_SLOTS);
  readonly readSizes = new Float64Array(BUCKETS);
  readonly writeSizes = new Float64Array(BUCKETS);
}

/** What counters that have counted nothing show; never written to. */
const NO_HITS = new Hits();
const NO_LATENCIES = new Latencies();

export class Counters {
  /** Date.now() of the start. */
  startedAt = Date.now();
  /** Bytes. */
  dataRead = 0;
  dataWritten = 0;
  #hits = NO_HITS;
  #latencies = NO_LATENCIES;

  // What was counted, to be read only. By GF_FOP_* number:
  get hits(): Float64Array {
    return this.#hits.hits;
  }
  /** Callbacks to clients, by GF_UPCALL_* number. */
  get upcalls(): Float64Array {
    return this.#hits.upcalls;
  }
  /** Nanoseconds, by GF_FOP_* number. */
  get latencySum(): Float64Array {
    return this.#latencies.sum;
  }
  get latencyMin(): Float64Array {
    return this.#latencies.min;
  }
  get latencyMax(): Float64Array {
    return this.#latencies.max;
  }
  /** Reads and writes by size: bucket k has those of [2^k, 2^(k+1)) bytes. */
  get readSizes(): Float64Array {
    return this.#hits.readSizes;
  }
  get writeSizes(): Float64Array {
    return this.#hits.writeSizes;
  }

  clear(): void {
    this.startedAt = Date.now();
    this.#hits = NO_HITS;
    this.#latencies = NO_LATENCIES;
    this.dataRead = 0;
    this.dataWritten = 0;
  }

  #counting(): Hits {
    if (this.#hits === NO_HITS) this.#hits = new Hits();
    return this.#hits;
  }

  /** Notes a request that took `ns` nanoseconds. */
  record(fop: number, ns: number): void {
    add(this.#counting().hits, fop, 1);
    if (this.#latencies === NO_LATENCIES) this.#latencies = new Latencies();
    const { sum, min, max } = this.#latencies;
    add(sum, fop, ns);
    if (ns < cell(min, fop)) min[fop] = ns;
    if (ns > cell(max, fop)) max[fop] = ns;
  }

  /** Notes a request of which no latency is known. */
  hit(fop: number): void {
    add(this.#counting().hits, fop, 1);
  }
  upcall(number: number): void {
    add(this.#counting().upcalls, number, 1);
  }
  read(bytes: number): void {
    this.dataRead += bytes;
    add(this.#counting().readSizes, log2(bytes), 1);
  }
  wrote(bytes: number): void {
    this.dataWritten += bytes;
    add(this.#counting().writeSizes, log2(bytes), 1);
  }
}

/** Bucket of a number: floor of its binary logarithm, 0 for what is below 2. */
export function log2(n: number): number {
  return n < 2 ? 0 : 31 - Math.clz32(Math.min(n, 0xffffffff));
}
