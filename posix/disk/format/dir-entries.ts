/** Iterates over the result of a READDIR op: directory entries, with attributes and xattrs if wanted. */

import type { Gfid } from '../../../mux/xlator/gfid.js';
import { doubleAt, ENTRY, STAT, STAT_DOUBLES } from '../../../native/layout.js';
import type { Region } from '../../../native/memory.js';

const STAT_BYTES = STAT_DOUBLES * 8;

/** A cursor over the entries; its fields are those of the present one. */
export class EntryCursor {
  readonly bytes: Buffer;
  readonly f64: Float64Array;
  readonly #end: number;
  #next = 0;
  name = '';
  type = 0;
  /** Position after the entry. */
  offset = 0n;
  hasStat = false;
  /** Index of the stat result in {@link f64}. */
  stat = 0;
  xattrsAt = 0;
  xattrsLength = 0;

  /** length: bytes that the op has written. */
  constructor(memory: Region, length: number) {
    this.bytes = memory.bytes;
    this.f64 = new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.length >> 3);
    this.#end = length;
  }

  /** Moves to the next entry; false when there is none. */
  next(): boolean {
    const at = this.#next;
    if (at >= this.#end) return false;
    const b = this.bytes;
    const nameLength = b.readUInt16LE(at + ENTRY.nameLengthAt);
    this.type = b.readUInt8(at + ENTRY.typeAt);
    this.hasStat = b[at + ENTRY.hasStatAt] !== 0;
    this.offset = b.readBigInt64LE(at + ENTRY.offsetAt);
    this.xattrsLength = b.readUInt32LE(at + ENTRY.xattrBytesAt);
    this.stat = (at + ENTRY.bytes) >> 3;
    const nameAt = at + ENTRY.bytes + (this.hasStat ? STAT_BYTES : 0);
    this.name = b.latin1Slice(nameAt, nameAt + nameLength);
    this.xattrsAt = nameAt + nameLength;
    this.#next = at + b.readUInt32LE(at + ENTRY.lengthAt);
    return true;
  }

  /** Inode number by the file system, from the stat. */
  get ino(): bigint {
    return (
      (BigInt(doubleAt(this.f64, this.stat + STAT.inoHigh)) << 32n) |
      BigInt(doubleAt(this.f64, this.stat + STAT.inoLow))
    );
  }
}

/** The inode number that clients see: the last eight bytes of the gfid. */
export function inoOf(gfid: Gfid): bigint {
  return new DataView(gfid.buffer, gfid.byteOffset, 16).getBigUint64(8);
}
