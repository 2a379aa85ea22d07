/** Permission decisions: which callers are checked, and what a checked caller may do with a file. */
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise, SetattrArgs } from '../../../../mux/xlator/fops.js';
import { SetAttr } from '../../../../mux/xlator/iatt.js';
import { directoryOf, type Inode, type Loc } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { EACCES, EPERM } from '../../../../native/errno.js';
import {
  FMODE_EXEC,
  O_ACCMODE,
  O_APPEND,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_ISGID,
  S_ISVTX,
} from '../../../../native/linux.js';
import { inGroup, Permission, permits } from './acl.js';
import type { FileContext, FileContexts } from './file-context.js';

const { execute: X, write: W, read: R } = Permission;

/** What opening a file with those flags takes. */
export function openWants(flags: number): number {
  const mode = flags & O_ACCMODE;
  let want = 0;
  if (mode === O_WRONLY) want = W;
  else if (mode === O_RDWR) want = R | W;
  else if (mode === 0) want = (flags & FMODE_EXEC) !== 0 ? X : R;
  return (flags & (O_TRUNC | O_APPEND)) !== 0 ? want | W : want;
}

export class PermissionChecks {
  /** Besides 0. */
  superUid: number;
  readonly #layer: Translator;
  readonly #files: FileContexts;

  constructor(layer: Translator, files: FileContexts, superUid: number) {
    this.#layer = layer;
    this.#files = files;
    this.superUid = superUid;
  }

  /** Never refused anything. */
  superUser(call: Call): boolean {
    return call.uid === 0 || call.uid === this.superUid;
  }

  /** Never refused anything that goes by permission bits. */
  trusted(call: Call): boolean {
    return call.uid === 0 || call.pid < 0 || call.uid === this.superUid;
  }

  /** What is known of a file, read from disk if need be. */
  file(call: Call, inode: Inode): MaybePromise<FileContext> {
    return this.#files.peek(inode) ?? this.#files.fetch(call, inode, this.#layer.next);
  }

  /** EACCES unless the caller, who is not trusted, has all of `want` on a file. */
  check(call: Call, inode: Inode, want: number): MaybePromise<void> {
    const file = this.#files.peek(inode);
    if (file === undefined) return this.#checkUnknown(call, inode, want);
    if (!permits(file, call, want)) throw failure(EACCES);
  }

  async #checkUnknown(call: Call, inode: Inode, want: number): Promise<void> {
    const file = await this.#files.fetch(call, inode, this.#layer.next);
    if (!permits(file, call, want)) throw failure(EACCES);
  }

  /** In a directory with the sticky bit, only its owner and the file's may remove or rename a file. */
  checkSticky(call: Call, parent: Inode, inode: Inode | null | undefined): MaybePromise<void> {
    return then(this.file(call, parent), (directory) => {
      if ((directory.mode & S_ISVTX) === 0 || call.uid === directory.uid) return;
      // Nothing is known of the file under this name, and so not that it is the caller's.
      if (inode === null || inode === undefined) throw failure(EACCES);
      return then(this.file(call, inode), (file) => {
        if (call.uid !== file.uid) throw failure(EACCES);
      });
    });
  }

  /** EACCES unless the caller may remove the entry from its directory. */
  checkRemoval(call: Call, loc: Loc): MaybePromise<void> {
    const parent = directoryOf(loc);
    return then(this.checkSticky(call, parent, loc.inode), () => this.check(call, parent, W | X));
  }

  /** EPERM or EACCES unless the caller may change these attributes; the change as it may be made. */
  checkSetattr<A extends Pick<SetattrArgs, 'valid' | 'stat'>>(call: Call, file: FileContext, args: A): A {
    const { valid, stat } = args;
    const owner = call.uid === file.uid;
    let changed = args;
    if ((valid & SetAttr.mode) !== 0) {
      if (!owner) throw failure(EPERM);
      if (!inGroup(call, file.gid) && (stat.mode & S_ISGID) !== 0) {
        const without = Object.assign(Object.create(Object.getPrototypeOf(stat)), stat) as typeof stat;
        without.mode &= ~S_ISGID;
        changed = { ...args, stat: without };
      }
    }
    if ((valid & (SetAttr.atime | SetAttr.mtime)) !== 0) {
      if (!owner && call.pid >= 0 && !permits(file, call, W)) throw failure(EACCES);
    }
    if ((valid & SetAttr.uid) !== 0 && stat.uid !== file.uid) throw failure(EPERM);
    if ((valid & SetAttr.gid) !== 0 && (!owner || !inGroup(call, stat.gid))) throw failure(EPERM);
    return changed;
  }
}
