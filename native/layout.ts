/**
 * Layouts and numbers shared with native code: records of a batch, results of ops, flags. They are written once, in
 * `native/src/binding/layout_binding.cc`, and read when the addon is loaded. An addon of another build is refused.
 */
import { addon } from './addon.js';

type Parts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The layout that an addon exports. */
export class Layout {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  number(part: string, name: string): number {
    const value = this.#parts[part]?.[name];
    if (value === undefined) throw new LayoutError(`it has no ${part}.${name}`);
    return value;
  }

  /** The numbers of a few names. */
  numbers<Name extends string>(part: string, names: readonly Name[]): Readonly<Record<Name, number>> {
    const numbers = {} as Record<Name, number>;
    for (const name of names) numbers[name] = this.number(part, name);
    this.complete(part, numbers);
    return numbers;
  }

  /** The addon must know no other names than these: what it writes there would go unread. */
  complete(part: string, numbers: Readonly<Record<string, number>>): void {
    for (const name of Object.keys(this.#parts[part] ?? {})) {
      if (!(name in numbers)) throw new LayoutError(`it has ${part}.${name}`);
    }
  }

  /** The number must be this one: code is written for it. */
  expect(part: string, name: string, value: number): void {
    const has = this.number(part, name);
    if (has !== value) throw new LayoutError(`its ${part}.${name} is ${has} instead of ${value}`);
  }
}

export class LayoutError extends Error {
  override readonly name = 'LayoutError';
  constructor(difference: string) {
    super(`the addon is not of this program's build: ${difference}`);
  }
}

const layout = new Layout(addon.layout);

// Batch.op writes records in this form.
layout.expect('record', 'codeAt', 0);
layout.expect('record', 'operandsAt', 1);
layout.expect('record', 'operands', 6);
layout.expect('record', 'end', 0);

/** A record: a double each for code and flags, operands, result. */
export const RECORD_DOUBLES = layout.number('record', 'bytes') / 8;
export const RESULT_AT = layout.number('record', 'resultAt');
/** The flags of a record lie above the code of its op. */
export const FLAGS_SHIFT = layout.number('record', 'flagsShift');
/** Records of a batch, the one that ends it included. */
export const MAX_RECORDS = layout.number('batch', 'maxRecords');
/** Ops of a batch. */
export const MAX_OPS = MAX_RECORDS - 1;
/** Added to the result of a run that has kept this thread waiting for 40 ms or more. */
export const SLOW_MARK = layout.number('batch', 'slowMark');

/** What the pool knows of a batch, in doubles of its slot: times in milliseconds of the system's monotonic clock. */
const batchTimes = layout.numbers('batchTime', ['submitted', 'started', 'ended', 'longestOp', 'longestMs']);
const TIMES_AT = MAX_OPS * RECORD_DOUBLES + 1;
export const BATCH_TIME = {
  submitted: TIMES_AT + batchTimes.submitted,
  started: TIMES_AT + batchTimes.started,
  ended: TIMES_AT + batchTimes.ended,
  longestOp: TIMES_AT + batchTimes.longestOp,
  longestMs: TIMES_AT + batchTimes.longestMs,
} as const;

/** A failing op does not fail the batch. */
export const IGNORE = layout.number('batch', 'ignore');
/** Runs only when the batch has failed (undo what was done). */
export const CLEANUP = layout.number('batch', 'cleanup');
/** Runs whether or not the batch has failed (close). */
export const ALWAYS = layout.number('batch', 'always');

/**
 * A descriptor, or a {@link reg}. Ops on (dir, name) work on a file by name below a directory, or, with name null, on the open
 * file `dir` itself; dir may be AT_FDCWD for absolute names. Names are byte strings (latin1).
 */
export type FdRef = number;

const REGISTER = layout.number('batch', 'register');

/** The descriptor that op number `index` (an open) of the same batch has opened; -EBADF for the op that uses it if it has not. */
export const reg = (index: number): FdRef => REGISTER - index;

/** Whether it stands for what an op will open, unlike a descriptor, or one of the negative numbers that stand for none. */
export const isReg = (fd: FdRef): boolean => fd <= REGISTER;

const stat = (name: string): number => layout.number('stat', name);

/** Doubles of a stat result. A literal: the engine would have a slow object of one with so many properties set by computed names. */
export const STAT = {
  dev: stat('dev'),
  inoHigh: stat('inoHigh'),
  inoLow: stat('inoLow'),
  mode: stat('mode'),
  nlink: stat('nlink'),
  uid: stat('uid'),
  gid: stat('gid'),
  rdev: stat('rdev'),
  size: stat('size'),
  blksize: stat('blksize'),
  blocks: stat('blocks'),
  atime: stat('atime'),
  atimeNsec: stat('atimeNsec'),
  mtime: stat('mtime'),
  mtimeNsec: stat('mtimeNsec'),
  ctime: stat('ctime'),
  ctimeNsec: stat('ctimeNsec'),
  btime: stat('btime'),
  btimeNsec: stat('btimeNsec'),
} as const;
layout.complete('stat', STAT);
export const STAT_DOUBLES = Object.keys(STAT).length;

/** Doubles of a statvfs result. */
export const STATVFS = layout.numbers('statvfs', [
  'bsize',
  'frsize',
  'blocks',
  'bfree',
  'bavail',
  'files',
  'ffree',
  'favail',
  'fsid',
  'flag',
  'namemax',
]);
export const STATVFS_DOUBLES = Object.keys(STATVFS).length;

/** Bytes of how an entry of a readdir begins. */
export const ENTRY = layout.numbers('entry', [
  'bytes',
  'lengthAt',
  'nameLengthAt',
  'typeAt',
  'hasStatAt',
  'offsetAt',
  'xattrBytesAt',
]);
export const ENTRY_WANTS = layout.numbers('entryWants', ['withStatAt', 'maxEntriesAt', 'patternBytesAt', 'patternsAt']);

/** How each xattr of a run begins. */
export const XATTR_HEAD = layout.numbers('xattrHead', ['bytes', 'keyBytesAt', 'valueBytesAt']);

/** What a checksum op answers (its state between two batches is behind it), and its flags. */
export const CHECKSUM = layout.numbers('checksum', [
  'bytes',
  'weakAt',
  'zeroAt',
  'digestAt',
  'digestBytes',
  'sha256',
  'first',
  'last',
]);

/** Of batches in a queue. */
export enum Priority {
  high = 0,
  normal = 1,
  low = 2,
  least = 3,
}
layout.expect('priority', 'high', Priority.high);
layout.expect('priority', 'normal', Priority.normal);
layout.expect('priority', 'low', Priority.low);
layout.expect('priority', 'least', Priority.least);

/** Places in the flags of a queue. */
export const QUEUE_FLAG = layout.numbers('queueFlag', ['late', 'hangs', 'oldest', 'count']);
/** Classes of ops, as a queue tells which of them hang: bit numbers. */
export const OP_CLASS = layout.numbers('opClass', ['reads', 'changes', 'syncs']);

/** What a poller watches for, and reports: bits. hungUp: the peer has closed, or will send no more. */
export const READINESS = layout.numbers('readiness', ['readable', 'writable', 'hungUp']);

/** A double among the results of a batch or of a listing. index: within what was reserved for them. */
export function doubleAt(f64: Float64Array, index: number): number {
  // biome-ignore lint/style/noNonNullAssertion: on the way of every fop, and reserved by those who wrote the program
  return f64[index]!;
}
