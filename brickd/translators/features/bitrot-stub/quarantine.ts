/**
 * The list of files that the scrubber has found bad, on disk: a directory below `.glusterfs` with an entry for each, named by its
 * gfid, a hard link of a common empty file. Everything that blocks runs in a queue of its own.
 */
import type { Logger } from '../../../../mux/base/log.js';
import { failure, fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, gfidText, parseGfid } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import { BAD_FILES_GFID } from '../../../../mux/xlator/reserved-gfids.js';
import type { BrickContext } from '../../../../mux/xlator/translator.js';
import { assert } from '../../../../native/assert.js';
import { type Batch, batch } from '../../../../native/batch.js';
import { type ByteString, bytesOfLatin1 } from '../../../../native/bytes.js';
import { EEXIST, ENOENT, errnoName } from '../../../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../../../native/layout.js';
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../../../../native/linux.js';
import { Queue } from '../../../../native/queue.js';
import { DeferredClose, HANDLE_DIR, iattOf } from '../../../../posix/storage-api.js';
import { makeDirectory, openDirectory } from '../../directories.js';
import { type FolderEntry, FolderReader } from '../../folder-reader.js';

const NAME = 'quarantine';
/** The name that early releases gave it. */
const MISSPELLED = 'quanrantine';
/** What entries are links of. */
const BASE = `stub-${gfidText(BAD_FILES_GFID)}`;
const DIR_MODE = 0o600;
const CONCURRENCY = 2;
const CLOSE_WAIT_MS = 500;
const WHOLE = 1 << 30;
/** Entries that are kept in memory. On a brick with more bad files, the others stay on the list until they are removed by hand. */
const MAX_KNOWN = 1 << 16;

export class Quarantine {
  readonly #brick: BrickContext;
  readonly #log: Logger;
  readonly #queue = new Queue(CONCURRENCY);
  readonly #reader = new FolderReader(this.#queue);
  readonly #closing: DeferredClose;
  readonly #known = new Set<string>();
  /** Descriptor of the directory. */
  #dir = -1;

  constructor(brick: BrickContext, log: Logger) {
    this.#brick = brick;
    this.#log = log;
    this.#closing = new DeferredClose(brick, this.#queue);
  }

  /** Number of bad files. */
  get size(): number {
    return this.#known.size;
  }

  /** Whether a file (by gfid key) is on the list. */
  has(key: string): boolean {
    return this.#known.size > 0 && this.#known.has(key);
  }

  /** Makes the directory if need be, and reads it. brickPath: directory of the brick. Rejects with an Error that names the brick. */
  async open(brickPath: ByteString): Promise<void> {
    assert(this.#dir < 0, 'the quarantine is opened once');
    const { name } = this.#brick;
    const path = (below: string): ByteString => bytesOfLatin1(`${brickPath}/${HANDLE_DIR}${below}`);
    await this.#renameMisspelled(await openDirectory(name, path('')));
    await makeDirectory(name, path(`/${NAME}`), DIR_MODE);
    this.#dir = await openDirectory(name, path(`/${NAME}`));
    const errno = await this.#makeBase();
    if (errno !== 0) throw new Error(`brick ${name}: creating ${path(`/${NAME}/${BASE}`)} failed: ${errnoName(errno)}`);
    await this.read();
  }

  async #renameMisspelled(above: number): Promise<void> {
    const b = batch();
    b.rename(above, MISSPELLED, above, NAME, RENAME_NOREPLACE);
    const errno = await this.#run(b);
    this.#closing.close(above);
    if (errno === 0) this.#log.info(0, `${this.#brick.name}: renamed ${HANDLE_DIR}/${MISSPELLED} to ${NAME}`);
    else if (errno !== ENOENT)
      this.#log.warning(0, `${this.#brick.name}: renaming ${HANDLE_DIR}/${MISSPELLED} to ${NAME} failed`, errno);
  }

  async #makeBase(): Promise<number> {
    const errno = await this.#create(BASE);
    return errno === EEXIST ? 0 : errno;
  }

  /** Reads again what is on the list. Rejects with an Error that names the brick. */
  async read(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      const cause = errnoName(fopErrorOf(error).errno);
      throw new Error(`brick ${this.#brick.name}: reading ${HANDLE_DIR}/${NAME} failed: ${cause}`);
    }
  }

  async #read(): Promise<void> {
    this.#known.clear();
    const fd = await this.openList();
    try {
      for (let offset = 0n; ; ) {
        const entries = await this.list(fd, offset, WHOLE);
        const last = entries.at(-1);
        if (last === undefined) break;
        offset = last.offset;
        for (const entry of entries) this.#know(gfidKey(parseGfid(entry.name) ?? BAD_FILES_GFID));
      }
    } finally {
      this.closeList(fd);
    }
  }

  #know(key: string): void {
    if (this.#known.size < MAX_KNOWN) this.#known.add(key);
  }

  async close(): Promise<void> {
    const left = await this.#queue.drained(CLOSE_WAIT_MS);
    if (left > 0) this.#closing.hold();
    if (this.#dir >= 0) this.#closing.close(this.#dir);
    await this.#closing.end(left > 0);
  }

  /** Runs a batch; resolves with its errno, 0 for success. The batch is released. */
  async #run(b: Batch): Promise<number> {
    await this.#queue.run(b, 0, Priority.normal);
    const { errno } = b;
    b.release();
    return errno;
  }

  #create(name: string): Promise<number> {
    const b = batch();
    b.open(this.#dir, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0);
    b.close(reg(0), ALWAYS);
    return this.#run(b);
  }

  /** Puts a file on the list. A failure is logged: the file is bad all the same. */
  async add(gfid: Gfid): Promise<void> {
    this.#know(gfidKey(gfid));
    const name = gfidText(gfid);
    const b = batch();
    b.link(this.#dir, BASE, this.#dir, name);
    let errno = await this.#run(b);
    // The common file is gone, or has as many links as it may have: an entry can be a file of its own.
    if (errno !== 0 && errno !== EEXIST) errno = await this.#create(name);
    if (errno === 0 || errno === EEXIST) return;
    this.#log.warning(0, `${this.#brick.name}: adding ${name} to the list of bad files failed`, errno);
  }

  /** Takes a file off the list. */
  async remove(gfid: Gfid): Promise<void> {
    this.#known.delete(gfidKey(gfid));
    const b = batch();
    b.unlink(this.#dir, gfidText(gfid));
    const errno = await this.#run(b);
    if (errno === 0 || errno === ENOENT) return;
    this.#log.error(0, `${this.#brick.name}: removing ${gfidText(gfid)} from the list of bad files failed`, errno);
  }

  /** Attributes of the directory as clients see it. Fails as stat fails. */
  async stat(): Promise<Iatt> {
    const b = batch();
    const at = b.statOut();
    b.statx(this.#dir, null, at);
    await this.#queue.run(b, 0, Priority.high);
    const { errno } = b;
    const stat = errno === 0 ? iattOf(b.f64, at, BAD_FILES_GFID, null) : null;
    b.release();
    if (stat === null) throw failure(errno);
    return stat;
  }

  /** A descriptor for {@link list}. Fails as open fails. */
  async openList(): Promise<number> {
    const b = batch();
    b.open(this.#dir, '.', O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    await this.#queue.run(b, 0, Priority.high);
    const fd = b.result(0);
    b.release();
    if (fd < 0) throw failure(fd);
    return fd;
  }

  closeList(fd: number): void {
    this.#closing.close(fd);
  }

  /** Entries from a position on, `size` bytes of names at most; empty at the end. */
  list(fd: number, offset: bigint, size: number): Promise<FolderEntry[]> {
    return this.#reader.read(fd, offset, size, (name) => parseGfid(name) !== null);
  }
}
