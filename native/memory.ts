/**
 * Pooled, reference-counted memory at fixed addresses, for received records, payloads and replies. Sizes are powers of
 * two. Free lists are bounded, so that memory is returned after a burst.
 */
import { addon } from './addon.js';
import { assert } from './assert.js';

const SMALLEST_BITS = 12;
const LARGEST_BITS = 23;
/** No honest request or reply needs more in one piece: the largest record twice, as it is while it grows. */
const MAX_REGION_BYTES = 256 << 20;
/** Enough for the writes of one client at a time; new memory must be zeroed and garbage collected. */
const KEEP_BYTES_PER_CLASS = 8 << 20;
/** Of all classes together. */
const KEEP_BYTES = 24 << 20;

/**
 * A region of memory. Reference counted: who stores it beyond the call that gave it takes a {@link retain}.
 *
 *   region(n) ---> 1 --retain--> 2 --release--> 1 --release--> 0: on the free list of its class,
 *                  ^                                           |  or the engine's to collect
 *                  +---------------- region(n) ----------------+
 */
export class Region {
  readonly address: number;
  readonly bytes: Buffer;
  #refs = 1;
  readonly #sizeClass: number;

  constructor(memory: ArrayBuffer, sizeClass: number) {
    this.bytes = Buffer.from(memory);
    this.address = addon.addressOf(memory);
    this.#sizeClass = sizeClass;
  }

  get capacity(): number {
    return this.bytes.length;
  }

  get shared(): boolean {
    return this.#refs > 1;
  }

  retain(): this {
    assert(this.#refs > 0, 'a region is retained by somebody who has it');
    this.#refs++;
    return this;
  }

  release(): void {
    assert(this.#refs > 0, 'a region is released as often as it was taken');
    if (--this.#refs === 0) giveBack(this, this.#sizeClass);
  }

  /** Its bytes have gone to the socket. */
  sent(): void {
    this.release();
  }

  /** For the free list only: a region of it starts a new life. */
  revive(): void {
    assert(this.#refs === 0, 'a region of the free list belongs to nobody');
    this.#refs = 1;
  }
}

let keptBytes = 0;
/** By the power of two that is their size. */
const lists: Region[][] = Array.from({ length: LARGEST_BITS + 1 }, () => []);

function giveBack(region: Region, sizeClass: number): void {
  const list = lists[sizeClass];
  if (list === undefined) return;
  const bytes = 1 << sizeClass;
  if ((list.length + 1) * bytes > Math.max(KEEP_BYTES_PER_CLASS, 2 * bytes) || keptBytes + bytes > KEEP_BYTES) return;
  keptBytes += bytes;
  list.push(region);
}

/**
 * A region of at least `length` bytes, uncleared: the caller overwrites what it hands on. Throws RangeError for a length that is
 * no integer in 0 to {@link MAX_REGION_BYTES}: callers bound lengths that come from a client before.
 */
export function region(length: number): Region {
  if (!(length >= 0 && length <= MAX_REGION_BYTES)) {
    throw new RangeError(`a region of ${length} bytes: the limit is ${MAX_REGION_BYTES}`);
  }
  let bits = SMALLEST_BITS;
  while (1 << bits < length) bits++;
  const list = lists[bits];
  if (list === undefined) return new Region(new ArrayBuffer(length), LARGEST_BITS + 1);
  const r = list.pop();
  if (r !== undefined) {
    keptBytes -= 1 << bits;
    assert(keptBytes >= 0, 'free lists hold what was counted');
    r.revive();
    return r;
  }
  return new Region(new ArrayBuffer(1 << bits), bits);
}

/** How many regions are free, by size in bytes. */
export function regionCounts(): [number, number][] {
  return lists.map((list, bits): [number, number] => [1 << bits, list.length]).slice(SMALLEST_BITS);
}

/** Drops the free lists (an idle worker gives memory back). */
export function trimRegions(): void {
  for (const list of lists) list.length = 0;
  keptBytes = 0;
}
