/** The folder of a brick's journals, and the system calls on it. All run on the pool, in a queue of their own. */
import type { BrickContext } from '../../../../mux/xlator/translator.js';
import { type Batch, batch } from '../../../../native/batch.js';
import { type ByteString, bytesOfLatin1, latin1OfBytes } from '../../../../native/bytes.js';
import { errnoName } from '../../../../native/errno.js';
import { Priority, STAT } from '../../../../native/layout.js';
import { type Region, region } from '../../../../native/memory.js';
import { Queue } from '../../../../native/queue.js';
import { DeferredClose, EntryCursor } from '../../../../posix/storage-api.js';
import { makeDirectory, openDirectory } from '../../directories.js';

const DIR_MODE = 0o600;
/** Journals of a brick in the making, and one that is complete, are written at the same time. */
const CONCURRENCY = 3;
/** How long the end waits for a disk. */
export const CLOSE_WAIT_MS = 5000;
const LIST_BYTES = 65536;

/** Writes of the journal come one after the other. */
export const JOURNAL_LANE = 1;
export const NO_LANE = 0;

/** Throws an Error that says what failed, where and why, for a result below zero. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
  readonly errno: number;

  constructor(what: string, path: string, errno: number) {
    super(`${what} ${path} failed: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/** Makes the folders that consumers expect, whether journals are written or not. */
export async function makeChangelogFolders(brick: BrickContext, path: ByteString): Promise<void> {
  for (const name of ['', '/htime', '/csnap']) {
    await makeDirectory(brick.name, bytesOfLatin1(`${path}${name}`), DIR_MODE);
  }
}

export class ChangelogFolder {
  /** Absolute, a byte string. */
  readonly path: string;
  /** Descriptor of the folder. */
  readonly fd: number;
  readonly queue = new Queue(CONCURRENCY);
  readonly #closing: DeferredClose;

  private constructor(brick: BrickContext, path: string, fd: number) {
    this.#closing = new DeferredClose(brick, this.queue);
    this.path = path;
    this.fd = fd;
  }

  /** Rejects with an Error that names brick and cause. */
  static async open(brick: BrickContext, path: ByteString): Promise<ChangelogFolder> {
    await makeChangelogFolders(brick, path);
    return new ChangelogFolder(brick, latin1OfBytes(path), await openDirectory(brick.name, path));
  }

  /** waitMs: how long system calls that are in progress are waited for. */
  async close(waitMs = CLOSE_WAIT_MS): Promise<void> {
    const left = await this.queue.drained(waitMs);
    if (left > 0) this.#closing.hold();
    this.#closing.close(this.fd);
    await this.#closing.end(left > 0);
  }

  closeFile(fd: number): void {
    this.#closing.close(fd);
  }

  /** Runs a program of ops; resolves with the batch, to be released. */
  run(b: Batch, lane = NO_LANE): Promise<Batch> {
    return this.queue.run(b, lane, Priority.high);
  }

  /** Runs a program of ops and releases it; resolves with its errno, 0 for success. */
  async errnoOf(ops: (b: Batch) => void, lane = NO_LANE): Promise<number> {
    const b = batch();
    ops(b);
    await this.run(b, lane);
    const { errno } = b;
    b.release();
    return errno;
  }

  /** Opens a file below the folder; a descriptor or -errno. */
  async openFile(name: string, flags: number, mode = 0): Promise<number> {
    const b = batch();
    const op = b.open(this.fd, name, flags, mode);
    await this.run(b);
    const fd = b.result(op);
    b.release();
    return fd;
  }

  /** Size of an open file, or -errno. */
  async sizeOf(fd: number): Promise<number> {
    const b = batch();
    const at = b.statOut();
    b.statx(fd, null, at);
    await this.run(b);
    const { errno } = b;
    const size = b.f64[at + STAT.size] ?? 0;
    b.release();
    return errno === 0 ? size : -errno;
  }

  /** Reads into memory; bytes read, or -errno. */
  async read(fd: number, into: Region, length: number, offset: number): Promise<number> {
    const b = batch();
    b.pread(fd, into.address, length, offset);
    await this.run(b);
    const n = b.result(0);
    b.release();
    return n;
  }

  /** Value of an xattr of an open file as a byte string without a final NUL; null if there is none, or it can't be read. */
  async xattr(fd: number, key: string, max = 256): Promise<string | null> {
    const b = batch();
    const at = b.out(max);
    b.getxattr(fd, null, key, at, max);
    await this.run(b);
    const n = b.result(0);
    const value = n < 0 ? null : b.view(at, n).latin1Slice().replace(/\0+$/, '');
    b.release();
    return value;
  }

  /** Sets an xattr of an open file; resolves with the errno. */
  setXattr(fd: number, key: string, value: string): Promise<number> {
    return this.errnoOf((b) => b.setxattr(fd, null, key, Buffer.from(value, 'latin1')));
  }

  /** Names in a folder that `wanted` accepts; none if it isn't there. Rejects with a {@link FolderError}. */
  async list(name: string, flags: number, wanted: (name: string) => boolean): Promise<string[]> {
    const fd = await this.openFile(name, flags);
    if (fd < 0) return [];
    const memory = region(LIST_BYTES);
    const names: string[] = [];
    try {
      for (let at = 0n; ; ) {
        const b = batch();
        const high = Number(BigInt.asUintN(32, at >> 32n));
        const low = Number(BigInt.asUintN(32, at));
        b.readdir(fd, high, low, memory.address, LIST_BYTES, b.readdirWants(false, 0, ''));
        await this.run(b);
        const written = b.result(0);
        b.release();
        if (written < 0) throw new FolderError('listing', `${this.path}/${name}`, -written);
        if (written === 0) return names;
        const cursor = new EntryCursor(memory, written);
        while (cursor.next()) {
          at = cursor.offset;
          if (wanted(cursor.name)) names.push(cursor.name);
        }
      }
    } finally {
      memory.release();
      this.closeFile(fd);
    }
  }
}
