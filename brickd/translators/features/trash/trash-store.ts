/**
 * The trash on disk: a directory in the brick's root with a fixed gfid, and below it the paths of what was thrown away.
 * Directories there have no gfid at first: lookup gives them the same one on every brick.
 * Clients may change what is in the trash, so all of it is reached below the brick's open root, and no symlink is followed on
 * the way.
 */
import { createHash } from 'node:crypto';
import { type Gfid, ROOT_GFID, sameGfid } from '../../../../mux/xlator/gfid.js';
import { addon } from '../../../../native/addon.js';
import { assert } from '../../../../native/assert.js';
import { type Batch, batch } from '../../../../native/batch.js';
import { type ByteString, latin1OfBytes } from '../../../../native/bytes.js';
import { ECANCELED, EEXIST, ENOENT, errnoName } from '../../../../native/errno.js';
import { ALWAYS, type FdRef, IGNORE, Priority, reg, STAT } from '../../../../native/layout.js';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_WRONLY,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IALLUGO,
  XATTR_CREATE,
} from '../../../../native/linux.js';
import { region } from '../../../../native/memory.js';
import { Queue } from '../../../../native/queue.js';
import { directoryLink, GFID_KEY, HANDLE_DIR, handleName, parseDirectoryLink } from '../../../../posix/storage-api.js';
import { FileCopy, type FileSize } from './file-copy.js';

/** Folder for what Gluster's own clients throw away. */
export const INTERNAL = 'internal_op';

const DIR_MODE = 0o755;
const CONCURRENCY = 4;
const LINK_BYTES = 4096;
/** Names tried for a file when another was thrown away by the same name within the same second. */
const NAMES = 100;
const DIRECTORY = O_PATH | O_DIRECTORY | O_NOFOLLOW;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

export interface Owner {
  uid: number;
  gid: number;
}

/** What a copy takes over from its file. */
export interface CopiedFile extends Owner, FileSize {
  mode: number;
}

export class TrashStore {
  /** Descriptors of the brick's root and of `.glusterfs`. */
  #root = -1;
  #dir = -1;
  readonly #queue = new Queue(CONCURRENCY);
  readonly #copying = new FileCopy(this.#queue);

  /** Rejects with an Error that names the brick. */
  async open(brick: ByteString): Promise<void> {
    assert(this.#root < 0, 'a trash is opened once');
    const b = batch();
    const root = b.open(AT_FDCWD, latin1OfBytes(brick), O_PATH | O_DIRECTORY);
    const dir = b.open(reg(root), HANDLE_DIR, DIRECTORY, 0, BENEATH);
    await this.#queue.run(b, 0, Priority.normal);
    const { errno, failedOp } = b;
    this.#root = b.result(root);
    this.#dir = b.result(dir);
    b.release();
    if (errno === 0) return;
    this.close();
    const what = failedOp === root ? 'the directory' : HANDLE_DIR;
    throw new Error(`brick ${brick}: opening ${what} failed: ${errnoName(errno)}`);
  }

  close(): void {
    this.#queue.close();
    if (this.#dir >= 0) addon.closeFd(this.#dir);
    if (this.#root >= 0) addon.closeFd(this.#root);
    this.#dir = -1;
    this.#root = -1;
  }

  /** Op that opens a directory, given by its names from the root on, for the ops of a batch that follow. */
  #enter(b: Batch, directories: readonly string[]): FdRef {
    if (directories.length === 0) return this.#root;
    return reg(b.open(this.#root, directories.join('/'), DIRECTORY, 0, BENEATH));
  }

  #leave(b: Batch, directory: FdRef): void {
    if (directory !== this.#root) b.close(directory, ALWAYS);
  }

  /** Runs a batch and releases it; resolves with its errno, 0 for success. */
  async #run(b: Batch): Promise<number> {
    await this.#queue.run(b, 0, Priority.normal);
    const { errno } = b;
    b.release();
    return errno;
  }

  /**
   * Makes the directory with a fixed gfid, or renames it when it has another name. above: names from the root to its parent.
   * Resolves with an errno.
   */
  async makeFixed(gfid: Gfid, parent: Gfid, above: readonly string[], name: string): Promise<number> {
    const handle = handleName(gfid);
    const link = directoryLink(parent, name);
    const old = await this.#nameByHandle(handle, parent, above);
    if (old === name) return 0;
    const b = batch();
    const dir = this.#enter(b, above);
    if (old !== null) {
      b.rename(dir, old, dir, name, RENAME_NOREPLACE);
      b.unlink(this.#dir, handle);
      b.symlink(link, this.#dir, handle);
    } else {
      b.mkdir(dir, name, DIR_MODE, IGNORE);
      const at = b.open(dir, name, O_DIRECTORY | O_NOFOLLOW);
      b.setxattr(reg(at), null, GFID_KEY, gfid, XATTR_CREATE);
      b.mkdir(this.#dir, handle.slice(0, 2), 0o700, IGNORE);
      b.mkdir(this.#dir, handle.slice(0, 5), 0o700, IGNORE);
      b.symlink(link, this.#dir, handle);
      b.close(reg(at), ALWAYS);
    }
    this.#leave(b, dir);
    return this.#run(b);
  }

  /** Name of a directory in its parent, by its handle; null if there is none. */
  async #nameByHandle(handle: string, parent: Gfid, above: readonly string[]): Promise<string | null> {
    const into = region(LINK_BYTES);
    const b = batch();
    const read = b.readlink(this.#dir, handle, into.address, into.capacity);
    await this.#queue.run(b, 0, Priority.normal);
    const link = b.errno === 0 ? parseDirectoryLink(into.bytes.latin1Slice(0, b.result(read))) : null;
    b.release();
    into.release();
    if (link === null || !sameGfid(link.parent, parent)) return null;
    const there = batch();
    const directory = this.#enter(there, [...above, link.name]);
    this.#leave(there, directory);
    return (await this.#run(there)) === 0 ? link.name : null;
  }

  /**
   * Gives a file a further name in the trash. directories: from the root on, the first of them the trash. Resolves with an
   * errno, 0 when it has the name.
   */
  keep(gfid: Gfid, directories: readonly string[], skip: number, name: string, owner: Owner): Promise<number> {
    return this.#place(directories, skip, name, owner, (b, dir, as) => b.link(this.#dir, handleName(gfid), dir, as));
  }

  /**
   * Copies the first `size` bytes of a file to a new one in the trash, as {@link keep}. The copy gets its name when it is complete:
   * one that fails leaves nothing. `copied`: all of the file is in the copy, whether or not that could be given a name.
   */
  async copy(
    gfid: Gfid,
    file: CopiedFile,
    directories: readonly string[],
    skip: number,
    name: string,
    owner: Owner,
  ): Promise<{ errno: number; copied: boolean }> {
    const open = batch();
    const source = open.openRegular(this.#dir, handleName(gfid), O_RDONLY, true);
    const unnamed = open.open(this.#dir, '.', O_TMPFILE | O_WRONLY, file.mode & S_IALLUGO);
    await this.#queue.run(open, 0, Priority.normal);
    const from = open.result(source);
    const to = open.result(unnamed);
    const opened = open.errno;
    open.release();
    let errno = opened !== 0 ? opened : await this.#copying.fill(from, to, file);
    const copied = errno === 0;
    if (copied) errno = await this.#name(gfid, to, file, directories, skip, name, owner);
    for (const fd of [from, to]) if (fd >= 0) await this.#closeFile(fd);
    return { errno, copied };
  }

  async #closeFile(fd: number): Promise<void> {
    const b = batch();
    b.close(fd);
    // A queue that is closed runs nothing more.
    if ((await this.#run(b)) === ECANCELED) addon.closeFd(fd);
  }

  /** Gives a copy its owner, its gfid and its names. */
  #name(
    gfid: Gfid,
    fd: number,
    file: Owner,
    directories: readonly string[],
    skip: number,
    name: string,
    owner: Owner,
  ): Promise<number> {
    return this.#place(directories, skip, name, owner, (b, dir, as) => {
      const own = copyGfid(gfid, directories, as);
      const handle = handleName(own);
      b.chown(fd, null, file.uid, file.gid);
      b.setxattr(fd, null, GFID_KEY, own);
      const named = b.linkFd(fd, dir, as);
      b.mkdir(this.#dir, handle.slice(0, 2), 0o700, IGNORE);
      b.mkdir(this.#dir, handle.slice(0, 5), 0o700, IGNORE);
      // Lookup makes a handle that is missing.
      b.linkFd(fd, this.#dir, handle, IGNORE);
      return named;
    });
  }

  /** put: adds the ops that make the file; returns the one that fails with EEXIST when the name is taken. */
  async #place(
    directories: readonly string[],
    skip: number,
    name: string,
    owner: Owner,
    put: (b: Batch, dir: number, name: string) => number,
  ): Promise<number> {
    assert(skip > 0 && skip <= directories.length, 'a file is kept in or below a directory of the trash');
    let made = false;
    for (let i = 0; i < NAMES; ) {
      const b = batch();
      const dir = b.open(this.#root, directories.join('/'), DIRECTORY, 0, BENEATH);
      const op = put(b, reg(dir), i === 0 ? name : `${name}_${i}`);
      b.close(reg(dir), ALWAYS);
      await this.#queue.run(b, 0, Priority.normal);
      const { errno, failedOp } = b;
      b.release();
      if (failedOp === dir && errno === ENOENT && !made) {
        made = true;
        const r = await this.#makeDirectories(directories, skip, owner);
        if (r !== 0) return r;
        continue;
      }
      if (failedOp !== op || errno !== EEXIST) return errno;
      i++;
    }
    return EEXIST;
  }

  /** Makes the directories, those below the trash's own with the modes of what they are named after. */
  async #makeDirectories(directories: readonly string[], skip: number, owner: Owner): Promise<number> {
    for (const [depth, name] of directories.entries()) {
      if (depth < skip) continue;
      const mode = await this.#modeOf(directories.slice(skip, depth + 1));
      const b = batch();
      const dir = this.#enter(b, directories.slice(0, depth));
      b.mkdir(dir, name, mode);
      b.chown(dir, name, owner.uid, owner.gid);
      this.#leave(b, dir);
      const errno = await this.#run(b);
      if (errno !== 0 && errno !== EEXIST) return errno;
    }
    return 0;
  }

  async #modeOf(path: readonly string[]): Promise<number> {
    const b = batch();
    const out = b.statOut();
    const dir = this.#enter(b, path);
    b.statx(dir, null, out);
    this.#leave(b, dir);
    await this.#queue.run(b, 0, Priority.normal);
    const mode = b.errno === 0 ? (b.f64[out + STAT.mode] ?? 0) & S_IALLUGO : DIR_MODE;
    b.release();
    return mode;
  }
}

/**
 * The gfid of a copy: the same on all replicas of a file, where the copy has the same name. (Distribution loops forever over
 * a file without.)
 */
function copyGfid(gfid: Gfid, directories: readonly string[], name: string): Gfid {
  const path = [...directories, name].join('/');
  const hash = createHash('sha256').update(gfid).update(path, 'latin1').digest();
  // A version and a variant, as every UUID has.
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return Uint8Array.from(hash.subarray(0, 16));
}

/** The directory of the trash itself has the root as parent. */
export const TRASH_PARENT = ROOT_GFID;
