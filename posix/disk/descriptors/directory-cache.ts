/**
 * A bounded cache of open directories by gfid. Entry fops address files as (directory descriptor, name), so that no
 * path is ever resolved through chains of symbolic handles. All bricks of a thread share the bound: when it is reached,
 * bricks with more than their share close directories first.
 */

import { descriptorsScarce } from '../../../mux/base/descriptor-reserve.js';
import { SharedBudget } from '../../../mux/base/shared-budget.js';
import { failure, fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { gfidKey, gfidOfKey, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import { ELOOP, EMFILE, ENFILE, ENOENT, ENOTDIR } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { runOnPool, tryCached } from '../run-cached.js';
import { DirectoryOpening } from './directory-opening.js';
import { readDirectoryHandle } from './handle-link.js';

/** Levels between a directory and the root beyond which the handles must be a loop. */
const MAX_DEPTH = 2048;
/** Directories that are opened one below the other by their names; beyond that their handles are quicker. */
const MAX_BY_NAME = 64;
/** Bytes of path that one open is given: a batch's arena must hold it. */
const MAX_PATH = 1800;

/** An open directory. Its descriptor is valid while the holder has it pinned (between acquire and release). */
export class Directory implements FileRef {
  readonly fd: number;
  readonly name = null;
  readonly key: string;
  readonly owner: DirectoryCache | null;
  pins = 0;
  touched = true;
  /** Not in the cache any more: closed with the last pin. */
  dropped = false;

  constructor(fd: number, key: string, owner: DirectoryCache | null) {
    this.fd = fd;
    this.key = key;
    this.owner = owner;
  }

  release(): void {
    assert(this.pins > 0, 'a directory is released once for each time that it was acquired');
    if (--this.pins === 0 && this.dropped) this.owner?.close(this.fd);
  }
}

/** Directories that all bricks of this thread keep open beside their roots. */
export const directoryBudget = new SharedBudget<DirectoryCache>(1024);
const SWEEP_STEPS = 8;
/** How often directories that nobody uses are closed. */
const IDLE_CHECK_MS = 30_000;
let idleCheck: NodeJS.Timeout | null = null;

/** The bound now: without room for more, each directory that is opened has others closed. */
function bound(): number {
  const { limit, total } = directoryBudget;
  return descriptorsScarce() ? Math.min(limit, total >> 1) : limit;
}

/** Makes room for an opened directory: a brick with more than its share closes one. */
function sweep(opening: DirectoryCache): void {
  directoryBudget.overdrawn(opening, bound()).sweep(SWEEP_STEPS);
}

function closeIdle(): void {
  for (const holder of [...directoryBudget.holders]) holder.closeIdle();
  if (directoryBudget.total > 0 || idleCheck === null) return;
  clearInterval(idleCheck);
  idleCheck = null;
}

export class DirectoryCache {
  readonly #disk: DiskContext;
  readonly #known = new Map<string, Directory>();
  readonly #opening = new Map<string, Promise<Directory>>();

  constructor(disk: DiskContext) {
    this.#disk = disk;
    const root = new Directory(disk.rootFd, ROOT_KEY, null);
    root.pins = 1;
    this.#known.set(ROOT_KEY, root);
  }

  /** Directories open beside the root. */
  get held(): number {
    return this.#known.size - 1;
  }

  /**
   * The open directory of an inode, pinned: the caller releases it. Fails with ENOENT when there is no such directory.
   */
  acquire(inode: Inode): MaybePromise<Directory> {
    return this.#acquire(inode, 0);
  }

  /** above: how many directories below this one wait for it. */
  #acquire(inode: Inode, above: number): MaybePromise<Directory> {
    const d = this.#known.get(inode.key);
    if (d !== undefined) {
      d.pins++;
      d.touched = true;
      return d;
    }
    const opening = this.#opening.get(inode.key);
    if (opening !== undefined) return opening.then(() => this.#acquire(inode, above));
    const opened = this.#openInline(inode);
    if (opened !== null) return opened;
    const promise = this.#open(inode, above).finally(() => this.#opening.delete(inode.key));
    this.#opening.set(inode.key, promise);
    return promise;
  }

  /** As {@link acquire}, for a directory that the inode table may not hold. */
  acquireByKey(key: string): MaybePromise<Directory> {
    const inode = this.#disk.brick.findInode(key);
    if (inode !== undefined) return this.acquire(inode);
    const d = this.#known.get(key);
    if (d === undefined) return this.#openByHandle(key);
    d.pins++;
    d.touched = true;
    return d;
  }

  /** Closes unused directories, the oldest first, while all bricks together have too many open. */
  sweep(steps: number): void {
    const most = bound();
    for (const d of this.#known.values()) {
      if (d.owner === null) continue;
      if (directoryBudget.total <= most || steps-- === 0) return;
      if (d.pins > 0 || d.touched) {
        d.touched = false;
        this.#known.delete(d.key);
        this.#known.set(d.key, d);
      } else {
        this.drop(d.key);
      }
    }
  }

  /** Drops a directory that was removed or whose descriptor is stale. */
  drop(key: string): void {
    const d = this.#known.get(key);
    if (d === undefined || d.owner === null) return;
    this.#known.delete(key);
    directoryBudget.returned(this);
    d.dropped = true;
    if (d.pins === 0) this.close(d.fd);
  }

  /** Closes directories that nobody has used since the last call. */
  closeIdle(): void {
    for (const d of this.#known.values()) {
      if (d.owner === null || d.pins > 0) continue;
      if (d.touched) d.touched = false;
      else this.drop(d.key);
    }
  }

  /** Closes a descriptor that no call names any more. */
  close(fd: number): void {
    this.#disk.closing.close(fd);
  }

  closeAll(): void {
    for (const key of this.#known.keys()) this.drop(key);
  }

  #insert(fd: number, key: string): Directory {
    const d = new Directory(fd, key, this);
    d.pins = 1;
    this.#known.set(key, d);
    directoryBudget.taken(this);
    if (idleCheck === null) {
      idleCheck = setInterval(closeIdle, IDLE_CHECK_MS);
      idleCheck.unref();
    }
    if (directoryBudget.total > bound()) sweep(this);
    return d;
  }

  /** Opens below the parent's descriptor without blocking; null if that is impossible. */
  #openInline(inode: Inode): Directory | null {
    const parent = inode.parent;
    if (parent === null) return null;
    const above = this.#known.get(parent.key);
    if (above === undefined) return null;
    const opening = new DirectoryOpening(this.#disk.closing, above.fd, inode.name, inode.key);
    return tryCached(this.#disk, opening) && opening.fd >= 0 ? this.#insert(opening.fd, inode.key) : null;
  }

  async #open(inode: Inode, above: number): Promise<Directory> {
    if (inode.parent !== null && above < MAX_BY_NAME) {
      const fd = await this.#openBelow(inode.parent, inode.name, inode.key, above);
      if (fd >= 0) return this.#insert(fd, inode.key);
      if (fd !== -ENOENT && fd !== -ENOTDIR && fd !== -ELOOP) throw failure(fd);
    }
    return this.#openByHandle(inode.key);
  }

  async #openBelow(parent: Inode, name: string, key: string, above: number): Promise<number> {
    let d: Directory;
    try {
      d = await this.#acquire(parent, above + 1);
    } catch (error) {
      fopErrorOf(error);
      return -ENOENT;
    }
    try {
      return await this.#openOnPool(d.fd, name, key);
    } finally {
      d.release();
    }
  }

  /** Descriptor of the directory at a path below another, or a negated errno. key: '' for one that is only on the way. */
  async #openOnPool(dir: number, path: string, key: string): Promise<number> {
    const opening = new DirectoryOpening(this.#disk.closing, dir, path, key);
    await runOnPool(this.#disk, opening, Priority.high);
    // Out of descriptors: close some for the next open.
    if (opening.fd === -EMFILE || opening.fd === -ENFILE) sweep(this);
    return opening.fd;
  }

  /** Follows the handles upwards to a directory that is open (or the root), then opens downwards. */
  async #openByHandle(key: string): Promise<Directory> {
    const names: string[] = [];
    let at = key;
    let base: Directory | undefined;
    for (let depth = 0; ; depth++) {
      base = this.#known.get(at);
      if (base !== undefined) break;
      if (depth > MAX_DEPTH) throw failure(ELOOP);
      const link = await readDirectoryHandle(this.#disk, gfidOfKey(at));
      names.push(link.name);
      at = gfidKey(link.parent);
    }
    if (names.length === 0) {
      base.pins++;
      return base;
    }
    names.reverse();
    base.pins++;
    let fd = base.fd;
    let i = 0;
    while (i < names.length) {
      const from = i;
      for (let length = 0; i < names.length; i++) {
        length += names[i]?.length ?? 0;
        if (i > from && length + i - from > MAX_PATH) break;
      }
      const path = names.slice(from, i).join('/');
      const next = await this.#openOnPool(fd, path, i === names.length ? key : '');
      if (fd === base.fd) base.release();
      else this.close(fd);
      if (next < 0) throw failure(next === -ENOTDIR || next === -ELOOP ? ENOENT : next);
      fd = next;
    }
    const meanwhile = this.#known.get(key);
    if (meanwhile === undefined) return this.#insert(fd, key);
    this.close(fd);
    meanwhile.pins++;
    return meanwhile;
  }
}
