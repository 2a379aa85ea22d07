/**
 * A compressed payload: raw deflate, then the CRC-32 of what it was made of and its length, 4 bytes each, little-endian. zlib works on
 * the threads of Node.js.
 */
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';

const TRAILER_BYTES = 8;
const MOST_WINDOW_BITS = 15;

const deflate = promisify<Uint8Array, { level: number; memLevel: number; windowBits: number }, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, { windowBits: number; maxOutputLength: number }, Buffer>(inflateRaw);

export interface Compression {
  level: number;
  memLevel: number;
  windowBits: number;
}

/** What a payload must be rejected for. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
}

/** Compresses data; null if that does not make it smaller. */
export async function compress(data: Uint8Array, how: Compression): Promise<Uint8Array | null> {
  const deflated = await deflate(data, how);
  if (deflated.length + TRAILER_BYTES >= data.length) return null;
  const payload = Buffer.allocUnsafe(deflated.length + TRAILER_BYTES);
  deflated.copy(payload);
  payload.writeUInt32LE(crc32(data), deflated.length);
  payload.writeUInt32LE(data.length >>> 0, deflated.length + 4);
  return payload;
}

/** The length of what a payload was made of, as it says. Throws a {@link PayloadError} for one that is too short. */
export function lengthOf(payload: Uint8Array): number {
  return viewOf(payload).getUint32(trailerAt(payload) + 4, true);
}

/** Decompresses a payload. Rejects with a {@link PayloadError} if it is damaged. */
export async function decompress(payload: Uint8Array): Promise<Uint8Array> {
  const at = trailerAt(payload);
  const length = lengthOf(payload);
  let data: Buffer;
  try {
    // zlib wants room for a byte more to find the end.
    data = await inflate(payload.subarray(0, at), { windowBits: MOST_WINDOW_BITS, maxOutputLength: length + 1 });
  } catch (error) {
    throw new PayloadError(`cannot be inflated: ${(error as Error).message}`);
  }
  if (data.length !== length) throw new PayloadError(`has ${data.length} bytes instead of ${length}`);
  if (crc32(data) !== viewOf(payload).getUint32(at, true)) throw new PayloadError('has another checksum');
  return data;
}

function trailerAt(payload: Uint8Array): number {
  if (payload.length < TRAILER_BYTES) throw new PayloadError(`of ${payload.length} bytes has no checksum`);
  return payload.length - TRAILER_BYTES;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
