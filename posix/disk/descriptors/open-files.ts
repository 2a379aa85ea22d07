/** The open files of a brick: the descriptor behind each fd of a client. */

import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import { EINVAL } from '../../../native/errno.js';
import { O_DIRECTORY, S_IFDIR } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import type { FileRef } from '../file-ref.js';
import { OpenDirectory } from '../open-directory.js';
import { OpenFile } from '../open-file.js';
import type { FileLocator } from './file-locator.js';
import type { Handles } from './handles.js';
import { SharedFiles } from './shared-files.js';

export class OpenFiles {
  readonly #disk: DiskContext;
  readonly #locator: FileLocator;
  readonly #handles: Handles;
  /** What anonymous fds have open. */
  readonly shared: SharedFiles;
  /** The file system supports RWF_NOWAIT: true until it has refused it. */
  nowait = true;
  /** The file system supports splice: true until it has refused it. */
  splices = true;

  constructor(disk: DiskContext, locator: FileLocator, handles: Handles) {
    this.#disk = disk;
    this.#locator = locator;
    this.#handles = handles;
    this.shared = new SharedFiles(disk);
  }

  /** Attaches a newly opened descriptor to an fd. It is closed with the fd. */
  attach(fd: Fd, descriptor: number, flags: number): void {
    fd.ctx[this.#disk.slot] = new OpenFile(descriptor, flags);
    this.#disk.state(fd.inode).opens++;
  }

  /** The open file of an fd; the caller releases it. EINVAL when there is none, errors of open(2) for an anonymous fd. */
  of(fd: Fd): MaybePromise<OpenFile> {
    const own = fd.ctx[this.#disk.slot];
    if (own instanceof OpenFile) return own;
    if (!fd.anonymous) throw failure(EINVAL);
    return this.shared.of(fd.inode);
  }

  /** How a batch addresses what an fd has open, directories included. */
  fileRef(fd: Fd): MaybePromise<FileRef> {
    if (fd.inode.type !== S_IFDIR) return this.of(fd);
    const own = fd.ctx[this.#disk.slot];
    // open, not opendir, as libgfapi's clients may.
    if (own instanceof OpenFile) return own;
    if (own instanceof OpenDirectory) return new OpenFile(own.fd, O_DIRECTORY);
    if (!fd.anonymous) throw failure(EINVAL);
    return this.#locator.fileRef(fd.inode);
  }

  /** An fd has gone: its descriptor is closed, and with the last one a file that has no name any more. */
  release(fd: Fd): void {
    const own = fd.ctx[this.#disk.slot];
    if (!(own instanceof OpenFile)) return;
    fd.ctx[this.#disk.slot] = undefined;
    this.#disk.closing.close(own.fd);
    // A brick that goes while its disk hangs forgets inodes before the last fops on them have ended.
    const state = this.#disk.knownState(fd.inode);
    if (state === undefined) return;
    assert(state.opens > 0, 'an inode counts every descriptor that clients have open on it');
    if (--state.opens === 0) this.#handles.removeParked(fd.inode);
  }

  /** The last name of an open file has gone, its handle is in `.glusterfs/unlink` now: the last close removes it. */
  parked(inode: Inode): void {
    const state = this.#disk.state(inode);
    state.unlinked = true;
    if (state.opens === 0) this.#handles.removeParked(inode);
  }

  /** The inode table drops an inode: nobody has it open any more. */
  forget(inode: Inode): void {
    this.shared.drop(inode.key);
    this.#handles.removeParked(inode);
  }
}
