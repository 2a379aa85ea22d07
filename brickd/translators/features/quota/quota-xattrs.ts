/** Xattrs of quota: limits of directories, and what they use. Numbers are 64 bits, high byte first. */
import type { Dict } from '../../../../mux/xlator/dict.js';

/** Bytes, files and directories that a directory holds. The suffix of the quota's version is marker's business. */
export const SIZE = 'trusted.glusterfs.quota.size';
export const USAGE_LIMIT = 'trusted.glusterfs.quota.limit-set';
export const OBJECT_LIMIT = 'trusted.glusterfs.quota.limit-objects';
/** What a directory uses and may use, as text. */
export const LIMIT_LIST = 'trusted.limit.list';

const LIMIT_BYTES = 16;
const SIZE_BYTES = 24;

/** What a directory and all below it use. */
export interface TreeUsage {
  readonly bytes: number;
  readonly files: number;
  /** The directory itself among them. */
  readonly dirs: number;
}

export interface Limit {
  readonly hard: number;
  /** Below zero: the volume's default. */
  readonly softPercent: number;
}

/** Limits of one directory; null: none. */
export interface DirectoryLimits {
  readonly usage: Limit | null;
  readonly objects: Limit | null;
}

export const NO_LIMITS: DirectoryLimits = Object.freeze({ usage: null, objects: null });

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const number = (bytes: Uint8Array, at: number): number => Number(view(bytes).getBigInt64(at));

/** A limit from its xattr. Null: there is none. `malformed` is called for an invalid value. */
function limitIn(dict: Dict, key: string, malformed: (key: string) => void): Limit | null {
  const bytes = dict.bytes(key);
  if (bytes === undefined) return null;
  if (bytes.length < LIMIT_BYTES) {
    malformed(key);
    return null;
  }
  const hard = number(bytes, 0);
  return hard > 0 ? { hard, softPercent: number(bytes, 8) } : null;
}

/** The limits in a dictionary of xattrs. */
export function limitsIn(dict: Dict | null, malformed: (key: string) => void): DirectoryLimits {
  if (dict === null || (!dict.has(USAGE_LIMIT) && !dict.has(OBJECT_LIMIT))) return NO_LIMITS;
  return { usage: limitIn(dict, USAGE_LIMIT, malformed), objects: limitIn(dict, OBJECT_LIMIT, malformed) };
}

/** The usage in a dictionary; null if there is none. Releases that counted bytes only wrote these alone. */
export function usageIn(dict: Dict | null): TreeUsage | null {
  const bytes = dict?.bytes(SIZE);
  if (bytes === undefined || bytes.length < 8) return null;
  if (bytes.length < SIZE_BYTES) return { bytes: number(bytes, 0), files: 0, dirs: 0 };
  return { bytes: number(bytes, 0), files: number(bytes, 8), dirs: number(bytes, 16) };
}

/** Has a request for xattrs ask for limits as well. */
export function askForLimits(xdata: Dict): Dict {
  return xdata.setInt(USAGE_LIMIT, 1).setInt(OBJECT_LIMIT, 1);
}

/** Names that clients may neither set nor remove. */
export const isProtected = (name: string): boolean =>
  name.startsWith('trusted.glusterfs.quota') || name.startsWith('trusted.pgfid');
