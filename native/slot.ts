/**
 * The memory of a batch: a 4 KiB slot of a slab at a fixed address, shared with native code. Records come first, one
 * per op, then a record that ends the program. Behind them is the arena, which holds names, values and small results in
 * the order in which they were reserved. As an example, a program of two ops: open("f"), and a stat of the opened file:
 *
 *   byte 0        64        128          1792 (28 records)                                                  4096
 *   +---------+---------+---------+-- --+------------+-------------------------------+---------------- --+
 *   | OPEN    | STATX   | 0 (end) |     | "f\0", pad | dev, inoHigh, ... btimeNsec   |                   |
 *   +---------+---------+---------+-- --+------------+-------------------------------+---------------- --+
 *    record 0  record 1                  arena: text() out() of 19 doubles            next to be given
 *
 *   record 0, as doubles: [OPEN,  dir,     address of "f",  flags, mode, resolve, environment, result: a descriptor]
 *   record 1, as doubles: [STATX, reg(0),  0: no name,      address of dev, 0, 0, 0,           result: 0 or -errno ]
 *
 * What does not fit lies outside and is kept alive until the slot is released.
 */
import { addon } from './addon.js';
import { assert } from './assert.js';
import { MAX_RECORDS, RECORD_DOUBLES, STAT_DOUBLES } from './layout.js';

const SLOT_BYTES = 4096;
const ARENA_START = MAX_RECORDS * RECORD_DOUBLES * 8;
/** Bytes for texts, values and small results. */
export const ARENA_BYTES = SLOT_BYTES - ARENA_START;
export const SLOTS_PER_SLAB = 64;

assert(ARENA_START <= SLOT_BYTES / 2, 'half of a slot is left for the arena');

export class Slab {
  readonly memory = new ArrayBuffer(SLOT_BYTES * SLOTS_PER_SLAB);
  readonly address = addon.addressOf(this.memory);
}

export class Slot {
  /** Address of the slot; also what native code is given. */
  readonly address: number;
  /** The slot as doubles: records, then the arena. */
  readonly f64: Float64Array;
  readonly bytes: Buffer;
  #arena = ARENA_START;
  /** Buffers outside the slot that the batch points at. */
  #kept: ArrayBufferLike[] | null = null;

  constructor(slab: Slab, index: number) {
    const at = index * SLOT_BYTES;
    this.address = slab.address + at;
    this.f64 = new Float64Array(slab.memory, at, SLOT_BYTES / 8);
    this.bytes = Buffer.from(slab.memory, at, SLOT_BYTES);
  }

  /** Empties the arena. */
  protected clear(): void {
    this.#arena = ARENA_START;
  }

  protected dropKept(): void {
    this.#kept = null;
  }

  /** Keeps `memory` alive until the batch is released; returns its address. */
  keep(memory: ArrayBufferLike): number {
    (this.#kept ??= []).push(memory);
    return addon.addressOf(memory);
  }

  /** Address of a NUL-terminated copy of a byte string (latin1). */
  text(s: string): number {
    const at = this.#arena;
    const next = (at + s.length + 8) & ~7;
    if (next <= SLOT_BYTES) {
      this.bytes.latin1Write(s, at);
      this.bytes[at + s.length] = 0;
      this.#arena = next;
      return this.address + at;
    }
    const copy = Buffer.alloc(s.length + 1);
    copy.latin1Write(s, 0);
    return this.keep(copy.buffer) + copy.byteOffset;
  }

  /** Address of a copy of `bytes`. */
  blob(bytes: Uint8Array): number {
    const at = this.#arena;
    const next = (at + bytes.length + 7) & ~7;
    if (next <= SLOT_BYTES) {
      this.bytes.set(bytes, at);
      this.#arena = next;
      return this.address + at;
    }
    const copy = Buffer.from(bytes);
    return this.keep(copy.buffer) + copy.byteOffset;
  }

  /** Reserves room for a result. What is larger than the slot wants a region of its own. */
  out(length: number): number {
    const at = this.#arena;
    const next = (at + length + 7) & ~7;
    assert(next <= SLOT_BYTES, 'results fit into the arena of a batch');
    this.#arena = next;
    return this.address + at;
  }

  /** Reserves a stat result and returns its index in {@link f64}. */
  statOut(): number {
    return this.doubles(this.out(STAT_DOUBLES * 8));
  }

  /** A view on bytes of the arena from an address that {@link out} gave. Valid until release. */
  view(address: number, length: number): Buffer {
    const at = address - this.address;
    return this.bytes.subarray(at, at + length);
  }

  /** Index in {@link f64} of a result from its address. */
  doubles(address: number): number {
    return (address - this.address) / 8;
  }
}
