/**
 * Byte strings: paths, brick names and whatever else the kernel, glusterd and clients hand over as bytes that need not be
 * UTF-8. One character (U+0000 to U+00FF) stands for one byte, so that they compare, hash and cross threads as strings do.
 *
 * To the compiler they are no strings: where Node.js or a person wants text, or a call of node:fs a path, one of the functions
 * here is on the way, and no other file converts. Names of files on the way of a fop, and words of volfiles, are byte strings
 * too, typed `string`. In a template a byte string keeps its bytes: lines of the log and of files for other programs are
 * byte strings, and are written as they are.
 */
declare const brand: unique symbol;

export interface ByteString {
  readonly [brand]: 'bytes';
  /** In bytes. */
  readonly length: number;
}

export const NO_BYTES = '' as unknown as ByteString;

/** A string that has one character per byte already: a word of a volfile, a name of the wire, a file read as latin1. */
export const bytesOfLatin1 = (latin1: string): ByteString => latin1 as unknown as ByteString;

/** The same bytes for what takes byte strings as `string`: batches of system calls, names in volfiles. */
export const latin1OfBytes = (bytes: ByteString): string => bytes as unknown as string;

/** Text of Node.js (process.argv, the environment, a message of an error), which is written as UTF-8. */
export const bytesOfText = (text: string): ByteString => bytesOfLatin1(Buffer.from(text, 'utf8').latin1Slice());

/** The bytes of an array as a string of one character each. */
export const latin1OfArray = ({ buffer, byteOffset, length }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, length).latin1Slice();

/** A path as calls of node:fs take it: the exact bytes. */
export const fsPath = (bytes: ByteString): Buffer => Buffer.from(latin1OfBytes(bytes), 'latin1');

const strict = new TextDecoder('utf-8', { fatal: true });

/** For people, labels of metrics and JSON: UTF-8 decoded. Bytes that are no UTF-8 are shown, as \xNN. */
export function textOfBytes(bytes: ByteString): string {
  const latin1 = latin1OfBytes(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is not ASCII is looked for
  if (/^[\x00-\x7f]*$/.test(latin1)) return latin1;
  try {
    return strict.decode(fsPath(bytes));
  } catch {
    return latin1.replaceAll(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
  }
}

/** The same of a name that is typed `string`. */
export const textOfLatin1 = (latin1: string): string => textOfBytes(bytesOfLatin1(latin1));

/** A path for interfaces of Node.js that take nothing but text (sockets). Throws an Error for one that is no UTF-8. */
export function textPath(bytes: ByteString): string {
  try {
    return strict.decode(fsPath(bytes));
  } catch {
    throw new Error(`${textOfBytes(bytes)} is not UTF-8, and Node.js takes no other path here`);
  }
}
