/**
 * The indices on disk: directories below `.glusterfs/indices` with a hard link of a common empty file for each entry, and
 * for names in directories a folder per directory. Everything that blocks runs in a queue of its own.
 */
import { randomUUID } from 'node:crypto';
import { ALWAYS, type Batch, batch, IGNORE, Priority, reg } from '../../../../native/batch.js';
import { type Region, region } from '../../../../native/memory.js';
import { Queue } from '../../../../native/queue.js';
import { Closing } from '../../../../posix/closing.js';
import { EEXIST, EMLINK, ENOENT, ENOTEMPTY, errnoName } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type { Gfid } from '../../../../posix/contract/gfid.js';
import type { Iatt } from '../../../../posix/contract/iatt.js';
import type { Logger } from '../../../../posix/contract/log.js';
import type { BrickContext } from '../../../../posix/contract/translator.js';
import { EntryCursor } from '../../../../posix/dir-entries.js';
import { iattOf } from '../../../../posix/iatt-of.js';
import { AT_REMOVEDIR, OpenFlag } from '../../../../posix/sys.js';
import { INDICES, type IndexName } from './watchlist.js';

const DIR_MODE = 0o600;
const LIST_BYTES = 65536;
const CONCURRENCY = 4;
/** How long the end waits for system calls: fops that the client is told of have ended before. */
const CLOSE_WAIT_MS = 500;

export interface IndexEntry {
  name: string;
  /** Position after it. */
  offset: bigint;
  /** DT_*. */
  type: number;
}

/** Files that entries are links of: no entries themselves. */
export function isBaseFile(name: string): boolean {
  return INDICES.some((index) => name.startsWith(`${index}-`));
}

export class IndexStore {
  /** Descriptor of the `indices` directory. */
  readonly #dir: number;
  readonly #log: Logger;
  readonly #queue = new Queue(CONCURRENCY);
  readonly #closing: Closing;
  /** Names the base files that new entries are links of. */
  #uuid: string = randomUUID();

  /** dir: a descriptor of the directory of the indices; closed with the store. */
  constructor(brick: BrickContext, dir: number, log: Logger) {
    this.#closing = new Closing(brick, this.#queue);
    this.#dir = dir;
    this.#log = log;
  }

  async close(): Promise<void> {
    const left = await this.#queue.drained(CLOSE_WAIT_MS);
    if (left > 0) this.#closing.hold();
    this.#closing.close(this.#dir);
    await this.#closing.end(left > 0);
  }

  /** Runs a batch; resolves with its errno, 0 for success. The batch is released. */
  async #run(b: Batch, lane: number, priority: Priority = Priority.normal): Promise<number> {
    await this.#queue.run(b, lane, priority);
    const { errno } = b;
    b.release();
    return errno;
  }

  #base(index: IndexName): string {
    return `${index}/${index}-${this.#uuid}`;
  }

  /** Links an entry, `path` below the indices. Resolves with its errno: 0 also when it is there already. */
  async add(index: IndexName, path: string, lane: number): Promise<number> {
    const errno = await this.#link(index, path, lane);
    if (errno === 0 || errno === EEXIST) return 0;
    if (errno === EMLINK) this.#uuid = randomUUID();
    else if (errno !== ENOENT) return this.#failed(path, errno, 'Not able to add to index');
    // The base file, or the directory, is not there yet; or it has as many links as the file system allows.
    const b = batch();
    b.mkdir(this.#dir, index, DIR_MODE, IGNORE);
    b.open(this.#dir, this.#base(index), OpenFlag.creat | OpenFlag.wronly | OpenFlag.trunc, 0);
    b.close(reg(1), ALWAYS);
    const made = await this.#run(b, lane);
    if (made !== 0 && made !== EEXIST) return this.#failed(path, made, 'Not able to create index');
    const again = await this.#link(index, path, lane);
    return again === 0 || again === EEXIST ? 0 : this.#failed(path, again, 'Not able to add to index');
  }

  #link(index: IndexName, path: string, lane: number): Promise<number> {
    const b = batch();
    b.link(this.#dir, this.#base(index), this.#dir, path);
    return this.#run(b, lane);
  }

  #failed(path: string, errno: number, text: string): number {
    this.#log.error(0, `${path}: ${text}: ${errnoName(errno)}`);
    return errno;
  }

  async makeFolder(path: string, lane: number): Promise<number> {
    const b = batch();
    b.mkdir(this.#dir, path, DIR_MODE);
    const errno = await this.#run(b, lane);
    return errno === EEXIST ? 0 : errno;
  }

  /** Removes an entry. Resolves with its errno; `existed` is false when there was none. */
  async remove(path: string, lane: number): Promise<{ errno: number; existed: boolean }> {
    const b = batch();
    b.unlink(this.#dir, path);
    const errno = await this.#run(b, lane);
    if (errno === ENOENT) return { errno: 0, existed: false };
    return { errno, existed: errno === 0 };
  }

  /** Removes the folder of a directory's names; one that is not empty is put aside for the healer to find. */
  async removeFolder(path: string, lane: number): Promise<number> {
    const b = batch();
    b.unlink(this.#dir, path, AT_REMOVEDIR);
    const errno = await this.#run(b, lane);
    if (errno === ENOENT) return 0;
    if (errno !== ENOTEMPTY && errno !== EEXIST) return errno;
    const aside = batch();
    aside.rename(this.#dir, path, this.#dir, `entry-changes/${randomUUID()}`);
    return this.#run(aside, lane);
  }

  /** Removes a folder with all its entries. */
  async wipe(path: string): Promise<void> {
    const fd = await this.open(path);
    try {
      for (;;) {
        const entries = await this.list(fd, 0n, 1 << 30);
        if (entries.length === 0) break;
        let removed = 0;
        for (const { name } of entries) {
          const { existed } = await this.remove(`${path}/${name}`, 0);
          if (existed) removed++;
        }
        if (removed === 0) break;
      }
    } finally {
      this.closeFolder(fd);
    }
    await this.removeFolder(path, 0);
  }

  async exists(path: string, lane: number): Promise<boolean> {
    const b = batch();
    b.statx(this.#dir, path, b.statOut());
    return (await this.#run(b, lane)) === 0;
  }

  /** Attributes of a file or folder of the indices, under a gfid of ours. Fails as stat fails. */
  async stat(path: string, gfid: Gfid): Promise<Iatt> {
    const b = batch();
    const at = b.statOut();
    b.statx(this.#dir, path, at);
    await this.#queue.run(b, 0, Priority.high);
    const { errno } = b;
    const iatt = errno === 0 ? iattOf(b.f64, at, gfid, null) : null;
    b.release();
    if (iatt === null) throw failure(errno);
    return iatt;
  }

  /** Opens a folder for {@link list}; the caller closes the descriptor. Fails as open fails. */
  async open(path: string): Promise<number> {
    const b = batch();
    b.open(this.#dir, path, OpenFlag.directory | OpenFlag.nofollow);
    await this.#queue.run(b, 0, Priority.high);
    const fd = b.result(0);
    b.release();
    if (fd < 0) throw failure(fd);
    return fd;
  }

  closeFolder(fd: number): void {
    this.#closing.close(fd);
  }

  #listing: Promise<unknown> = Promise.resolve();

  /**
   * Entries of an open folder from a position on, `size` bytes of names at most; empty at the end. index: the folder is that
   * of an index itself, whose base files are no entries; old ones without links are removed on the way.
   */
  list(fd: number, offset: bigint, size: number, index?: IndexName): Promise<IndexEntry[]> {
    // One at a time: a brick lists with one buffer.
    const listed = this.#listing.then(async () => {
      const memory = region(LIST_BYTES);
      try {
        return await this.#list(memory, fd, offset, size, index);
      } finally {
        memory.release();
      }
    });
    this.#listing = listed.catch(() => {});
    return listed;
  }

  async #list(
    memory: Region,
    fd: number,
    offset: bigint,
    size: number,
    index: IndexName | undefined,
  ): Promise<IndexEntry[]> {
    let at = offset;
    for (;;) {
      const b = batch();
      const high = Number(BigInt.asUintN(32, at >> 32n));
      const low = Number(BigInt.asUintN(32, at));
      const wants = b.readdirWants(false, 0xffffffff, '');
      b.readdir(fd, high, low, memory.address, LIST_BYTES, wants);
      await this.#queue.run(b, 0, Priority.high);
      const written = b.result(0);
      b.release();
      if (written < 0) throw failure(written);
      if (written === 0) return [];
      const entries: IndexEntry[] = [];
      const cursor = new EntryCursor(memory, written);
      let used = 0;
      while (cursor.next()) {
        at = cursor.offset;
        const { name } = cursor;
        if (name === '.' || name === '..') continue;
        if (index !== undefined && isBaseFile(name)) {
          if (`${index}/${name}` !== this.#base(index)) void this.#removeStale(`${index}/${name}`);
          continue;
        }
        used += name.length + ENTRY_OVERHEAD;
        if (used > size) return entries;
        entries.push({ name, offset: cursor.offset, type: cursor.type });
      }
      if (entries.length > 0) return entries;
    }
  }

  /** Removes a base file of an earlier time that no entry is a link of any more. */
  async #removeStale(path: string): Promise<void> {
    const b = batch();
    const at = b.statOut();
    b.statx(this.#dir, path, at);
    await this.#queue.run(b, 0, Priority.least);
    const unused = b.errno === 0 && b.f64[at + NLINK] === 1;
    b.release();
    if (unused) await this.remove(path, 0);
  }

  /** Number of entries of an index, base files not counted. */
  async count(index: IndexName): Promise<number> {
    let fd: number;
    try {
      fd = await this.open(index);
    } catch {
      return 0;
    }
    try {
      let count = 0;
      let offset = 0n;
      for (;;) {
        const entries = await this.list(fd, offset, 1 << 30, index);
        if (entries.length === 0) return count;
        count += entries.length;
        offset = entries.at(-1)!.offset;
      }
    } finally {
      this.closeFolder(fd);
    }
  }

  /** How many entries the index of the first one found has, by the links of its base file; 0 when there is none. */
  async linkCount(index: IndexName): Promise<number> {
    const fd = await this.open(index);
    try {
      const [first] = await this.list(fd, 0n, 1 << 30, index);
      if (first === undefined) return 0;
      const b = batch();
      const at = b.statOut();
      b.statx(this.#dir, `${index}/${first.name}`, at);
      await this.#queue.run(b, 0, Priority.high);
      const links = b.errno === 0 ? b.f64[at + NLINK]! : 0;
      b.release();
      // It may have gone meanwhile; that there were some is what counts.
      return Math.max(1, links - 1);
    } finally {
      this.closeFolder(fd);
    }
  }
}

/** Bytes of a directory entry beside its name, as a reply holds it. */
const ENTRY_OVERHEAD = 32;
/** STAT.nlink. */
const NLINK = 4;
