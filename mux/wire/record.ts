/**
 * Record marking (RFC 5531, 11): finds the records in a stream and keeps each in one piece of memory.
 *
 * While nothing is pending, all connections of a thread receive into one shared region, and records are handed out where
 * they lie. What is left of an unfinished record moves, once, to a region of its own that has room for all of it, and the
 * rest is received right there. A connection that sends large records (writes of 64 KiB and more) is given only a small
 * piece of the shared region at first, so that hardly anything has to move.
 */
import { type Region, region } from '../../native/memory.js';

const LAST_FRAGMENT = 0x80000000;
/** Memory is given to an unfinished record in steps: what it claims to need beyond this it gets as its bytes arrive. */
const FIRST_REGION_BYTES = 8 << 20;
/** Records from here on are large: the next one on the same connection is expected to be so too. */
const LARGE_RECORD_BYTES = 64 << 10;
/** First receive when a large record is expected: its mark, its header and the arguments. */
const PEEK_BYTES = 1024;

/** Where to receive next: up to `room` bytes at `address`, which is byte `start` of `region`. */
export interface Target {
  region: Region;
  start: number;
  address: number;
  room: number;
}

/** Gets each complete record: bytes [start, end) of the region, the mark not included. Retain the region to keep it. */
export type RecordConsumer = (region: Region, start: number, end: number) => void;

export class RecordReader {
  readonly #shared: () => Region;
  readonly #maxBytes: number;
  readonly #target: Target = { region: null as unknown as Region, start: 0, address: 0, room: 0 };
  /** The unfinished record's own region: its mark is at 0, `#have` bytes are there. Null: nothing is pending. */
  #own: Region | null = null;
  #have = 0;
  /** Fragments that came before the present one of the same record, joined; null: none. */
  #joined: Region | null = null;
  #joinedBytes = 0;
  #expectLarge = false;
  #failed = false;
  /** While records in shared memory are handed out: where the next one starts, and the end. */
  #scanned: Buffer | null = null;
  #scanAt = 0;
  #scanEnd = 0;

  /** shared: gives the region to receive into while nothing is pending. maxBytes: bound of a whole record. */
  constructor(shared: () => Region, maxBytes: number) {
    this.#shared = shared;
    this.#maxBytes = maxBytes;
  }

  /** Where to receive next. The same object each time; valid until the next call of {@link received}. */
  target(): Target {
    const t = this.#target;
    const own = this.#own;
    if (own === null) {
      t.region = this.#shared();
      t.start = 0;
      t.room = this.#expectLarge ? PEEK_BYTES : t.region.capacity;
    } else {
      t.region = own;
      t.start = this.#have;
      // Of an unfinished record only its own bytes: the next one is to lie in shared memory again.
      t.room = Math.min(this.#need(own) - this.#have, own.capacity - this.#have);
    }
    t.address = t.region.address + t.start;
    return t;
  }

  /** Bytes of the present fragment with its mark, as far as known. */
  #need(own: Region): number {
    return this.#have < 4 ? 4 : 4 + (own.bytes.readUInt32BE(0) & ~LAST_FRAGMENT);
  }

  /**
   * Takes note of `count` bytes received at {@link target}, and hands out the records that are complete with them.
   * Returns null, or what is wrong with the stream: the connection is then of no further use.
   */
  received(count: number, consume: RecordConsumer): string | null {
    if (this.#failed) return 'the stream has failed before';
    const problem =
      this.#own === null ? this.#scan(this.#target.region, count, consume) : this.#continue(count, consume);
    if (problem !== null) {
      this.#failed = true;
      this.drop();
    }
    return problem;
  }

  /** Records in [0, end) of shared memory; what is left over moves out. */
  #scan(shared: Region, end: number, consume: RecordConsumer): string | null {
    const bytes = shared.bytes;
    this.#scanned = bytes;
    this.#scanEnd = end;
    let at = 0;
    while (end - at >= 4) {
      const mark = bytes.readUInt32BE(at);
      const length = mark & 0x7fffffff;
      if (this.#joinedBytes + length > this.#maxBytes) return this.#tooLong(length);
      const next = at + 4 + length;
      if (next > end) break;
      this.#expectLarge = length >= LARGE_RECORD_BYTES;
      this.#scanAt = next;
      if (this.#joined === null && mark >= LAST_FRAGMENT) consume(shared, at + 4, next);
      else this.#join(bytes, at + 4, next, mark >= LAST_FRAGMENT, consume);
      // The consumer may have dropped the stream, or taken the rest of it.
      if (this.#scanned === null) return null;
      at = next;
    }
    this.#scanned = null;
    if (at < end) this.#moveOut(bytes, at, end);
    return null;
  }

  #moveOut(bytes: Buffer, at: number, end: number): void {
    const have = end - at;
    const need = have < 4 ? 4 : 4 + (bytes.readUInt32BE(at) & 0x7fffffff);
    const own = region(Math.min(need, Math.max(FIRST_REGION_BYTES, have)));
    bytes.copy(own.bytes, 0, at, end);
    this.#own = own;
    this.#have = have;
  }

  /** More of the record that has a region of its own. */
  #continue(count: number, consume: RecordConsumer): string | null {
    const own = this.#own!;
    const knewLength = this.#have >= 4;
    const have = this.#have + count;
    this.#have = have;
    if (have < 4) return null;
    const mark = own.bytes.readUInt32BE(0);
    const length = mark & 0x7fffffff;
    if (!knewLength && this.#joinedBytes + length > this.#maxBytes) return this.#tooLong(length);
    if (have < 4 + length) {
      if (have === own.capacity || !knewLength) this.#enlarge(own, 4 + length);
      return null;
    }
    this.#own = null;
    this.#have = 0;
    this.#expectLarge = length >= LARGE_RECORD_BYTES;
    if (this.#joined === null && mark >= LAST_FRAGMENT) consume(own, 4, 4 + length);
    else this.#join(own.bytes, 4, 4 + length, mark >= LAST_FRAGMENT, consume);
    own.release();
    return null;
  }

  /** Gives a record the memory that it needs, as far as what arrived of it justifies that: at most twice as much. */
  #enlarge(own: Region, need: number): void {
    if (own.capacity >= need) return;
    const larger = region(Math.min(need, Math.max(FIRST_REGION_BYTES, this.#have * 2)));
    own.bytes.copy(larger.bytes, 0, 0, this.#have);
    own.release();
    this.#own = larger;
  }

  /** Appends a fragment to those before it, and hands the record out if it was the last one. */
  #join(bytes: Buffer, start: number, end: number, last: boolean, consume: RecordConsumer): void {
    const total = this.#joinedBytes + (end - start);
    let joined = this.#joined;
    if (joined === null || joined.capacity < total) {
      const larger = region(Math.max(total, joined === null ? 0 : joined.capacity * 2));
      if (joined !== null) {
        joined.bytes.copy(larger.bytes, 0, 0, this.#joinedBytes);
        joined.release();
      }
      this.#joined = joined = larger;
    }
    bytes.copy(joined.bytes, this.#joinedBytes, start, end);
    this.#joinedBytes = total;
    if (!last) return;
    this.#joined = null;
    this.#joinedBytes = 0;
    consume(joined, 0, total);
    joined.release();
  }

  #tooLong(length: number): string {
    return `a record of ${this.#joinedBytes + length} bytes: the limit is ${this.#maxBytes}`;
  }

  /** True while part of a record has been received. */
  get partial(): boolean {
    return this.#own !== null || this.#joined !== null;
  }

  /**
   * What was received beyond the last record handed out, as a stream that gives the same records again; nothing is pending
   * then. Consumers may call it too: no further record is handed out.
   */
  takePartial(): Uint8Array {
    const parts: Buffer[] = [];
    if (this.#joined !== null) {
      const mark = Buffer.alloc(4);
      mark.writeUInt32BE(this.#joinedBytes);
      parts.push(mark, this.#joined.bytes.subarray(0, this.#joinedBytes));
    }
    if (this.#own !== null) parts.push(this.#own.bytes.subarray(0, this.#have));
    if (this.#scanned !== null) parts.push(this.#scanned.subarray(this.#scanAt, this.#scanEnd));
    const rest = Buffer.concat(parts);
    this.drop();
    return rest;
  }

  /** Lets go of all memory. */
  drop(): void {
    this.#own?.release();
    this.#own = null;
    this.#have = 0;
    this.#joined?.release();
    this.#joined = null;
    this.#joinedBytes = 0;
    this.#scanned = null;
  }
}
