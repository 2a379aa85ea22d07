/** Reads whole small files for lookups that ask for the contents (`glusterfs.content`). */

import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { EAGAIN, EOPNOTSUPP } from '../../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../../native/layout.js';
import { O_RDONLY, RWF_NOWAIT } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { DiskContext } from '../context.js';
import { INLINE_BYTES } from '../inline-policy.js';
import { type CachedOutcome, type CachedProgram, runOnPool, tryCached } from '../run-cached.js';

const NO_BYTES = new Uint8Array(0);

/** Bytes of contents that a thread reads from disks at the same time; further files wait. */
const MOST_AT_ONCE = 32 << 20;
let beingRead = 0;
const waiting: (() => void)[] = [];

/** Resolves when so many bytes may be read. */
async function turn(bytes: number): Promise<void> {
  while (beingRead > 0 && beingRead + bytes > MOST_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  beingRead += bytes;
}

function turnOver(bytes: number): void {
  beingRead -= bytes;
  assert(beingRead >= 0, 'no more content is given back than was being read');
  // All waiters check again: they need different amounts.
  for (const go of waiting.splice(0)) go();
}

/**
 * The first `size` bytes of the regular file `name` in `dir` (shorter when the file has shrunk); null when it can't be read.
 * At once if they are in the page cache.
 */
export function readContent(
  disk: DiskContext,
  dir: number,
  name: string,
  size: number,
): MaybePromise<Uint8Array | null> {
  if (size === 0) return NO_BYTES;
  const reading = new ContentReading(dir, name, size);
  if (size <= INLINE_BYTES && tryCached(disk, reading)) return reading.bytes;
  reading.release();
  return readOnPool(disk, reading, size);
}

async function readOnPool(disk: DiskContext, reading: ContentReading, size: number): Promise<Uint8Array | null> {
  await turn(size);
  try {
    await runOnPool(disk, reading, Priority.high);
  } finally {
    turnOver(size);
  }
  if (reading.bytes === null) {
    disk.fopFailed(`reading the content of ${JSON.stringify(reading.name)} failed`, reading.errno);
  }
  return reading.bytes;
}

class ContentReading implements CachedProgram {
  readonly #dir: number;
  readonly name: string;
  readonly #size: number;
  #into: Region | null = null;
  #onPool = false;
  /** What was read; null while nothing was, or when it can't be. */
  bytes: Uint8Array | null = null;
  errno = 0;

  constructor(dir: number, name: string, size: number) {
    this.#dir = dir;
    this.name = name;
    this.#size = size;
  }

  program(b: Batch, resolve: number): void {
    this.#onPool = resolve === 0;
    this.#into ??= region(this.#size);
    // The name may be another file by now.
    b.openRegular(this.#dir, this.name, O_RDONLY, false, resolve);
    b.pread(reg(0), this.#into.address, this.#size, 0, this.#onPool ? 0 : RWF_NOWAIT);
    b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const n = b.result(1);
    if (!this.#onPool && (mustWait(b.result(0)) || mustWait(n) || (n >= 0 && n < this.#size))) return 'wait';
    this.errno = b.errno;
    if (n >= 0 && this.#into !== null) this.bytes = Uint8Array.prototype.slice.call(this.#into.bytes, 0, n);
    this.release();
    return 'done';
  }

  /** Gives back the memory for the file. */
  release(): void {
    this.#into?.release();
    this.#into = null;
  }
}

function mustWait(r: number): boolean {
  return r === -EAGAIN || r === -EOPNOTSUPP;
}
