/** Reads the entries of an open directory. One at a time: a brick has one buffer for it. */
import { failure } from '../../mux/xlator/fop-error.js';
import { batch } from '../../native/batch.js';
import { Priority } from '../../native/layout.js';
import { type Region, region } from '../../native/memory.js';
import type { Queue } from '../../native/queue.js';
import { EntryCursor } from '../../posix/storage-api.js';

export interface FolderEntry {
  name: string;
  /** Position after it. */
  offset: bigint;
  /** DT_*. */
  type: number;
}

const LIST_BYTES = 65536;
/** Bytes of a directory entry beside its name, as a reply holds it. */
const ENTRY_OVERHEAD = 32;

export class FolderReader {
  readonly #queue: Queue;
  #last: Promise<unknown> = Promise.resolve();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Entries from a position on that `isEntry` accepts, `size` bytes of names at most; empty at the end. Fails as getdents fails. */
  read(fd: number, offset: bigint, size: number, isEntry: (name: string) => boolean): Promise<FolderEntry[]> {
    const run = this.#last.then(async () => {
      const memory = region(LIST_BYTES);
      try {
        return await this.#read(memory, fd, offset, size, isEntry);
      } finally {
        memory.release();
      }
    });
    // The reader gets the failure; the next one begins again.
    this.#last = run.catch(() => {});
    return run;
  }

  async #read(
    memory: Region,
    fd: number,
    offset: bigint,
    size: number,
    isEntry: (name: string) => boolean,
  ): Promise<FolderEntry[]> {
    let at = offset;
    for (;;) {
      const written = await this.#getdents(memory, fd, at);
      if (written === 0) return [];
      const entries: FolderEntry[] = [];
      const cursor = new EntryCursor(memory, written);
      let used = 0;
      while (cursor.next()) {
        at = cursor.offset;
        const { name } = cursor;
        if (name === '.' || name === '..' || !isEntry(name)) continue;
        used += name.length + ENTRY_OVERHEAD;
        if (used > size) return entries;
        entries.push({ name, offset: cursor.offset, type: cursor.type });
      }
      if (entries.length > 0) return entries;
    }
  }

  /** Bytes of entries in the buffer; 0 at the end of the folder. */
  async #getdents(memory: Region, fd: number, offset: bigint): Promise<number> {
    const b = batch();
    const high = Number(BigInt.asUintN(32, offset >> 32n));
    const low = Number(BigInt.asUintN(32, offset));
    const wants = b.readdirWants(false, 0xffffffff, '');
    b.readdir(fd, high, low, memory.address, LIST_BYTES, wants);
    await this.#queue.run(b, 0, Priority.high);
    const written = b.result(0);
    b.release();
    if (written < 0) throw failure(written);
    return written;
  }
}
