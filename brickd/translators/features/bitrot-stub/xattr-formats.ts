/**
 * Names and layouts of what bit-rot detection stores with files and exchanges with its daemons. Structures are those of a C program on
 * a 64-bit little-endian machine; the daemons run on the machine of the brick. Versions that pass between the two have 32 bits.
 */
import type { ByteString } from '../../../../native/bytes.js';

/** How often the file was changed after it was signed, or 1: 64 bits, and when the brick that wrote it had started. */
export const VERSION = 'trusted.bit-rot.version';
/** Kind of hash, version that was signed, hash. */
export const SIGNATURE = 'trusted.bit-rot.signature';
/** Of a file whose contents don't match its signature. Its presence counts. */
export const BAD_FILE = 'trusted.bit-rot.bad-file';
export const SIGNATURE_SIZE = 'trusted.glusterfs.bit-rot.size';

/** Virtual xattrs by which the daemons communicate; they are not stored. */
export const GET_SIGNATURE = 'trusted.glusterfs.get-signature';
export const SET_SIGNATURE = 'trusted.glusterfs.set-signature';
export const REOPEN_HINT = 'trusted.glusterfs.bit-rot.reopen-hint';
export const STUB_INIT = 'trusted.glusterfs.bit-rot.stub-init';

/** Values of {@link REOPEN_HINT}: sign what was reported; sign what may have been changed unnoticed. */
export const Hint = { resign: 0, reopen: 1 } as const;

/** Of a file that nobody has signed or changed since bit-rot detection is on. */
export const FIRST_VERSION = 1;

const SHA256 = 1;
const VERSION_BYTES = 16;
/** Before the hash in {@link SIGNATURE}, {@link SET_SIGNATURE} and {@link GET_SIGNATURE}. */
const SIGNATURE_HEAD = 9;
const SET_HEAD = 24;
const GET_HEAD = 40;
const PATH_BYTES = 4096;

/** When the brick started: seconds and microseconds, as they are stored. */
export class BootTime {
  readonly bytes = Buffer.alloc(8);

  constructor(milliseconds: number) {
    this.bytes.writeUInt32BE(Math.floor(milliseconds / 1000), 0);
    this.bytes.writeUInt32BE(Math.floor((milliseconds % 1000) * 1000), 4);
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

/** A number of 64 bits; undefined for one that is not exact. */
function u64(bytes: Buffer, at: number): number | undefined {
  const value = Number(bytes.readBigUInt64LE(at));
  return Number.isSafeInteger(value) ? value : undefined;
}

export function encodeVersion(version: number, boot: BootTime): Uint8Array {
  const bytes = Buffer.alloc(VERSION_BYTES);
  bytes.writeBigUInt64LE(BigInt(version), 0);
  bytes.set(boot.bytes, 8);
  return bytes;
}

/** undefined: it is no version. */
export function decodeVersion(value: Uint8Array): number | undefined {
  return value.length === VERSION_BYTES ? u64(bufferOf(value), 0) : undefined;
}

/** The version that a signature is of; undefined: it is no signature. */
export function signedVersion(signature: Uint8Array): number | undefined {
  return signature.length >= SIGNATURE_HEAD ? u64(bufferOf(signature), 1) : undefined;
}

/** What the signer asks to be stored. */
export interface SignRequest {
  /** The version that it has read. */
  version: number;
  /** As it is stored. */
  signature: Uint8Array;
}

/** null: it is none. */
export function decodeSignRequest(value: Uint8Array): SignRequest | null {
  if (value.length < SET_HEAD) return null;
  const request = bufferOf(value);
  const type = request.readInt8(0);
  const length = u64(request, 16);
  if (type !== SHA256 || length === undefined || length > value.length - SET_HEAD) return null;
  const version = request.readUInt32BE(8);
  const signature = Buffer.alloc(SIGNATURE_HEAD + length);
  signature.writeInt8(type, 0);
  signature.writeBigUInt64LE(BigInt(version), 1);
  signature.set(request.subarray(SET_HEAD, SET_HEAD + length), SIGNATURE_HEAD);
  return { version, signature };
}

/** What {@link GET_SIGNATURE} answers, from the xattrs of a file; null where they are malformed. */
export function encodeSignature(version: Uint8Array, signature: Uint8Array, stale: boolean): Uint8Array | null {
  if (decodeVersion(version) === undefined || signature.length < SIGNATURE_HEAD) return null;
  const stored = bufferOf(signature);
  const answer = Buffer.alloc(GET_HEAD + stored.length - SIGNATURE_HEAD);
  answer.writeUInt8(stale ? 1 : 0, 0);
  stored.copy(answer, 8, 1, SIGNATURE_HEAD);
  answer.set(version.subarray(8), 16);
  stored.copy(answer, 24, 0, 1);
  answer.writeBigUInt64LE(BigInt(stored.length - SIGNATURE_HEAD), 32);
  stored.copy(answer, GET_HEAD, SIGNATURE_HEAD);
  return answer;
}

/** What {@link STUB_INIT} answers. path: the brick's. */
export function encodeStubInit(boot: BootTime, path: ByteString): Uint8Array {
  const answer = Buffer.alloc(8 + PATH_BYTES);
  answer.set(boot.bytes, 0);
  answer.latin1Write(`${path}`, 8, PATH_BYTES - 1);
  return answer;
}
