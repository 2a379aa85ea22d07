/**
 * Finds the end of the last complete record of a journal. A process that is killed while writing leaves an incomplete
 * record (and a power loss may leave zeros), which would keep consumers from reading the journal.
 */
import { fopByName, type TableName } from '../../../../mux/xlator/fop-table.js';
import { type Encoding, encodingOf, Letter } from './records.js';

/** Longest header line that is accepted. */
const MAX_HEADER_BYTES = 128;

/** Numbers, then entries, of a record of that fop; a path follows those that remove. */
const SHAPES = new Map<number, { numbers: number; entries: number; path: boolean }>();
for (const name of ['create', 'mkdir', 'mknod'] satisfies TableName[]) {
  SHAPES.set(fopByName(name).internal, { numbers: 3, entries: 1, path: false });
}
for (const name of ['symlink', 'link'] satisfies TableName[]) {
  SHAPES.set(fopByName(name).internal, { numbers: 0, entries: 1, path: false });
}
for (const name of ['unlink', 'rmdir'] satisfies TableName[]) {
  SHAPES.set(fopByName(name).internal, { numbers: 0, entries: 1, path: true });
}
SHAPES.set(fopByName('rename').internal, { numbers: 0, entries: 2, path: false });

/** The record is incomplete or invalid. */
const CUT = -1;
const BAD = -2;

/** Finds records in pieces of a journal, one after the other. */
export class RecordScanner {
  #encoding: Encoding | null = null;
  #left: Buffer = Buffer.alloc(0);
  /** Offset in the file of the first byte of {@link #left}: all before are whole records. */
  #end = 0;
  #bad = false;
  records = 0;

  /** Offset behind the last whole record; 0 if there is not even a header. */
  get end(): number {
    return this.#end;
  }

  get encoding(): Encoding | null {
    return this.#encoding;
  }

  /** Takes the next piece. False: what follows is no record, and no further piece is wanted. */
  push(piece: Buffer): boolean {
    if (this.#bad) return false;
    const bytes = this.#left.length === 0 ? piece : Buffer.concat([this.#left, piece]);
    let at = 0;
    if (this.#encoding === null) {
      at = this.#header(bytes);
      if (at < 0) return !this.#stop(at, bytes, 0);
    }
    for (;;) {
      const next = this.#record(bytes, at);
      if (next < 0) return !this.#stop(next, bytes, at);
      this.records++;
      at = next;
    }
  }

  #stop(why: number, bytes: Buffer, at: number): boolean {
    this.#end += at;
    this.#left = Buffer.from(bytes.subarray(at));
    this.#bad = why === BAD;
    return this.#bad;
  }

  #header(bytes: Buffer): number {
    const newline = bytes.subarray(0, MAX_HEADER_BYTES).indexOf(0x0a);
    if (newline < 0) return bytes.length < MAX_HEADER_BYTES ? CUT : BAD;
    this.#encoding = encodingOf(bytes.latin1Slice(0, newline + 1));
    return this.#encoding === null ? BAD : newline + 1;
  }

  /** Offset behind the record at `at`; {@link CUT} or {@link BAD}. */
  #record(bytes: Buffer, at: number): number {
    if (at >= bytes.length) return CUT;
    const letter = bytes[at];
    const known = letter === Letter.data || letter === Letter.metadata || letter === Letter.entry;
    if (!known) return BAD;
    let next = this.#gfid(bytes, at + 1);
    if (letter === Letter.data) return nul(bytes, next);
    const fop = this.#number(bytes, next);
    next = fop.next;
    if (letter === Letter.metadata || next < 0) return nul(bytes, next);
    const shape = SHAPES.get(fop.value);
    if (shape === undefined) return BAD;
    for (let i = 0; i < shape.numbers; i++) next = this.#number(bytes, next).next;
    for (let i = 0; i < shape.entries; i++) next = this.#entry(bytes, next);
    if (shape.path) next = path(bytes, next);
    return nul(bytes, next);
  }

  #gfid(bytes: Buffer, at: number): number {
    const end = at + (this.#encoding === 'binary' ? 16 : 36);
    if (end > bytes.length) return CUT;
    return this.#encoding === 'binary' || isGfidText(bytes, at) ? end : BAD;
  }

  #number(bytes: Buffer, at: number): { next: number; value: number } {
    const start = nul(bytes, at);
    if (start < 0) return { next: start, value: 0 };
    if (this.#encoding === 'binary') {
      const next = start + 4;
      return next > bytes.length ? { next: CUT, value: 0 } : { next, value: bytes.readUInt32LE(start) };
    }
    const end = bytes.indexOf(0, start);
    if (end < 0) return { next: bytes.length - start > 10 ? BAD : CUT, value: 0 };
    const text = bytes.latin1Slice(start, end);
    return /^\d{1,10}$/.test(text) ? { next: end, value: Number(text) } : { next: BAD, value: 0 };
  }

  #entry(bytes: Buffer, at: number): number {
    const start = nul(bytes, at);
    if (start < 0) return start;
    const name = this.#gfid(bytes, start);
    if (name < 0) return name;
    if (name >= bytes.length) return CUT;
    if (bytes[name] !== 0x2f) return BAD;
    const end = bytes.indexOf(0, name + 1);
    return end < 0 ? CUT : end;
  }
}

/** Offset behind a NUL. A failure before is passed on. */
function nul(bytes: Buffer, at: number): number {
  if (at < 0) return at;
  if (at >= bytes.length) return CUT;
  return bytes[at] === 0 ? at + 1 : BAD;
}

/** Offset behind a path; a lone NUL means that it is not known. */
function path(bytes: Buffer, at: number): number {
  const start = nul(bytes, at);
  if (start < 0) return start;
  const end = bytes.indexOf(0, start);
  if (end < 0) return CUT;
  return end === start ? start + 1 : end;
}

function isGfidText(bytes: Buffer, at: number): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(bytes.latin1Slice(at, at + 36));
}
