/** Finds out how to address the file of an inode on disk. */
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import { type FileRef, UnheldFile } from '../file-ref.js';
import { unlinkName } from '../format/handle-name.js';
import type { DirectoryCache } from './directory-cache.js';

export class FileLocator {
  readonly #disk: DiskContext;
  readonly #dirs: DirectoryCache;

  constructor(disk: DiskContext, dirs: DirectoryCache) {
    this.#disk = disk;
    this.#dirs = dirs;
  }

  /** An inode's file: non-directories by their handle, directories by their descriptor. Fails with ENOENT for a directory that is gone. */
  fileRef(inode: Inode): MaybePromise<FileRef> {
    if (inode.type === S_IFDIR) return this.#dirs.acquire(inode);
    const state = this.#disk.state(inode);
    return new UnheldFile(this.#disk.glusterfsFd, state.unlinked ? unlinkName(inode.gfid) : state.handle);
  }
}
