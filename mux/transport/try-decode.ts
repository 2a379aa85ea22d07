/** Decoding off the hot path: null in place of an exception for bytes that are no such structure. */
import type { Struct } from '../wire/schema.js';
import { XdrError, type XdrReader } from '../wire/xdr.js';

export function tryDecode<T>(struct: Struct<T>, reader: XdrReader): T | null {
  try {
    return struct.decode(reader);
  } catch (error) {
    if (error instanceof XdrError) return null;
    throw error;
  }
}
