/**
 * storage/posix, the lowest translator of every brick: each fop by name, and the function that turns it into system
 * calls.
 */

import type { Call } from '../mux/xlator/call.js';
import { failure } from '../mux/xlator/fop-error.js';
import type * as fops from '../mux/xlator/fops.js';
import type { MaybePromise } from '../mux/xlator/fops.js';
import type { Fd, Inode } from '../mux/xlator/inode.js';
import { type DumpSection, type LayerNumbers, Translator } from '../mux/xlator/translator.js';
import { addon } from '../native/addon.js';
import { EOPNOTSUPP } from '../native/errno.js';
import type { BrickDir } from './brick-dir/brick-dir.js';
import { HealthCheck } from './brick-dir/health.js';
import { openBrickDir, setOwner } from './brick-dir/startup.js';
import { access, fsetattr, fstat, setattr, stat } from './fops/attr/stat-setattr.js';
import { statfs } from './fops/attr/statfs.js';
import { fsync, fsyncdir } from './fops/data/fsync.js';
import { flush, open } from './fops/data/open.js';
import { readv } from './fops/data/readv.js';
import { copyFileRange, rchecksum, seek } from './fops/data/seek-checksum-copy.js';
import { discard, fallocate, ftruncate, truncate, zerofill } from './fops/data/truncate-fallocate.js';
import { writev } from './fops/data/writev.js';
import { create } from './fops/entry/create.js';
import { icreate, namelink } from './fops/entry/icreate.js';
import { link } from './fops/entry/link.js';
import { lookup } from './fops/entry/lookup.js';
import { mkdir, mknod, symlink } from './fops/entry/mknod-mkdir-symlink.js';
import { opendir, readdir, readdirp, releasedir } from './fops/entry/readdir.js';
import { readlink } from './fops/entry/readlink.js';
import { rename } from './fops/entry/rename.js';
import { rmdir, unlink } from './fops/entry/unlink-rmdir.js';
import { fgetxattr, getxattr } from './fops/xattr/getxattr.js';
import { fremovexattr, removexattr } from './fops/xattr/removexattr.js';
import { fsetxattr, setxattr } from './fops/xattr/setxattr.js';
import { fxattrop, xattrop } from './fops/xattr/xattrop.js';
import type { Options } from './options.js';

export class PosixTranslator extends Translator<Options> {
  store!: BrickDir;
  #health: HealthCheck | null = null;

  override async init(): Promise<void> {
    // Modes are the client's business; the daemon must not narrow them.
    addon.umask(0);
    this.store = await openBrickDir({ name: this.name, brick: this.brick, options: this.options, slot: this.slot });
    try {
      await this.store.landfill.dropUnlinked();
      await this.store.space.start();
    } catch (error) {
      await this.store.close();
      throw error;
    }
    this.brick.onDevice(this.store.hidden.dev);
    this.store.landfill.filled();
    this.#health = new HealthCheck(this.store);
    this.#health.start();
  }

  override async reconfigure(options: Options): Promise<void> {
    if (options['brick-uid'] !== this.options['brick-uid'] || options['brick-gid'] !== this.options['brick-gid']) {
      await setOwner(this.store.queue, this.store.rootFd, options);
    }
    this.options = options;
    this.store.options = options;
    const looked = this.store.space.start();
    // A brick whose disk hangs can be given other options.
    if (!this.store.queue.hangs) await looked;
    this.#health?.start();
    if (!options['disable-landfill-purge']) this.store.landfill.filled();
  }

  override async fini(): Promise<void> {
    this.#health?.stop();
    await this.store.close();
  }

  override limitCalls(limit: number): void {
    this.store.queue.setLimit(limit);
  }

  override count(numbers: LayerNumbers): void {
    const [queued, running] = this.store.queue.depth();
    numbers.batchesQueued += queued;
    numbers.batchesRunning += running;
    for (const queue of [this.store.queue, this.#health?.queue]) {
      if (!queue) continue;
      const { oldestCallSec: oldest } = numbers;
      oldest.reads = Math.max(oldest.reads, queue.oldestSec('reads'));
      oldest.changes = Math.max(oldest.changes, queue.oldestSec('changes'));
      oldest.syncs = Math.max(oldest.syncs, queue.oldestSec('syncs'));
    }
    if (this.#health === null) return;
    numbers.healthChecks += this.#health.checks;
    numbers.healthFailures += this.#health.failures;
    numbers.healthyAtSec = this.#health.healthyAtSec;
  }

  override dump(): DumpSection[] {
    const { directory } = this.options;
    const [queued, running] = this.store.queue.depth();
    const lines = [
      `base_path=${directory}`,
      `base_path_length=${directory.length}`,
      `batches_queued=${queued}`,
      `batches_running=${running}`,
    ];
    return [{ title: `storage/posix.${this.name}`, lines }];
  }

  override forget(inode: Inode): void {
    this.store.files.forget(inode);
    this.store.unclaimed.forget(inode.key);
    inode.ctx[this.slot] = undefined;
  }

  /** Closes by what the fd has open, whichever fop opened or released it: a directory may have been opened by open. */
  override release(fd: Fd): void {
    this.store.files.release(fd);
    releasedir(this.store, fd);
  }

  override releasedir(fd: Fd): void {
    this.release(fd);
  }

  // --- entries --------------------------------------------------------------------------------------------------------

  lookup(call: Call, args: fops.LookupArgs): MaybePromise<fops.LookupReply> {
    return lookup(this.store, call, args);
  }
  create(call: Call, args: fops.CreateArgs): Promise<fops.CreateReply> {
    return create(this.store, call, args);
  }
  mknod(call: Call, args: fops.MknodArgs): Promise<fops.EntryReply> {
    return mknod(this.store, call, args);
  }
  mkdir(call: Call, args: fops.MkdirArgs): Promise<fops.EntryReply> {
    return mkdir(this.store, call, args);
  }
  symlink(call: Call, args: fops.SymlinkArgs): Promise<fops.EntryReply> {
    return symlink(this.store, call, args);
  }
  link(call: Call, args: fops.LinkArgs): Promise<fops.EntryReply> {
    return link(this.store, call, args);
  }
  unlink(call: Call, args: fops.UnlinkArgs): Promise<fops.RemoveReply> {
    return unlink(this.store, call, args);
  }
  rmdir(call: Call, args: fops.RmdirArgs): Promise<fops.RemoveReply> {
    return rmdir(this.store, call, args);
  }
  rename(call: Call, args: fops.RenameArgs): Promise<fops.RenameReply> {
    return rename(this.store, call, args);
  }
  readlink(call: Call, args: fops.ReadlinkArgs): MaybePromise<fops.ReadlinkReply> {
    return readlink(this.store, call, args);
  }
  icreate(call: Call, args: fops.IcreateArgs): Promise<fops.StatReply> {
    return icreate(this.store, call, args);
  }
  namelink(call: Call, args: fops.NamelinkArgs): Promise<fops.RemoveReply> {
    return namelink(this.store, call, args);
  }

  // --- directories ----------------------------------------------------------------------------------------------------

  opendir(call: Call, args: fops.OpendirArgs): MaybePromise<fops.Xdata> {
    return opendir(this.store, call, args);
  }
  readdir(call: Call, args: fops.ReaddirArgs): Promise<fops.ReaddirReply> {
    return readdir(this.store, call, args);
  }
  readdirp(call: Call, args: fops.ReaddirArgs): Promise<fops.ReaddirReply> {
    return readdirp(this.store, call, args);
  }

  // --- data ------------------------------------------------------------------------------------------------------------

  open(call: Call, args: fops.OpenArgs): MaybePromise<fops.Xdata> {
    return open(this.store, call, args);
  }
  flush(_call: Call, args: fops.FdArgs): MaybePromise<fops.Xdata> {
    return flush(this.store, args);
  }
  readv(call: Call, args: fops.ReadArgs): MaybePromise<fops.ReadReply> {
    return readv(this.store, call, args);
  }
  writev(call: Call, args: fops.WriteArgs): MaybePromise<fops.WriteReply> {
    return writev(this.store, call, args);
  }
  fsync(call: Call, args: fops.FsyncArgs): Promise<fops.PrePostReply> {
    return fsync(this.store, call, args);
  }
  fsyncdir(_call: Call, args: fops.FsyncArgs): MaybePromise<fops.Xdata> {
    return fsyncdir(this.store, args);
  }
  truncate(call: Call, args: fops.TruncateArgs): Promise<fops.PrePostReply> {
    return truncate(this.store, call, args);
  }
  ftruncate(call: Call, args: fops.FtruncateArgs): Promise<fops.PrePostReply> {
    return ftruncate(this.store, call, args);
  }
  fallocate(call: Call, args: fops.FallocateArgs): Promise<fops.PrePostReply> {
    return fallocate(this.store, call, args);
  }
  discard(call: Call, args: fops.RangeArgs): Promise<fops.PrePostReply> {
    return discard(this.store, call, args);
  }
  zerofill(call: Call, args: fops.RangeArgs): Promise<fops.PrePostReply> {
    return zerofill(this.store, call, args);
  }
  seek(call: Call, args: fops.SeekArgs): Promise<fops.SeekReply> {
    return seek(this.store, call, args);
  }
  rchecksum(call: Call, args: fops.RchecksumArgs): Promise<fops.RchecksumReply> {
    return rchecksum(this.store, call, args);
  }
  copyFileRange(call: Call, args: fops.CopyFileRangeArgs): Promise<fops.CopyFileRangeReply> {
    return copyFileRange(this.store, call, args);
  }

  // --- attributes ------------------------------------------------------------------------------------------------------

  stat(call: Call, args: fops.InodeArgs): MaybePromise<fops.StatReply> {
    return stat(this.store, call, args);
  }
  fstat(call: Call, args: fops.FdArgs): MaybePromise<fops.StatReply> {
    return fstat(this.store, call, args);
  }
  setattr(call: Call, args: fops.SetattrArgs): Promise<fops.PrePostReply> {
    return setattr(this.store, call, args);
  }
  fsetattr(call: Call, args: fops.FsetattrArgs): Promise<fops.PrePostReply> {
    return fsetattr(this.store, call, args);
  }
  access(call: Call, args: fops.AccessArgs): MaybePromise<fops.AccessReply> {
    return access(this.store, call, args);
  }
  statfs(call: Call, args: fops.InodeArgs): Promise<fops.StatfsReply> {
    return statfs(this.store, call, args);
  }
  setxattr(call: Call, args: fops.SetxattrArgs): Promise<fops.Xdata> {
    return setxattr(this.store, call, args);
  }
  fsetxattr(call: Call, args: fops.FsetxattrArgs): Promise<fops.Xdata> {
    return fsetxattr(this.store, call, args);
  }
  getxattr(call: Call, args: fops.GetxattrArgs): MaybePromise<fops.DictReply> {
    return getxattr(this.store, call, args);
  }
  fgetxattr(call: Call, args: fops.FgetxattrArgs): MaybePromise<fops.DictReply> {
    return fgetxattr(this.store, call, args);
  }
  removexattr(call: Call, args: fops.RemovexattrArgs): Promise<fops.Xdata> {
    return removexattr(this.store, call, args);
  }
  fremovexattr(call: Call, args: fops.FremovexattrArgs): Promise<fops.Xdata> {
    return fremovexattr(this.store, call, args);
  }
  xattrop(call: Call, args: fops.XattropArgs): Promise<fops.DictReply> {
    return xattrop(this.store, call, args);
  }
  fxattrop(call: Call, args: fops.FxattropArgs): Promise<fops.DictReply> {
    return fxattrop(this.store, call, args);
  }

  /** A message between translators that no translator has handled. */
  ipc(_call: Call, args: fops.IpcArgs): never {
    this.store.log.debug(113083, `GF_LOG_IPC(${args.op}) not handled`);
    throw failure(EOPNOTSUPP);
  }
}
