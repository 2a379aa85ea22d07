/**
 * Reads xattr values of a file: one by name, or all. Runs inline while the kernel has the file's handle in its cache.
 */
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { defined } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { E2BIG, ERANGE } from '../../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { type CachedOutcome, type CachedProgram, runOnPool, tryCached } from '../run-cached.js';

/** Room for a value in the batch; larger ones get the most that Linux allows. */
const SMALL = 1024;
const LARGEST = 65536;
const MOST_OF_ALL = 16 * 1024 * 1024;

/** Value of one xattr; releases the file. Fails with ENODATA when the file has no such xattr. */
export function readXattr(disk: DiskContext, call: Call, file: FileRef, name: string): MaybePromise<Uint8Array> {
  const reading = new ValueReading(call, file, name);
  if (tryCached(disk, reading)) return reading.value();
  return runOnPool(disk, reading, disk.priority(call, Priority.normal), 0, call).then(() => reading.value());
}

/** All xattrs of a file as a run (see eachXattr) of so many bytes, in memory that the caller releases; releases the file. */
export function readAllXattrs(disk: DiskContext, call: Call, file: FileRef): MaybePromise<XattrRun> {
  const reading = new AllReading(call, file);
  if (tryCached(disk, reading)) return reading.run();
  return runOnPool(disk, reading, disk.priority(call, Priority.normal), 0, call).then(() => reading.run());
}

/** Whether a file is reached by its handle's path, so that the disk may have to be waited for. */
function isByPath({ name }: FileRef): boolean {
  return name !== null && name !== '.';
}

/** Asks first, on this thread, whether the handle is in the cache. */
function openIfCached(b: Batch, { fd, name }: FileRef, resolve: number): void {
  if (name !== null) b.open(fd, name, O_PATH | O_NOFOLLOW, 0, resolve);
}

class ValueReading implements CachedProgram {
  readonly #call: Call;
  readonly #file: FileRef;
  readonly #name: string;
  #large: Region | null = null;
  #at = 0;
  #op = 0;
  #value: Uint8Array | null = null;
  #errno = 0;

  constructor(call: Call, file: FileRef, name: string) {
    this.#call = call;
    this.#file = file;
    this.#name = name;
  }

  program(b: Batch, resolve: number): void {
    const { fd, name } = this.#file;
    if (resolve === 0) {
      if (this.#large === null) this.#call.charge(LARGEST);
      this.#large ??= region(LARGEST);
      this.#op = b.getxattr(fd, name, this.#name, this.#large.address, LARGEST);
      return;
    }
    this.#at = b.out(SMALL);
    const byPath = isByPath(this.#file);
    if (byPath) openIfCached(b, this.#file, resolve);
    this.#op = b.getxattr(fd, name, this.#name, this.#at, SMALL);
    if (byPath) b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const r = b.result(this.#op);
    if (r >= 0) {
      const from = this.#large === null ? b.view(this.#at, r) : this.#large.bytes;
      this.#value = Uint8Array.prototype.slice.call(from, 0, r);
      return 'done';
    }
    this.#errno = b.errno;
    return this.#errno === ERANGE && this.#large === null ? 'wait' : 'done';
  }

  value(): Uint8Array {
    this.#file.release();
    this.#large?.release();
    if (this.#value === null) throw failure(this.#errno);
    return this.#value;
  }
}

/** A run of xattrs in memory that its user releases. */
export interface XattrRun {
  memory: Region;
  length: number;
}

class AllReading implements CachedProgram {
  readonly #call: Call;
  readonly #file: FileRef;
  #bytes = LARGEST;
  #memory: Region | null = null;
  #onPool = false;
  #op = 0;
  #length = 0;

  constructor(call: Call, file: FileRef) {
    this.#call = call;
    this.#file = file;
  }

  program(b: Batch, resolve: number): void {
    const { fd, name } = this.#file;
    this.#onPool = resolve === 0;
    if (this.#onPool) this.#call.charge(2 * this.#bytes);
    this.#memory ??= region(this.#bytes);
    const asks = !this.#onPool && isByPath(this.#file);
    if (asks) openIfCached(b, this.#file, resolve);
    this.#op = b.xattrs(fd, name, '', this.#memory.address, this.#memory.capacity);
    if (asks) b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const r = b.result(this.#op);
    this.#length = r >= 0 ? r : -b.errno;
    if (this.#length !== -ERANGE || this.#bytes >= MOST_OF_ALL) return 'done';
    this.#memory?.release();
    this.#memory = null;
    this.#bytes *= 8;
    return this.#onPool ? 'again' : 'wait';
  }

  run(): XattrRun {
    this.#file.release();
    const memory = defined(this.#memory, 'what has run has had memory');
    if (this.#length >= 0) return { memory, length: this.#length };
    memory.release();
    throw failure(this.#length === -ERANGE ? E2BIG : this.#length);
  }
}
