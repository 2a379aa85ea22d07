/** Decodes a structure off the hot path: null instead of an exception for malformed bytes. */
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
