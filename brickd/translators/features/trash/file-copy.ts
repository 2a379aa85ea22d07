/** Copies the data of a file to another, in slices on the pool. */
import { type Batch, batch } from '../../../../native/batch.js';
import { EIO, ENXIO } from '../../../../native/errno.js';
import { Priority, STAT } from '../../../../native/layout.js';
import { SEEK_DATA, SEEK_HOLE } from '../../../../native/linux.js';
import type { Queue } from '../../../../native/queue.js';

/** Copied by one call of the pool. */
const SLICE_BYTES = 64 << 20;
const BLOCK_BYTES = 512;

/** How much the file holds. */
export interface FileSize {
  size: number;
  /** Of 512 bytes. */
  blocks: number;
}

export class FileCopy {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Runs a batch and releases it; resolves with its errno, 0 for success. */
  async #run(b: Batch): Promise<number> {
    await this.#queue.run(b, 0, Priority.normal);
    const { errno } = b;
    b.release();
    return errno;
  }

  /** Copies data in slices; holes stay holes. Resolves with an errno, 0 when all of it is copied. */
  async fill(from: number, to: number, { size, blocks }: FileSize): Promise<number> {
    const sparse = blocks * BLOCK_BYTES < size;
    let at = 0;
    while (at < size) {
      const [start, end] = sparse ? await this.#dataFrom(from, at) : [at, size];
      if (start < 0) return -start;
      at = start;
      const last = Math.min(end, size);
      while (at < last) {
        const n = await this.#copySlice(from, at, to, Math.min(last - at, SLICE_BYTES));
        if (n < 0) return -n;
        // The file has become shorter meanwhile: by somebody who had it copied before, if it was a client.
        if (n === 0) return this.#endsAt(from, at);
        at += n;
      }
    }
    const b = batch();
    // For a hole at the end.
    b.truncate(to, size);
    return this.#run(b);
  }

  /** Where data begins and ends, from a position on. [-errno] in case of an error; two ends of the file for a hole up to there. */
  async #dataFrom(fd: number, position: number): Promise<[start: number, end: number]> {
    const start = await this.#seek(fd, position, SEEK_DATA);
    if (start === -ENXIO) return [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    return start < 0 ? [start, start] : [start, await this.#seek(fd, start, SEEK_HOLE)];
  }

  async #seek(fd: number, position: number, whence: number): Promise<number> {
    const b = batch();
    b.lseek(fd, position, whence);
    await this.#queue.run(b, 0, Priority.normal);
    const r = b.result(0);
    b.release();
    return r;
  }

  async #copySlice(from: number, at: number, to: number, length: number): Promise<number> {
    const b = batch();
    b.copyFileRange(from, at, to, at, length);
    await this.#queue.run(b, 0, Priority.normal);
    const n = b.result(0);
    b.release();
    return n;
  }

  /** EIO unless the file ends before or at a position. */
  async #endsAt(fd: number, position: number): Promise<number> {
    const b = batch();
    const out = b.statOut();
    b.statx(fd, null, out);
    await this.#queue.run(b, 0, Priority.normal);
    const { errno } = b;
    const size = b.f64[out + STAT.size] ?? 0;
    b.release();
    if (errno !== 0) return errno;
    return size <= position ? 0 : EIO;
  }
}
