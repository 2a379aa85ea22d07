/**
 * Dictionaries on the wire: the typed encoding of the 4.x program (gfx_dict), and the old untyped one that the handshake,
 * the volfile fetch and the brick operations carry inside an opaque<>.
 */

import { region } from '../../native/memory.js';
import { Dict, DictType, type DictValue, type MdataIatt, valueBytes } from '../xlator/dict.js';
import type { Iatt } from '../xlator/iatt.js';
import { nanosecondsInRange } from '../xlator/time-range.js';
import { readIattx, writeIattx } from './iatt.js';
import { custom } from './schema.js';
import { BAD_TAG, copyBytes, TOO_LONG, TRUNCATED, untilNul, XdrReader, XdrWriter } from './xdr.js';

const MAX_KEY_BYTES = 64 << 10;
/** More than the names of all xattrs that Linux lets a file have (64 KiB of them). */
const MAX_PAIRS = 10_000;
/** Values may be as large as the record that carries them. */
const MAX_VALUE_BYTES = 0x3fffffff;

// --- typed --------------------------------------------------------------------------------------------------------------

/** Reads a gfx_dict; null when the sender had none (which is not the same as an empty one). The last of equal keys wins. */
export function readDict(r: XdrReader): Dict | null {
  const at = r.skip(12);
  const none = r.view.getInt32(at + 4) < 0;
  const pairs = r.view.getUint32(at + 8);
  if (pairs === 0) return none ? null : new Dict();
  if (pairs > MAX_PAIRS) throw TOO_LONG;
  const dict = new Dict();
  for (let i = 0; i < pairs; i++) {
    const key = r.string(MAX_KEY_BYTES);
    const value = readValue(r);
    if (key !== '') dict.map.set(key, value);
  }
  return none ? null : dict;
}

function readValue(r: XdrReader): DictValue {
  const type = r.u32();
  switch (type) {
    case DictType.int: {
      const at = r.skip(8);
      const n = r.view.getInt32(at) * 4294967296 + r.view.getUint32(at + 4);
      return { type, value: Number.isSafeInteger(n) ? n : r.view.getBigInt64(at) };
    }
    case DictType.uint: {
      const at = r.skip(8);
      const n = r.view.getUint32(at) * 4294967296 + r.view.getUint32(at + 4);
      return { type, value: Number.isSafeInteger(n) ? n : r.view.getBigUint64(at) };
    }
    case DictType.double:
      return { type, value: r.double() };
    case DictType.str:
      return { type, value: r.string(MAX_VALUE_BYTES) };
    case DictType.strOld:
    case DictType.ptr:
      return { type, value: r.opaque(MAX_VALUE_BYTES) };
    case DictType.gfuuid:
      return { type, value: copyBytes(r.bytes, r.skip(16), 16) };
    case DictType.iatt:
      return { type, value: readIattx(r) };
    case DictType.mdata:
      return { type, value: readMdata(r) };
    default:
      throw BAD_TAG;
  }
}

function readMdata(r: XdrReader): MdataIatt {
  const atime = r.seconds();
  const mtime = r.seconds();
  const ctime = r.seconds();
  const atimeNsec = nanosecondsInRange(r.u32());
  const mtimeNsec = nanosecondsInRange(r.u32());
  const ctimeNsec = nanosecondsInRange(r.u32());
  return { atime, mtime, ctime, atimeNsec, mtimeNsec, ctimeNsec };
}

/**
 * Writes a gfx_dict. Its first word, xdr_size, counts the bytes of the pairs alone: receivers find file data behind a
 * write request by it. Values of unknown type are left out.
 */
export function writeDict(w: XdrWriter, dict: Dict | null): void {
  const at = w.take(12);
  w.view.setUint32(at, 0);
  if (dict === null) {
    w.view.setInt32(at + 4, -1);
    w.view.setUint32(at + 8, 0);
    return;
  }
  let count = 0;
  for (const [key, value] of dict.map) {
    if (value.type === DictType.unknown) continue;
    w.stringWithNul(key);
    writeValue(w, value);
    count++;
  }
  w.patch(at, w.at - at - 12);
  w.patch(at + 4, count);
  w.patch(at + 8, count);
}

function writeValue(w: XdrWriter, v: DictValue): void {
  const type = v.type;
  const value = v.value;
  w.u32(type);
  switch (type) {
    case DictType.int:
    case DictType.uint:
      if (typeof value === 'number') w.u64(value);
      else w.u64big(BigInt(value as bigint | string));
      return;
    case DictType.double:
      w.double(Number(value));
      return;
    case DictType.str:
      if (typeof value === 'string') w.stringWithNul(value);
      else w.opaque(valueBytes(v) ?? NOTHING);
      return;
    case DictType.gfuuid:
      w.bytes.set(value as Uint8Array, w.take(16));
      return;
    case DictType.iatt:
      writeIattx(w, value as Iatt);
      return;
    case DictType.mdata:
      writeMdata(w, value as MdataIatt);
      return;
    default:
      w.opaque(valueBytes(v) ?? NOTHING);
  }
}

function writeMdata(w: XdrWriter, m: MdataIatt): void {
  w.u64(m.atime);
  w.u64(m.mtime);
  w.u64(m.ctime);
  w.u32(m.atimeNsec);
  w.u32(m.mtimeNsec);
  w.u32(m.ctimeNsec);
}

const NOTHING = new Uint8Array(0);

/** gfx_dict as a field. */
export const dict = custom(readDict, writeDict);

// --- old ----------------------------------------------------------------------------------------------------------------

/** Reads [r.at, end) as an old-style dictionary. Bytes behind its last pair are ignored. */
function readOldPairs(r: XdrReader, end: number): Dict {
  const found = new Dict();
  const take = (length: number): number => {
    const at = r.at;
    if (length > end - at) throw TRUNCATED;
    r.at = at + length;
    return at;
  };
  const pairs = r.view.getUint32(take(4));
  // A pair takes nine bytes at least.
  if (pairs > (end - r.at) / 9) throw TRUNCATED;
  for (let i = 0; i < pairs; i++) {
    const keyLength = r.view.getUint32(take(4));
    const valueLength = r.view.getUint32(take(4));
    if (keyLength > MAX_KEY_BYTES) throw TOO_LONG;
    const keyAt = take(keyLength + 1);
    const key = untilNul(r.bytes.latin1Slice(keyAt, keyAt + keyLength));
    const valueAt = take(valueLength);
    found.map.set(key, { type: DictType.strOld, value: copyBytes(r.bytes, valueAt, valueLength) });
  }
  return found;
}

/** An old-style dictionary inside an opaque<>; null when that is empty. */
export function readOldDict(r: XdrReader): Dict | null {
  const length = r.u32();
  if (length === 0) return null;
  const at = r.body(length, MAX_VALUE_BYTES);
  const after = r.at;
  r.at = at;
  const found = readOldPairs(r, at + length);
  r.at = after;
  return found;
}

function writeOldPairs(w: XdrWriter, d: Dict): void {
  const countAt = w.take(4);
  let count = 0;
  for (const [key, value] of d.map) {
    const bytes = valueBytes(value);
    if (bytes === undefined) continue; // structures have no untyped form
    const at = w.take(8 + key.length + 1 + bytes.length);
    w.view.setUint32(at, key.length);
    w.view.setUint32(at + 4, bytes.length);
    w.bytes.latin1Write(key, at + 8);
    w.bytes[at + 8 + key.length] = 0;
    w.bytes.set(bytes, at + 9 + key.length);
    count++;
  }
  w.patch(countAt, count);
}

export function writeOldDict(w: XdrWriter, d: Dict | null): void {
  const lengthAt = w.take(4);
  if (d !== null) writeOldPairs(w, d);
  const length = w.at - lengthAt - 4;
  w.view.setUint32(lengthAt, length);
  const padding = -length & 3;
  if (padding !== 0) {
    const at = w.take(padding);
    w.bytes.fill(0, at, at + padding);
  }
}

/** An old-style dictionary as a field of its own (opaque<>). */
export const oldDict = custom(readOldDict, writeOldDict);

/** The bytes of an old-style dictionary by themselves, for files and for fields that carry them raw. */
export function encodeOldDict(d: Dict): Buffer {
  const w = new XdrWriter(region(4096));
  writeOldPairs(w, d);
  const bytes = Buffer.from(w.bytes.subarray(0, w.at));
  w.region.release();
  return bytes;
}

/** Reads {@link encodeOldDict}'s form; no bytes give an empty dictionary. Throws XdrError. */
export function decodeOldDict(bytes: Uint8Array): Dict {
  if (bytes.length === 0) return new Dict();
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return readOldPairs(new XdrReader().reset(whole, 0, whole.length), whole.length);
}
