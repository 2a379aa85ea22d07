/**
 * Token buckets, which limit rates over the whole process: one per tenant and ceiling, in memory that all workers
 * share.
 *
 * A bucket is one number, as in GCRA: the time at which everything admitted so far is paid for at the bucket's rate. It
 * is in the past by the credit that is left, or in the future by the debt. Credit is taken by a compare-and-swap that
 * advances it, so workers never wait for each other, and a worker that dies leaves nothing locked. All that is admitted
 * is charged in full, so the rate is exact over time even if two workers see the last credit at once, or one fop costs
 * more than there is.
 */

/** Shared buckets of a process; further keys get buckets that hold for one worker only. */
const SLOTS = 4096;
const BYTES_PER_SLOT = 24;

/** Memory for the buckets of a process: made once by the main thread, given to every worker. */
export function bucketMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SLOTS * BYTES_PER_SLOT);
}

/** What the main thread gives each worker for rates that hold for all of them. */
export interface QosWorkerData {
  qosBuckets: SharedArrayBuffer;
}

const clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Nanoseconds of a clock that is the same for all threads. */
export function nowNs(): number {
  return (performance.now() + clockOffsetMs) * 1e6;
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** Never 0: that marks a free slot. */
function hashOf(key: string): bigint {
  let h = FNV_OFFSET;
  for (let i = 0; i < key.length; i++) h = BigInt.asUintN(64, (h ^ BigInt(key.charCodeAt(i))) * FNV_PRIME);
  const signed = BigInt.asIntN(64, h);
  return signed === 0n ? 1n : signed;
}

/** A rate as the bits of its double, which can be exchanged atomically, and back. */
const scratch = new DataView(new ArrayBuffer(8));
function bitsOf(rate: number): bigint {
  scratch.setFloat64(0, rate);
  return scratch.getBigInt64(0);
}
function floatOf(bits: bigint): number {
  scratch.setBigInt64(0, bits);
  return scratch.getFloat64(0);
}

export class BucketTable {
  readonly #keys: BigInt64Array;
  readonly #rates: BigInt64Array;
  readonly paid: BigInt64Array;

  constructor(memory: SharedArrayBuffer = bucketMemory()) {
    this.#keys = new BigInt64Array(memory, 0, SLOTS);
    this.#rates = new BigInt64Array(memory, SLOTS * 8, SLOTS);
    this.paid = new BigInt64Array(memory, SLOTS * 16, SLOTS);
  }

  /** The bucket of a key, the same in all workers. A slot that was taken stays the key's. */
  bucket(key: string): Bucket {
    const hash = hashOf(key);
    let slot = Number(BigInt.asUintN(32, hash)) % SLOTS;
    for (let i = 0; i < SLOTS; i++) {
      const found = Atomics.compareExchange(this.#keys, slot, 0n, hash);
      if (found === 0n || found === hash) return new Bucket(this, slot);
      slot = (slot + 1) % SLOTS;
    }
    return new BucketTable().bucket(key);
  }

  /** Sets a rate; the one before. */
  exchangeRate(slot: number, rate: number): number {
    return floatOf(Atomics.exchange(this.#rates, slot, bitsOf(rate)));
  }
}

export class Bucket {
  readonly #table: BucketTable;
  readonly #slot: number;
  /** Per second. */
  rate = 0;
  /** Credit that can gather, as nanoseconds at the rate. */
  burstNs = 0;
  #nsPerUnit = 0;

  constructor(table: BucketTable, slot: number) {
    this.#table = table;
    this.#slot = slot;
  }

  /** Sets rate (per second) and burst (seconds of it). Debt is kept in units: at a higher rate it is paid sooner. */
  configure(rate: number, burstSec: number): void {
    this.rate = rate;
    this.#nsPerUnit = 1e9 / rate;
    // One unit of credit at least, or a slow rate would let nothing through before it is due.
    this.burstNs = Math.max(burstSec * 1e9, Math.min(this.#nsPerUnit, 1e9) * 0.01);
    const before = this.#table.exchangeRate(this.#slot, rate);
    if (before > 0 && before !== rate)
      this.#move((paid, now) => (paid > now ? now + ((paid - now) * before) / rate : paid));
  }

  /** Nanoseconds until there is credit; 0 or less if there is some now. */
  waitNs(now: number): number {
    return Number(Atomics.load(this.#table.paid, this.#slot)) - now - this.burstNs;
  }

  /** Takes `units`, whether there is credit for all of them or not. Negative units are given back. */
  charge(now: number, units: number): void {
    const { paid } = this.#table;
    const cost = units * this.#nsPerUnit;
    for (;;) {
      const before = Atomics.load(paid, this.#slot);
      // Credit is what `paid` lies behind now + burst: what is older than now has been forfeited.
      const from = units > 0 ? Math.max(Number(before), now) : Number(before);
      if (Atomics.compareExchange(paid, this.#slot, before, BigInt(Math.round(from + cost))) === before) return;
    }
  }

  /** Credit at hand in units; below zero is debt. */
  tokens(now: number): number {
    const paid = Math.max(Number(Atomics.load(this.#table.paid, this.#slot)), now);
    return (now + this.burstNs - paid) / this.#nsPerUnit;
  }

  /** Credit that can gather, in units. */
  get burst(): number {
    return this.burstNs / this.#nsPerUnit;
  }

  #move(to: (paid: number, now: number) => number): void {
    const { paid } = this.#table;
    const now = nowNs();
    for (;;) {
      const before = Atomics.load(paid, this.#slot);
      const after = BigInt(Math.round(to(Number(before), now)));
      if (Atomics.compareExchange(paid, this.#slot, before, after) === before) return;
    }
  }
}
