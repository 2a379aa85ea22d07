/**
 * XDR (RFC 4506) in memory: a reader that never reads beyond its slice, and a writer whose output is in one region, so
 * that it can be sent by address. All units are bytes.
 */
import { type Region, region } from '../../native/memory.js';
import { secondsInRange } from '../xlator/time-range.js';
import { AcceptStat } from './rpc-numbers.js';

/** Bytes that are no valid encoding. Shared objects without a stack: garbage from the network must be cheap to refuse. */
export class XdrError {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }

  toString(): string {
    return this.reason;
  }
}

export const TRUNCATED = new XdrError('the record ends before its arguments do');
export const TOO_LONG = new XdrError('a length exceeds its bound');
export const BAD_TAG = new XdrError('an unknown tag');

/** Bound of names, paths and other strings. */
export const MAX_STRING_BYTES = 64 << 10;

const TWO32 = 4294967296;

/** A u64 as a number: exact to 2^53, rounded beyond, hence never mistaken for a smaller value. */
export function getU64(view: DataView, at: number): number {
  const high = view.getUint32(at);
  const low = view.getUint32(at + 4);
  return high === 0 ? low : high * TWO32 + low;
}

/** An i64 as a number: exact to ±2^53, rounded beyond. */
export function getI64(view: DataView, at: number): number {
  const high = view.getInt32(at);
  const low = view.getUint32(at + 4);
  return high === 0 ? low : high * TWO32 + low;
}

/** Seconds since the epoch, as an i64 whatever its sender holds them for, brought into the range that can be stored. */
export function getSeconds(view: DataView, at: number): number {
  return secondsInRange(getI64(view, at));
}

/** Writes an integer number as u64 or i64 (two's complement). */
export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >= 0 && value < TWO32 ? 0 : Math.floor(value / TWO32));
  view.setUint32(at + 4, value);
}

const NO_BYTES = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** Reads [at, end) of a buffer. Every method throws {@link TRUNCATED} rather than read beyond the end. */
export class XdrReader {
  bytes: Buffer = NO_BYTES;
  view: DataView = NO_VIEW;
  at = 0;
  end = 0;

  /** Starts on [at, end) of `bytes`. Cheap when the buffer is that of the record before. */
  reset(bytes: Buffer, at: number, end: number): this {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.at = at;
    this.end = end;
    return this;
  }

  /** Unread bytes. */
  get left(): number {
    return this.end - this.at;
  }

  /** Passes over `length` bytes; returns where they start. */
  skip(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw TRUNCATED;
    this.at = at + length;
    return at;
  }

  u32(): number {
    return this.view.getUint32(this.skip(4));
  }
  i32(): number {
    return this.view.getInt32(this.skip(4));
  }
  u64(): number {
    return getU64(this.view, this.skip(8));
  }
  i64(): number {
    return getI64(this.view, this.skip(8));
  }
  seconds(): number {
    return getSeconds(this.view, this.skip(8));
  }
  u64big(): bigint {
    return this.view.getBigUint64(this.skip(8));
  }
  double(): number {
    return this.view.getFloat64(this.skip(8));
  }

  /** Passes over the body of an opaque<> of `length` bytes with its padding; returns where it starts. */
  body(length: number, max: number): number {
    if (length > max) throw TOO_LONG;
    const at = this.at;
    if (length > this.end - at) throw TRUNCATED;
    const next = at + ((length + 3) & ~3);
    if (next > this.end) throw TRUNCATED;
    this.at = next;
    return at;
  }

  /** A string as C sees it: it ends at its first NUL, if there is one. */
  string(max: number): string {
    const length = this.u32();
    if (length === 0) return '';
    const at = this.body(length, max);
    return untilNul(this.bytes.latin1Slice(at, at + length));
  }

  /** opaque<> as a byte string, NULs and all. */
  byteString(max: number): string {
    const length = this.u32();
    if (length === 0) return '';
    const at = this.body(length, max);
    return this.bytes.latin1Slice(at, at + length);
  }

  /** opaque<> as a view on the record: valid as long as its memory is. */
  opaqueView(max: number): Buffer {
    const length = this.u32();
    if (length === 0) return NO_BYTES;
    const at = this.body(length, max);
    return this.bytes.subarray(at, at + length);
  }

  /** opaque<> as bytes of its own. */
  opaque(max: number): Uint8Array {
    const length = this.u32();
    return copyBytes(this.bytes, this.body(length, max), length);
  }
}

export function untilNul(s: string): string {
  const nul = s.indexOf('\0');
  return nul < 0 ? s : s.slice(0, nul);
}

/** A byte at a place that is known to be within the bytes. */
export function byteAt(bytes: Uint8Array, at: number): number {
  // biome-ignore lint/style/noNonNullAssertion: on the way of each fop, and callers have checked the bound
  return bytes[at]!;
}

/** A copy of [at, at + length) that shares memory with nothing. */
export function copyBytes(from: Buffer, at: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  if (length > 64) copy.set(from.subarray(at, at + length));
  else for (let i = 0; i < length; i++) copy[i] = byteAt(from, at + i);
  return copy;
}

const LAST_FRAGMENT = 0x80000000;

/**
 * Writes into a region, of which it takes over the caller's reference. When the region is full, everything written so far
 * moves to a larger one: {@link region} then is another object (and the old one is released), offsets stay the same.
 */
export class XdrWriter {
  region: Region;
  bytes: Buffer;
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  #recordStart = 0;

  constructor(target: Region) {
    this.region = target;
    this.bytes = target.bytes;
    this.view = viewOf(target.bytes);
  }

  /** Bytes left in the present region. */
  get room(): number {
    return this.bytes.length - this.at;
  }

  /** Starts over: what was written has been sent. */
  rewind(): void {
    this.at = 0;
  }

  /** Makes room for `length` bytes, which the caller fills; returns where they start. */
  take(length: number): number {
    const at = this.at;
    if (at + length > this.bytes.length) this.#grow(length);
    this.at = at + length;
    return at;
  }

  #grow(length: number): void {
    const larger = region(Math.max(this.bytes.length * 2, this.at + length));
    larger.bytes.set(this.bytes.subarray(0, this.at));
    this.region.release();
    this.region = larger;
    this.bytes = larger.bytes;
    this.view = viewOf(larger.bytes);
  }

  u32(value: number): void {
    const at = this.take(4);
    this.view.setUint32(at, value);
  }
  u64(value: number): void {
    const at = this.take(8);
    setU64(this.view, at, value);
  }
  u64big(value: bigint): void {
    const at = this.take(8);
    this.view.setBigUint64(at, value);
  }
  double(value: number): void {
    const at = this.take(8);
    this.view.setFloat64(at, value);
  }

  /** Overwrites a word written earlier. */
  patch(at: number, value: number): void {
    this.view.setUint32(at, value);
  }

  /** Length word and padding of an opaque<>; returns where its bytes go. */
  body(length: number): number {
    const padded = (length + 3) & ~3;
    const at = this.take(4 + padded);
    if (padded !== 0) this.view.setUint32(at + padded, 0);
    this.view.setUint32(at, length);
    return at + 4;
  }

  /** A byte string. */
  string(text: string): void {
    const length = text.length;
    const at = this.body(length);
    putText(this.bytes, text, at);
  }

  /** A byte string and a NUL that its length counts. */
  stringWithNul(text: string): void {
    const at = this.body(text.length + 1);
    putText(this.bytes, text, at);
    this.bytes[at + text.length] = 0;
  }

  opaque(value: Uint8Array): void {
    const at = this.body(value.length);
    this.bytes.set(value, at);
  }

  // --- records --------------------------------------------------------------------------------------------------------

  /** Leaves room for the record mark, which {@link endRecord} fills in. */
  beginRecord(): void {
    this.#recordStart = this.take(4);
  }

  /** Completes the record mark; `payload` bytes that are sent separately follow what was written. */
  endRecord(payload = 0): void {
    const start = this.#recordStart;
    this.view.setUint32(start, LAST_FRAGMENT | (this.at - start - 4 + payload));
  }

  /** Forgets what was written from `at` on: a record that could not be completed, of which nothing may be sent. */
  truncate(at: number): void {
    this.at = at;
  }

  /** Record mark and header of an accepted and successful reply; results follow, then {@link endRecord}. */
  beginReply(xid: number): void {
    this.#replyHeader(xid, AcceptStat.success);
  }

  /** A whole reply without results: an accept_stat other than success. */
  reply(xid: number, stat: number): void {
    this.#replyHeader(xid, stat);
    if (stat === AcceptStat.progMismatch) {
      // The versions offered, low and high: stock leaves them zero.
      this.u32(0);
      this.u32(0);
    }
    this.endRecord();
  }

  #replyHeader(xid: number, stat: number): void {
    const at = this.take(28);
    const view = this.view;
    this.#recordStart = at;
    view.setUint32(at + 4, xid);
    view.setUint32(at + 8, 1); // REPLY
    view.setUint32(at + 12, 0); // MSG_ACCEPTED
    view.setUint32(at + 16, 0); // verifier: AUTH_NULL
    view.setUint32(at + 20, 0);
    view.setUint32(at + 24, stat);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Short texts char by char: that is quicker than the call into native code. */
function putText(bytes: Buffer, text: string, at: number): void {
  const length = text.length;
  if (length > 24) bytes.latin1Write(text, at);
  else for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
}
