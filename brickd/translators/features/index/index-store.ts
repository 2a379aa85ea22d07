/**
 * The indices on disk: directories below `.glusterfs/indices` with a hard link of a common empty file for each entry, and
 * for names in directories a folder per directory. Everything that blocks runs in a queue of its own.
 */
import { randomUUID } from 'node:crypto';
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import { isEntryName } from '../../../../mux/xlator/entry-name.js';
import { failure, fopErrorOf, nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type { Gfid } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { BrickContext } from '../../../../mux/xlator/translator.js';
import { type Batch, batch } from '../../../../native/batch.js';
import { EEXIST, EINVAL, EMLINK, ENOENT, ENOTEMPTY, errnoName } from '../../../../native/errno.js';
import { ALWAYS, type FdRef, IGNORE, Priority, reg, STAT } from '../../../../native/layout.js';
import {
  AT_REMOVEDIR,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../../../../native/linux.js';
import { Queue } from '../../../../native/queue.js';
import { DeferredClose, iattOf } from '../../../../posix/storage-api.js';
import { type FolderEntry, FolderReader } from '../../folder-reader.js';
import { INDICES, type IndexName } from './watchlist.js';

/** The index of names in directories. */
export const ENTRY_CHANGES = 'entry-changes' satisfies IndexName;

const DIR_MODE = 0o600;
const CONCURRENCY = 4;
/** How long the end waits for system calls: fops of clients have ended before. */
const CLOSE_WAIT_MS = 500;
/** Names that are read together when entries are counted: a millisecond's work. */
const BACKLOG_STEP_BYTES = 64 << 10;

/** Something below the indices: a name in a folder, '' being the folder of the indices itself. */
export interface IndexPlace {
  readonly folder: string;
  readonly name: string;
}

/** Path of a place below the indices. */
export function pathOf({ folder, name }: IndexPlace): string {
  return folder === '' ? name : `${folder}/${name}`;
}

const FOLDER_FLAGS = O_DIRECTORY | O_NOFOLLOW;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

/** Files that entries are links of: no entries themselves. */
function isBaseFile(name: string): boolean {
  return INDICES.some((index) => name.startsWith(`${index}-`));
}

export class IndexStore {
  /** Descriptor of the `indices` directory. */
  readonly #dir: number;
  readonly #log: Logger;
  readonly #queue = new Queue(CONCURRENCY);
  readonly #closing: DeferredClose;
  readonly #reader = new FolderReader(this.#queue);
  /** Names the base files that new entries are links of. */
  #uuid: string = randomUUID();

  /** dir: a descriptor of the directory of the indices; closed with the store. */
  constructor(brick: BrickContext, dir: number, log: Logger) {
    this.#closing = new DeferredClose(brick, this.#queue);
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
    return `${index}-${this.#uuid}`;
  }

  /** Op that opens a folder for the ops of a batch that follow. Returns how they name it; {@link #leave} closes it. */
  #enter(b: Batch, folder: string): FdRef {
    if (folder === '') return this.#dir;
    return reg(b.open(this.#dir, folder, O_PATH | FOLDER_FLAGS, 0, BENEATH));
  }

  #leave(b: Batch, folder: FdRef): void {
    if (folder !== this.#dir) b.close(folder, ALWAYS);
  }

  /** Runs a batch of one op on an entry; resolves with its errno. Fails with EINVAL when the name can't be an entry's. */
  #on({ folder, name }: IndexPlace, lane: number, op: (b: Batch, dir: FdRef, name: string) => void): Promise<number> {
    if (!isEntryName(name)) throw failure(EINVAL);
    const b = batch();
    const dir = this.#enter(b, folder);
    op(b, dir, name);
    this.#leave(b, dir);
    return this.#run(b, lane);
  }

  /** Links an entry of an index. Resolves with its errno: 0 also when it is there already. */
  async add(index: IndexName, place: IndexPlace, lane: number): Promise<number> {
    const errno = await this.#link(index, place, lane);
    if (errno === 0 || errno === EEXIST) return 0;
    if (errno === EMLINK) this.#uuid = randomUUID();
    else if (errno !== ENOENT) return this.#failed(place, errno, 'Not able to add to index');
    // The base file, or the directory, is not there yet; or it has as many links as the file system allows.
    const b = batch();
    b.mkdir(this.#dir, index, DIR_MODE, IGNORE);
    const dir = this.#enter(b, index);
    const flags = O_CREAT | O_WRONLY | O_TRUNC | O_NOFOLLOW;
    const base = b.open(dir, this.#base(index), flags, 0);
    b.close(reg(base), ALWAYS);
    this.#leave(b, dir);
    const made = await this.#run(b, lane);
    if (made !== 0 && made !== EEXIST) return this.#failed(place, made, 'Not able to create index');
    const again = await this.#link(index, place, lane);
    return again === 0 || again === EEXIST ? 0 : this.#failed(place, again, 'Not able to add to index');
  }

  #link(index: IndexName, place: IndexPlace, lane: number): Promise<number> {
    return this.#on(place, lane, (b, dir, name) => {
      if (place.folder === index) {
        b.link(dir, this.#base(index), dir, name);
        return;
      }
      const from = this.#enter(b, index);
      b.link(from, this.#base(index), dir, name);
      this.#leave(b, from);
    });
  }

  #failed(place: IndexPlace, errno: number, text: string): number {
    this.#log.error(0, `${pathOf(place)}: ${text}: ${errnoName(errno)}`);
    return errno;
  }

  async makeFolder(place: IndexPlace, lane: number): Promise<number> {
    const errno = await this.#on(place, lane, (b, dir, name) => b.mkdir(dir, name, DIR_MODE));
    return errno === EEXIST ? 0 : errno;
  }

  /** Removes an entry. Resolves with its errno; `existed` is false when there was none. */
  async remove(place: IndexPlace, lane: number): Promise<{ errno: number; existed: boolean }> {
    const errno = await this.#on(place, lane, (b, dir, name) => b.unlink(dir, name));
    if (errno === ENOENT) return { errno: 0, existed: false };
    return { errno, existed: errno === 0 };
  }

  /** Removes the folder of a directory's names; one that is not empty is put aside for the healer to find. */
  async removeFolder(place: IndexPlace, lane: number): Promise<number> {
    const errno = await this.#on(place, lane, (b, dir, name) => b.unlink(dir, name, AT_REMOVEDIR));
    if (errno === ENOENT) return 0;
    if (errno !== ENOTEMPTY && errno !== EEXIST) return errno;
    return this.#on(place, lane, (b, dir, name) => {
      const aside = this.#enter(b, ENTRY_CHANGES);
      b.rename(dir, name, aside, randomUUID());
      this.#leave(b, aside);
    });
  }

  /** Removes a folder with all its entries. */
  async wipe(place: IndexPlace): Promise<void> {
    const folder = pathOf(place);
    const fd = await this.open(folder);
    try {
      for (;;) {
        const entries = await this.list(fd, 0n, 1 << 30);
        if (entries.length === 0) break;
        let removed = 0;
        for (const { name } of entries) {
          const { existed } = await this.remove({ folder, name }, 0);
          if (existed) removed++;
        }
        if (removed === 0) break;
      }
    } finally {
      this.closeFolder(fd);
    }
    await this.removeFolder(place, 0);
  }

  async exists(place: IndexPlace, lane: number): Promise<boolean> {
    const errno = await this.#on(place, lane, (b, dir, name) => b.statx(dir, name, b.statOut()));
    return errno === 0;
  }

  /** Attributes of a file or folder of the indices, under a gfid of ours. Fails as stat fails. */
  async stat(place: IndexPlace, gfid: Gfid): Promise<Iatt> {
    return this.#stat(place, Priority.high, (f64, at) => iattOf(f64, at, gfid, null));
  }

  async #stat<T>(
    { folder, name }: IndexPlace,
    priority: Priority,
    read: (f64: Float64Array, at: number) => T,
  ): Promise<T> {
    if (!isEntryName(name)) throw failure(EINVAL);
    const b = batch();
    const at = b.statOut();
    const dir = this.#enter(b, folder);
    b.statx(dir, name, at);
    this.#leave(b, dir);
    await this.#queue.run(b, 0, priority);
    const { errno } = b;
    const result = errno === 0 ? read(b.f64, at) : null;
    b.release();
    if (result === null) throw failure(errno);
    return result;
  }

  #links(place: IndexPlace, priority: Priority): Promise<number> {
    return this.#stat(place, priority, (f64, at) => f64[at + STAT.nlink] ?? 0);
  }

  /** Opens a folder for {@link list}; the caller closes the descriptor. Fails as open fails. */
  async open(folder: string): Promise<number> {
    const b = batch();
    b.open(this.#dir, folder, FOLDER_FLAGS, 0, BENEATH);
    await this.#queue.run(b, 0, Priority.high);
    const fd = b.result(0);
    b.release();
    if (fd < 0) throw failure(fd);
    return fd;
  }

  closeFolder(fd: number): void {
    this.#closing.close(fd);
  }

  /**
   * Entries of an open folder from a position on, `size` bytes of names at most; empty at the end. index: the folder is that
   * of an index itself, whose base files are no entries; old ones without links are removed on the way.
   */
  list(fd: number, offset: bigint, size: number, index?: IndexName): Promise<FolderEntry[]> {
    return this.#reader.read(fd, offset, size, (name) => {
      if (index === undefined || !isBaseFile(name)) return true;
      if (name !== this.#base(index)) {
        const removed = this.#removeStale({ folder: index, name });
        background(removed, this.#log, `removing ${index}/${name} failed`);
      }
      return false;
    });
  }

  /** Removes a base file of an earlier time that no entry is a link of any more. */
  async #removeStale(place: IndexPlace): Promise<void> {
    const links = await this.#links(place, Priority.least).catch(nullOnFailure);
    if (links === 1) await this.remove(place, 0);
  }

  /** Number of entries of an index, base files not counted. */
  async count(index: IndexName): Promise<number> {
    let fd: number;
    try {
      fd = await this.open(index);
    } catch (error) {
      fopErrorOf(error);
      return 0;
    }
    try {
      let count = 0;
      let offset = 0n;
      for (;;) {
        const entries = await this.list(fd, offset, 1 << 30, index);
        const last = entries.at(-1);
        if (last === undefined) return count;
        count += entries.length;
        offset = last.offset;
      }
    } finally {
      this.closeFolder(fd);
    }
  }

  /**
   * Number of entries, counted in steps that hold nobody up; beyond `most`, by the links of the base file of the last one counted.
   */
  async backlog(index: IndexName, most: number): Promise<number> {
    let fd: number;
    try {
      fd = await this.open(index);
    } catch (error) {
      // No index yet: nothing has ever waited.
      if (fopErrorOf(error).errno === ENOENT) return 0;
      throw error;
    }
    try {
      let count = 0;
      let offset = 0n;
      for (;;) {
        const entries = await this.list(fd, offset, BACKLOG_STEP_BYTES, index);
        const last = entries.at(-1);
        if (last === undefined) return count;
        count += entries.length;
        offset = last.offset;
        if (count < most) continue;
        const links = (await this.#links({ folder: index, name: last.name }, Priority.low).catch(nullOnFailure)) ?? 0;
        return Math.max(count, links - 1);
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
      const links = (await this.#links({ folder: index, name: first.name }, Priority.high).catch(nullOnFailure)) ?? 0;
      // It may have gone meanwhile; that there were some is what counts.
      return Math.max(1, links - 1);
    } finally {
      this.closeFolder(fd);
    }
  }
}
