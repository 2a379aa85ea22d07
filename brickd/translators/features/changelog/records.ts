/**
 * Records of a journal, as consumers read them:
 *
 *   letter  gfid  { NUL field }  NUL
 *
 * The letter is E (an entry of a directory), D (data) or M (metadata). Texts: a gfid has 36 characters, numbers are decimal. Binary: a gfid
 * has 16 bytes, numbers 4 in host order. An entry is its directory's gfid, a slash and the name, in either encoding.
 */
import { type Gfid, gfidText } from '../../../../mux/xlator/gfid.js';
import { assert, defined } from '../../../../native/assert.js';
import { type Region, region } from '../../../../native/memory.js';

export type Encoding = 'ascii' | 'binary';

/** Numbers by which headers name encodings. */
const ENCODING = { binary: 1, ascii: 2 } as const;

/** The first line of every journal. */
export const headerOf = (encoding: Encoding): string =>
  `GlusterFS Changelog | version: v1.2 | encoding : ${ENCODING[encoding]}\n`;

/** The encoding that a header names; null for a line that is none. */
export function encodingOf(header: string): Encoding | null {
  if (header === headerOf('ascii')) return 'ascii';
  return header === headerOf('binary') ? 'binary' : null;
}

export const Letter = { data: 0x44, metadata: 0x4d, entry: 0x45 } as const;
export type LetterCode = (typeof Letter)[keyof typeof Letter];

/** Longest path that a record takes: one that is longer is left out, as one that is not known. */
const MAX_PATH_BYTES = 4095;
const MAX_NAME_BYTES = 255;
/** Room for any record: two entries, a path and a few numbers. */
export const MAX_RECORD_BYTES = 8192;
const CHUNK_BYTES = 65536;
assert(MAX_PATH_BYTES + 2 * (MAX_NAME_BYTES + 40) + 200 < MAX_RECORD_BYTES, 'every record fits');

const SLASH = 0x2f;
const NO_BYTES = Buffer.alloc(0);

/** Memory that records are put together in. */
export class Chunk {
  readonly region: Region = region(CHUNK_BYTES);
  length = 0;

  get hasRoom(): boolean {
    return this.length + MAX_RECORD_BYTES <= CHUNK_BYTES;
  }
}

/** Puts records together, one after the other: begin, fields, end. */
export class RecordWriter {
  #binary = false;
  #bytes: Buffer = NO_BYTES;
  #at = 0;
  #chunk: Chunk | null = null;

  /** Begins a record at the end of a chunk. */
  begin(chunk: Chunk, encoding: Encoding, letter: LetterCode, gfid: Gfid): this {
    assert(this.#chunk === null && chunk.hasRoom, 'a record is begun behind a whole one, where there is room for any');
    this.#binary = encoding === 'binary';
    this.#chunk = chunk;
    this.#bytes = chunk.region.bytes;
    this.#at = chunk.length;
    this.#bytes[this.#at++] = letter;
    this.#gfid(gfid);
    return this;
  }

  #gfid(gfid: Gfid): void {
    if (this.#binary) {
      this.#bytes.set(gfid, this.#at);
      this.#at += 16;
    } else {
      this.#text(gfidText(gfid));
    }
  }

  #text(text: string): void {
    this.#at += this.#bytes.latin1Write(text, this.#at);
  }

  number(value: number): this {
    this.#bytes[this.#at++] = 0;
    if (this.#binary) this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
    else this.#text(String(value >>> 0));
    return this;
  }

  entry(parent: Gfid, name: string): this {
    assert(name.length <= MAX_NAME_BYTES, 'no file system has longer names');
    this.#bytes[this.#at++] = 0;
    this.#gfid(parent);
    this.#bytes[this.#at++] = SLASH;
    this.#text(name);
    return this;
  }

  /** The path of what was removed, relative to the volume's root; '': not known. */
  path(path: string): this {
    this.#bytes[this.#at++] = 0;
    if (path === '' || path.length > MAX_PATH_BYTES) this.#bytes[this.#at++] = 0;
    else this.#text(path);
    return this;
  }

  end(): void {
    this.#bytes[this.#at++] = 0;
    defined(this.#chunk, 'a record ends that was begun').length = this.#at;
    this.#chunk = null;
  }
}
