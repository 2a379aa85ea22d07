/**
 * A Gluster dictionary: names to typed values. Keys are byte strings without their NUL. Values keep the type tag of the
 * 4.x wire format; dictionaries of the old untyped encoding hold STR_OLD values (raw bytes).
 */
import type { Iatt } from './iatt.js';

/** Type tags of gf_dict_data_type_t. */
export const DictType = {
  unknown: 0,
  strOld: 1,
  int: 2,
  uint: 3,
  double: 4,
  str: 5,
  ptr: 6,
  gfuuid: 7,
  iatt: 8,
  mdata: 9,
} as const;
export type DictTypeTag = (typeof DictType)[keyof typeof DictType];

/** Times of a mdata value (seconds and nanoseconds), as the healing of legacy times sends them. */
export interface MdataIatt {
  atime: number;
  mtime: number;
  ctime: number;
  atimeNsec: number;
  mtimeNsec: number;
  ctimeNsec: number;
}

/**
 * One value. `int`, `uint`, `double`: number (bigint beyond 2^53); `str`: byte string without NUL; `strOld`, `ptr`,
 * `gfuuid`: bytes (owned by the value: decoders copy); `iatt`: Iatt; `mdata`: MdataIatt.
 */
export interface DictValue {
  readonly type: DictTypeTag;
  readonly value: number | bigint | string | Uint8Array | Iatt | MdataIatt;
}

export class Dict {
  readonly map = new Map<string, DictValue>();

  get size(): number {
    return this.map.size;
  }
  has(key: string): boolean {
    return this.map.has(key);
  }
  get(key: string): DictValue | undefined {
    return this.map.get(key);
  }
  delete(key: string): boolean {
    return this.map.delete(key);
  }
  set(key: string, value: DictValue): this {
    this.map.set(key, value);
    return this;
  }
  setInt(key: string, value: number | bigint): this {
    return this.set(key, { type: DictType.int, value });
  }
  setUint(key: string, value: number | bigint): this {
    return this.set(key, { type: DictType.uint, value });
  }
  setText(key: string, value: string): this {
    return this.set(key, { type: DictType.str, value });
  }
  /** Binary value (tag PTR). The bytes must not change afterwards. */
  setBytes(key: string, value: Uint8Array): this {
    return this.set(key, { type: DictType.ptr, value });
  }
  setGfid(key: string, value: Uint8Array): this {
    return this.set(key, { type: DictType.gfuuid, value });
  }
  setIatt(key: string, value: Iatt): this {
    return this.set(key, { type: DictType.iatt, value });
  }

  /** A number of any numeric spelling (typed, or decimal text in a raw value); undefined when there is none. */
  number(key: string): number | undefined {
    const v = this.map.get(key);
    if (v === undefined) return undefined;
    const raw = v.value;
    if (typeof raw === 'number') return raw;
    if (typeof raw === 'bigint') return Number(raw);
    const text = typeof raw === 'string' ? raw : raw instanceof Uint8Array ? textOf(raw) : undefined;
    if (text === undefined || !/^\s*[-+]?(\d+|0x[0-9a-f]+)\s*$/i.test(text)) return undefined;
    return Number(text);
  }

  /** A string (typed, or raw bytes up to the first NUL); undefined when there is none. */
  text(key: string): string | undefined {
    const v = this.map.get(key);
    if (v === undefined) return undefined;
    return valueText(v);
  }

  /** The value as bytes: strings with their NUL (as Gluster stores them), numbers as decimal text with NUL. */
  bytes(key: string): Uint8Array | undefined {
    const v = this.map.get(key);
    return v === undefined ? undefined : valueBytes(v);
  }
}

function textOf(bytes: Uint8Array): string {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const nul = b.indexOf(0);
  return b.latin1Slice(0, nul < 0 ? b.length : nul);
}

/** A value as text; undefined for structures. */
export function valueText(v: DictValue): string | undefined {
  const raw = v.value;
  if (typeof raw === 'string') return raw;
  if (typeof raw === 'number' || typeof raw === 'bigint') return String(raw);
  if (raw instanceof Uint8Array) return textOf(raw);
  return undefined;
}

/** A value as the bytes that Gluster holds in memory for it (data_t): what setxattr writes to disk. */
export function valueBytes(v: DictValue): Uint8Array | undefined {
  const raw = v.value;
  if (raw instanceof Uint8Array) return raw;
  if (typeof raw === 'string') return Buffer.from(`${raw}\0`, 'latin1');
  if (typeof raw === 'number' || typeof raw === 'bigint') return Buffer.from(`${raw}\0`, 'latin1');
  return undefined;
}
