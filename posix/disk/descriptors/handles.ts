/**
 * gfid handles, `.glusterfs/aa/bb/<gfid>`, by which every file can be reached without its path: a hard link for files,
 * a symbolic link to `../../pp/qq/<parent gfid>/<name>` for directories.
 */

import { background } from '../../../mux/base/fault.js';
import { type Gfid, gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ENOENT, errnoName } from '../../../native/errno.js';
import { CLEANUP, IGNORE, Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import { directoryLink, handleName, unlinkName } from '../format/handle-name.js';

const LEVEL_MODE = 0o700;

/** Number of the second-level directory of a gfid's handle: its first two bytes. */
function levelOf(gfid: Gfid): number {
  return ((gfid[0] ?? 0) << 8) | (gfid[1] ?? 0);
}

export class Handles {
  readonly #disk: DiskContext;
  /** One bit for each second-level directory that is known to exist. */
  #levels: Uint8Array | null = null;

  constructor(disk: DiskContext) {
    this.#disk = disk;
  }

  /**
   * Ops that make the directories of a handle, unless they are known to exist. To be followed by {@link made}. first: even
   * the first level, which every brick has from its start.
   */
  levelOps(b: Batch, gfid: Gfid, first = false): void {
    if (this.#has(gfid)) return;
    const text = gfidText(gfid);
    if (first) b.mkdir(this.#disk.glusterfsFd, text.slice(0, 2), LEVEL_MODE, IGNORE);
    b.mkdir(this.#disk.glusterfsFd, `${text.slice(0, 2)}/${text.slice(2, 4)}`, LEVEL_MODE, IGNORE);
  }

  /** Remembers that the directories of a handle exist. */
  made(gfid: Gfid): void {
    const levels = (this.#levels ??= new Uint8Array(8192));
    const level = levelOf(gfid);
    levels[level >> 3] = (levels[level >> 3] ?? 0) | (1 << (level & 7));
  }

  /** A handle's directories turned out to be missing. */
  missing(gfid: Gfid): void {
    const levels = this.#levels;
    const level = levelOf(gfid);
    if (levels !== null) levels[level >> 3] = (levels[level >> 3] ?? 0) & ~(1 << (level & 7));
  }

  #has(gfid: Gfid): boolean {
    const level = levelOf(gfid);
    return this.#levels !== null && ((this.#levels[level >> 3] ?? 0) & (1 << (level & 7))) !== 0;
  }

  /** Op that links the file `name` in `dir` as the handle of `gfid`. */
  linkOp(b: Batch, dir: number, name: string, gfid: Gfid, flags = 0): number {
    return b.link(dir, name, this.#disk.glusterfsFd, handleName(gfid), flags);
  }

  /** Op that makes the handle of a directory. */
  symlinkOp(b: Batch, parent: Gfid, name: string, gfid: Gfid, flags = 0): number {
    return b.symlink(directoryLink(parent, name), this.#disk.glusterfsFd, handleName(gfid), flags);
  }

  removeOp(b: Batch, gfid: Gfid, flags = IGNORE): number {
    return b.unlink(this.#disk.glusterfsFd, handleName(gfid), 0, flags);
  }

  /** Op that undoes a handle which this batch has made. */
  undoOp(b: Batch, gfid: Gfid): number {
    return b.unlink(this.#disk.glusterfsFd, handleName(gfid), 0, CLEANUP);
  }

  /** Op that moves the handle of an open file that loses its last name out of the way. */
  parkOp(b: Batch, gfid: Gfid, flags = IGNORE): number {
    return b.rename(this.#disk.glusterfsFd, handleName(gfid), this.#disk.glusterfsFd, unlinkName(gfid), 0, flags);
  }

  /** Removes what {@link parkOp} kept: the last fd of the file is closed. */
  removeParked(inode: Inode): void {
    const state = this.#disk.state(inode);
    if (!state.unlinked) return;
    state.unlinked = false;
    const b = batch();
    b.unlink(this.#disk.glusterfsFd, unlinkName(inode.gfid), 0);
    const removed = this.#disk.run(b, inode.lane, Priority.normal).then(() => {
      const errno = b.errno;
      b.release();
      if (errno !== 0 && errno !== ENOENT) {
        this.#disk.log.warning(0, `removing unlinked file ${gfidText(inode.gfid)} failed: ${errnoName(errno)}`);
      }
    });
    background(removed, this.#disk.log, `removing unlinked file ${gfidText(inode.gfid)} failed`);
  }
}
