/** Amounts that quota counts (bytes, files, directories), and their form in xattrs. */
import type { Iatt } from '../../../../../mux/xlator/iatt.js';
import { S_IFMT, S_ISVTX } from '../../../../../native/linux.js';

export interface Figures {
  readonly bytes: number;
  readonly files: number;
  readonly dirs: number;
}

export const NOTHING: Figures = Object.freeze({ bytes: 0, files: 0, dirs: 0 });
/** A directory counts itself, and its own blocks do not count. */
export const EMPTY_DIRECTORY: Figures = Object.freeze({ bytes: 0, files: 0, dirs: 1 });

const BLOCK = 512;
const WORD = 8;

export const sum = (a: Figures, b: Figures): Figures => ({
  bytes: a.bytes + b.bytes,
  files: a.files + b.files,
  dirs: a.dirs + b.dirs,
});
export const difference = (a: Figures, b: Figures): Figures => ({
  bytes: a.bytes - b.bytes,
  files: a.files - b.files,
  dirs: a.dirs - b.dirs,
});
export const isZero = (f: Figures): boolean => f.bytes === 0 && f.files === 0 && f.dirs === 0;
export const same = (a: Figures, b: Figures): boolean => isZero(difference(a, b));

/** The mode of a file that only points to another brick, where distribute has the data. */
export const isLinktoMode = (mode: number): boolean => (mode & ~S_IFMT) === S_ISVTX;

/** What a file gives to each directory that has a name of it; null for one that does not count: devices, sockets, distribute's pointers. */
export function figuresOf(stat: Iatt): Figures | null {
  if (stat.isLink || (stat.isRegular && !isLinktoMode(stat.mode))) {
    return { bytes: stat.blocks * BLOCK, files: 1, dirs: 0 };
  }
  return null;
}

/** Big-endian numbers of 64 bits: bytes, files and, of directories only, directories. */
export function encodeFigures(f: Figures, ofDirectory: boolean): Uint8Array {
  const out = Buffer.alloc(ofDirectory ? 3 * WORD : 2 * WORD);
  out.writeBigInt64BE(BigInt(f.bytes), 0);
  out.writeBigInt64BE(BigInt(f.files), WORD);
  if (ofDirectory) out.writeBigInt64BE(BigInt(f.dirs), 2 * WORD);
  return out;
}

/** Null for an invalid value. Releases before 3.7 stored bytes only: files and directories are 0 then. */
export function decodeFigures(value: Uint8Array | undefined): Figures | null {
  if (value === undefined || value.length < WORD) return null;
  const b = Buffer.from(value.buffer, value.byteOffset, value.length);
  const word = (i: number): number => (b.length >= (i + 1) * WORD ? Number(b.readBigInt64BE(i * WORD)) : 0);
  return { bytes: word(0), files: word(1), dirs: word(2) };
}
