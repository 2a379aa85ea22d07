/** Descriptors for anonymous fds: one per file, kept open for a while after its last use. */
import { descriptorsScarce } from '../../../mux/base/descriptor-reserve.js';
import { SharedBudget } from '../../../mux/base/shared-budget.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { EACCES, EBADF, ENOENT, EROFS, ETXTBSY } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { O_RDONLY, O_RDWR, S_IFREG } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import type { DeferredClose } from '../deferred-close.js';
import { unlinkName } from '../format/handle-name.js';
import type { InodeState } from '../inode-state.js';
import { OpenFile } from '../open-file.js';
import { type CachedOutcome, type CachedProgram, runOnPool, tryCached } from '../run-cached.js';
import { statOf } from './file-stat.js';

/** Shared descriptors that a brick keeps for anonymous fds at most, and that each may keep, however many bricks there are. */
const MAX_SHARED = 64;
const MIN_SHARED = 2;
/** Descriptors that all bricks of a thread keep together. */
const budget = new SharedBudget<SharedFiles>(2048);

function most(): number {
  if (descriptorsScarce()) return MIN_SHARED;
  return Math.max(MIN_SHARED, Math.min(MAX_SHARED, Math.floor(budget.share())));
}

/** An unused shared descriptor is closed after one to two of these. */
const IDLE_MS = 2000;

/** A descriptor that all anonymous fds of a file share. Valid while pinned. */
class SharedFile extends OpenFile {
  readonly #closing: DeferredClose;
  readonly #state: InodeState;
  pins = 1;
  touched = true;
  /** No longer among the shared ones: closed with the last pin. */
  dropped = false;

  constructor(fd: number, flags: number, closing: DeferredClose, state: InodeState) {
    super(fd, flags);
    this.#closing = closing;
    this.#state = state;
  }
  override release(): void {
    assert(this.pins > 0, 'a shared descriptor is released once for each time that it was handed out');
    if (--this.pins === 0 && this.dropped) this.#closing.close(this.fd);
  }

  // Nobody closes what anonymous fds share: lost writes are remembered of the file, until it has been written again and synced.
  override get lost(): number {
    return this.#state.lost?.errno ?? 0;
  }
  override noteLost(errno: number, mtime: string): void {
    this.#state.lost = { errno, mtime };
  }
  override noteSynced(mtime: string): void {
    if (mtime !== '' && this.#state.lost?.mtime !== mtime) this.#state.lost = null;
  }
}

export class SharedFiles {
  readonly #disk: DiskContext;
  readonly #shared = new Map<string, SharedFile>();
  readonly #opening = new Map<string, Promise<void>>();
  #idleTimer: (() => void) | null = null;

  constructor(disk: DiskContext) {
    this.#disk = disk;
  }

  get held(): number {
    return this.#shared.size;
  }

  /** The open file of a regular file, pinned: the caller releases it. Fails with errors of open(2). */
  of(inode: Inode): MaybePromise<OpenFile> {
    const { key } = inode;
    const known = this.#shared.get(key);
    if (known !== undefined) {
      known.pins++;
      known.touched = true;
      return then(this.#hasName(known, inode), (named) => {
        if (named) return known;
        if (this.#shared.get(key) === known) this.drop(key);
        known.release();
        return this.of(inode);
      });
    }
    if (inode.type !== S_IFREG) throw failure(EBADF);
    const opening = this.#opening.get(key);
    if (opening !== undefined) return opening.then(() => this.of(inode));
    const cached = new SharedOpening(this.#disk.glusterfsFd, this.#disk.state(inode).handle, O_RDWR);
    if (tryCached(this.#disk, cached) && cached.fd >= 0) return this.#share(inode, cached.fd, O_RDWR);
    const opened = this.#openOnPool(inode);
    this.#opening.set(
      key,
      opened.then(
        () => {
          this.#opening.delete(key);
        },
        () => {
          this.#opening.delete(key);
        },
      ),
    );
    return opened;
  }

  /** Whether a shared descriptor still is the file of its gfid: a file that was removed and healed is another one. */
  #hasName(file: SharedFile, inode: Inode): MaybePromise<boolean> {
    if (this.#disk.state(inode).unlinked) return true;
    return then(statOf(this.#disk, file), ({ errno, links }) => errno !== 0 || links > 0);
  }

  async #openOnPool(inode: Inode): Promise<OpenFile> {
    const { handle } = this.#disk.state(inode);
    let fd = await this.#tryOpen(handle, O_RDWR);
    if (fd === -ENOENT) fd = await this.#tryOpen(unlinkName(inode.gfid), O_RDWR);
    if (fd >= 0) return this.#share(inode, fd, O_RDWR);
    if (fd === -EACCES || fd === -EROFS || fd === -ETXTBSY) {
      fd = await this.#tryOpen(handle, O_RDONLY);
      if (fd >= 0) return this.#share(inode, fd, O_RDONLY);
    }
    this.#disk.fopFailed(`Failed to get anonymous fd for ${gfidText(inode.gfid)}`, -fd);
    throw failure(fd);
  }

  /** Descriptor of a file below `.glusterfs`, or a negated errno. */
  async #tryOpen(name: string, flags: number): Promise<number> {
    const opening = new SharedOpening(this.#disk.glusterfsFd, name, flags);
    await runOnPool(this.#disk, opening, Priority.high);
    return opening.fd;
  }

  #share(inode: Inode, fd: number, flags: number): SharedFile {
    const { key } = inode;
    const file = new SharedFile(fd, flags, this.#disk.closing, this.#disk.state(inode));
    this.drop(key);
    this.#shared.set(key, file);
    budget.taken(this);
    const limit = most();
    if (this.#shared.size > limit) this.#sweep(limit);
    this.#idleTimer ??= this.#disk.brick.timer(IDLE_MS, false, () => this.#closeIdle());
    return file;
  }

  #sweep(limit: number): void {
    for (const [key, file] of this.#shared) {
      if (this.#shared.size <= limit) return;
      if (file.pins === 0) this.drop(key);
    }
  }

  #closeIdle(): void {
    this.#idleTimer = null;
    for (const [key, file] of this.#shared) {
      if (file.pins > 0) continue;
      if (file.touched) file.touched = false;
      else this.drop(key);
    }
    if (this.#shared.size > 0) this.#idleTimer = this.#disk.brick.timer(IDLE_MS, false, () => this.#closeIdle());
  }

  /** Releases the descriptor that anonymous fds of a gfid share: the file is being removed or forgotten. */
  drop(key: string): void {
    const file = this.#shared.get(key);
    if (file === undefined) return;
    this.#shared.delete(key);
    budget.returned(this);
    file.dropped = true;
    if (file.pins === 0) this.#disk.closing.close(file.fd);
  }

  /** The brick goes: gives up what is shared. */
  closeAll(): void {
    this.#idleTimer?.();
    this.#idleTimer = null;
    for (const file of this.#shared.values()) this.#disk.closing.close(file.fd);
    const count = this.held;
    this.#shared.clear();
    if (count > 0) budget.returned(this, count);
  }
}

/** Opens a regular file by a name below a directory. */
class SharedOpening implements CachedProgram {
  readonly #dir: number;
  readonly #name: string;
  readonly #flags: number;
  /** The descriptor, or a negated errno. */
  fd = -1;

  constructor(dir: number, name: string, flags: number) {
    this.#dir = dir;
    this.#name = name;
    this.#flags = flags;
  }

  program(b: Batch, resolve: number): void {
    b.openRegular(this.#dir, this.#name, this.#flags, true, resolve);
  }

  take(b: Batch): CachedOutcome {
    this.fd = b.result(0);
    return 'done';
  }
}
