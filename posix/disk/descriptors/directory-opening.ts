/** Opens one directory for the directory cache. */
import { gfidKey } from '../../../mux/xlator/gfid.js';
import type { Batch } from '../../../native/batch.js';
import { ENODATA, ENOENT } from '../../../native/errno.js';
import { IGNORE, reg } from '../../../native/layout.js';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../../../native/linux.js';
import type { DeferredClose } from '../deferred-close.js';
import { GFID_KEY } from '../format/xattr-keys.js';
import type { CachedOutcome, CachedProgram } from '../run-cached.js';

/** Not O_PATH: the xattrs of a directory are read and set by its descriptor. */
const DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
/** Opens a directory by its path below another, and makes sure that it is the one of a gfid. */
export class DirectoryOpening implements CachedProgram {
  readonly #closing: DeferredClose;
  readonly #dir: number;
  readonly #path: string;
  readonly #key: string;
  #gfidAt = 0;
  /** The descriptor, or a negated errno. A directory of another gfid is ENOENT. */
  fd = -1;

  /** key: '' for any gfid. */
  constructor(closing: DeferredClose, dir: number, path: string, key: string) {
    this.#closing = closing;
    this.#dir = dir;
    this.#path = path;
    this.#key = key;
  }

  program(b: Batch, resolve: number): void {
    this.#gfidAt = b.out(16);
    b.open(this.#dir, this.#path, DIRECTORY_FLAGS, 0, resolve | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    b.getxattr(reg(0), null, GFID_KEY, this.#gfidAt, 16, IGNORE);
  }

  take(b: Batch): CachedOutcome {
    this.fd = b.result(0);
    if (this.fd < 0 || this.#key === '') return 'done';
    // A directory without a gfid passes: the handle or the inode table vouches for it, and lookup heals it.
    const read = b.result(1);
    const same = read === 16 ? gfidKey(b.view(this.#gfidAt, 16)) === this.#key : read === -ENODATA || read >= 0;
    if (same) return 'done';
    this.#closing.close(this.fd);
    this.fd = read === 16 ? -ENOENT : read;
    return 'done';
  }
}
