/**
 * Record marking (RFC 5531, section 11): finds the records in a stream and keeps each in one piece of memory.
 *
 * While nothing is pending, all connections of a thread receive into one shared region, and records are handed out where
 * they lie. What is left of an unfinished record moves, once, to a region of its own that has room for all of it, and the
 * rest is received right there. A connection that sends large records (writes of 64 KiB and more) is given only a small
 * piece of the shared region at first, so that hardly anything has to move.
 *
 *   shared   | mark | record 1 | mark | record 2 | mark | first bytes of 3 |
 *                     └ handed out   └ handed out  └───────┬──────────────┘
 *                       in place       in place            │ copied once
 *                                                          v
 *   own                                            | mark | first bytes of 3 | rest of 3, received in place |
 *                                                  0                         have ^                  capacity
 *
 *   joined   a record in several fragments: each is copied behind the one before, and the last one completes it
 *   backlog  what was received while records are held back: in a region of its own, handed out by proceed()
 *
 * Who owns what: the shared region is the thread's, and is replaced when a consumer has retained it. The reader holds one
 * reference of own, joined and backlog; each is released, or handed on, when its record is complete, and by drop().
 *
 * A consumer may call {@link RecordReader.hold} while it is given a record: those that were received with it wait until
 * {@link RecordReader.proceed}, so that what 256 KiB of small requests ask for need not be had all at once.
 */
import { assert, defined } from '../../native/assert.js';
import { type Region, region } from '../../native/memory.js';

const LAST_FRAGMENT = 0x80000000;
/** Memory is given to an unfinished record in steps: what it claims to need beyond this it gets as its bytes arrive. */
const FIRST_REGION_BYTES = 2 << 20;
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

/** Bounds the memory of records that have been received in part. */
export interface RecordQuota {
  /** Takes room for a record; false: there is none now, and {@link RecordReader.granted} is called when there is. */
  begin(bytes: number): boolean;
  /** Takes room that is needed in any case. */
  force(bytes: number): void;
  /** Gives room back. */
  end(bytes: number): void;
}

const NO_QUOTA: RecordQuota = { begin: () => true, force() {}, end() {} };

export class RecordReader {
  readonly #shared: () => Region;
  readonly #maxBytes: number;
  readonly #quota: RecordQuota;
  /** Room taken of the quota. */
  #charged = 0;
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
  /** No further record is to be handed out. */
  #holding = false;
  /** What was received meanwhile: bytes [backlogAt, backlogEnd) of a region of its own; null: nothing. */
  #backlog: Region | null = null;
  #backlogAt = 0;
  #backlogEnd = 0;

  /** shared: gives the region to receive into while nothing is pending. maxBytes: bound of a whole record. */
  constructor(shared: () => Region, maxBytes: number, quota = NO_QUOTA) {
    this.#shared = shared;
    this.#maxBytes = maxBytes;
    this.#quota = quota;
  }

  /** Holds records back from now on: nothing is to be received until {@link proceed}. */
  hold(): void {
    this.#holding = true;
  }

  /** Holds nothing back any more; only while nothing is held back yet. */
  unhold(): void {
    this.#holding = false;
  }

  get holding(): boolean {
    return this.#holding;
  }

  /** Bytes that have been received and are held back. */
  get heldBytes(): number {
    return this.#backlog === null ? 0 : this.#backlogEnd - this.#backlogAt;
  }

  /** Hands out what was held back, until it is held again. Returns null, or what is wrong with the stream. */
  proceed(consume: RecordConsumer): string | null {
    this.#holding = false;
    const kept = this.#backlog;
    if (kept === null) return null;
    this.#backlog = null;
    const problem = this.#scan(kept, this.#backlogAt, this.#backlogEnd, consume, true);
    kept.release();
    if (problem !== null) {
      this.#failed = true;
      this.drop();
    }
    return problem;
  }

  /** Puts bytes in front of all that will be received; they are handed out by {@link proceed}. For a new reader only. */
  preload(bytes: Uint8Array): void {
    assert(this.#own === null && this.#backlog === null, 'bytes are preloaded into a new reader');
    if (bytes.length === 0) return;
    const kept = region(bytes.length);
    kept.bytes.set(bytes);
    this.#keepBack(kept, 0, bytes.length);
    kept.release();
  }

  /** The quota has room for the record that waited for it. */
  granted(bytes: number): void {
    this.#charged += bytes;
  }

  /** Whether an unfinished record of so many bytes may be received; if not, all is held until there is room for it. */
  #admit(bytes: number): boolean {
    const more = this.#joinedBytes + bytes - this.#charged;
    if (more <= 0) return true;
    if (!this.#quota.begin(more)) {
      this.#holding = true;
      return false;
    }
    this.#charged += more;
    return true;
  }

  /** Corrects what is charged for the record in progress. */
  #settle(bytes: number): void {
    if (bytes === this.#charged) return;
    if (bytes > this.#charged) this.#quota.force(bytes - this.#charged);
    else this.#quota.end(this.#charged - bytes);
    this.#charged = bytes;
  }

  #keepBack(kept: Region, at: number, end: number): void {
    assert(this.#backlog === null, 'bytes are held back in one piece');
    this.#backlog = kept.retain();
    this.#backlogAt = at;
    this.#backlogEnd = end;
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
    assert(!this.#holding, 'nothing is received while records are held back');
    assert(count > 0 && count <= this.#target.room, 'no more is received than there is room for');
    const problem =
      this.#own === null ? this.#scan(this.#target.region, 0, count, consume, false) : this.#continue(count, consume);
    if (problem !== null) {
      this.#failed = true;
      this.drop();
    }
    return problem;
  }

  /** Hands out the records in [at, end) of memory; what is left over moves out. kept: the memory is not shared. */
  #scan(memory: Region, at: number, end: number, consume: RecordConsumer, kept: boolean): string | null {
    const bytes = memory.bytes;
    this.#scanned = bytes;
    this.#scanEnd = end;
    while (end - at >= 4 && !this.#holding) {
      const mark = bytes.readUInt32BE(at);
      const length = mark & 0x7fffffff;
      if (this.#joinedBytes + length > this.#maxBytes) return this.#tooLong(length);
      const next = at + 4 + length;
      if (next > end) break;
      this.#expectLarge = length >= LARGE_RECORD_BYTES;
      this.#scanAt = next;
      if (this.#joined === null && mark >= LAST_FRAGMENT) consume(memory, at + 4, next);
      else this.#join(bytes, at + 4, next, mark >= LAST_FRAGMENT, consume);
      // The consumer may have dropped the stream, or taken the rest of it.
      if (this.#scanned === null) return null;
      at = next;
    }
    this.#scanned = null;
    if (at === end) return null;
    if (!this.#holding && this.#moveOut(bytes, at, end)) return null;
    if (kept) {
      this.#keepBack(memory, at, end);
      return null;
    }
    const own = region(end - at);
    bytes.copy(own.bytes, 0, at, end);
    this.#keepBack(own, 0, end - at);
    own.release();
    return null;
  }

  /** Gives the unfinished record in [at, end) a region of its own; false: there is no room for it now. */
  #moveOut(bytes: Buffer, at: number, end: number): boolean {
    const have = end - at;
    const need = have < 4 ? 4 : 4 + (bytes.readUInt32BE(at) & 0x7fffffff);
    if (have >= 4 && !this.#admit(need)) return false;
    const own = region(Math.min(need, Math.max(FIRST_REGION_BYTES, have)));
    bytes.copy(own.bytes, 0, at, end);
    this.#own = own;
    this.#have = have;
    return true;
  }

  /** More of the record that has a region of its own. */
  #continue(count: number, consume: RecordConsumer): string | null {
    const own = defined(this.#own, 'a record is continued in its own region');
    const knewLength = this.#have >= 4;
    const have = this.#have + count;
    this.#have = have;
    if (have < 4) return null;
    const mark = own.bytes.readUInt32BE(0);
    const length = mark & 0x7fffffff;
    if (!knewLength && this.#joinedBytes + length > this.#maxBytes) return this.#tooLong(length);
    if (have < 4 + length) {
      if (!knewLength && !this.#admit(4 + length)) {
        this.#own = null;
        this.#have = 0;
        this.#keepBack(own, 0, have);
        own.release();
        return null;
      }
      if (have === own.capacity || !knewLength) this.#enlarge(own, 4 + length);
      return null;
    }
    if (this.#joined === null && mark >= LAST_FRAGMENT) this.#settle(0);
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
    this.#settle(last ? 0 : total);
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
    return this.#own !== null || this.#joined !== null || this.#backlog !== null;
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
    if (this.#backlog !== null) parts.push(this.#backlog.bytes.subarray(this.#backlogAt, this.#backlogEnd));
    const rest = Buffer.concat(parts);
    this.drop();
    return rest;
  }

  /** Releases all memory. */
  drop(): void {
    this.#own?.release();
    this.#own = null;
    this.#have = 0;
    this.#joined?.release();
    this.#joined = null;
    this.#joinedBytes = 0;
    this.#scanned = null;
    this.#backlog?.release();
    this.#backlog = null;
    this.#settle(0);
  }
}
