/** storage/posix: the bottom of every brick's stack, where fops become system calls. The fops are in families by file. */
import { addon } from '../native/addon.js';
import type { Call } from './contract/call.js';
import type * as fops from './contract/fops.js';
import type { MaybePromise } from './contract/fops.js';
import type { Fd, Inode } from './contract/inode.js';
import { Translator } from './contract/translator.js';
import { create } from './entry-create.js';
import { opendir, readdir, readdirp, releasedir } from './entry-dir.js';
import { icreate, namelink } from './entry-icreate.js';
import { link } from './entry-link.js';
import { lookup } from './entry-lookup.js';
import { mkdir, mknod, symlink } from './entry-make.js';
import { readlink } from './entry-readlink.js';
import { rmdir, unlink } from './entry-remove.js';
import { rename } from './entry-rename.js';
import type { Options } from './options.js';
import { openStore } from './startup.js';
import type { Store } from './store.js';

/** How often directories that nobody uses are closed. */
const IDLE_CHECK_MS = 30_000;

export class PosixTranslator extends Translator<Options> {
  store!: Store;
  #cancelIdleCheck: (() => void) | null = null;

  override async init(): Promise<void> {
    // Modes are the client's business; the daemon must not narrow them.
    addon.umask(0);
    this.store = openStore({ name: this.name, brick: this.brick, options: this.options, slot: this.slot });
    await this.store.landfill.dropUnlinked();
    this.store.landfill.filled();
    this.#cancelIdleCheck = this.brick.timer(IDLE_CHECK_MS, true, () => this.store.dirs.closeIdle());
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.store.options = options;
    if (!options['disable-landfill-purge']) this.store.landfill.filled();
  }

  override async fini(): Promise<void> {
    this.#cancelIdleCheck?.();
    this.store.close();
  }

  override forget(inode: Inode): void {
    this.store.mdata.forget(inode.key);
    inode.ctx[this.slot] = undefined;
  }

  override releasedir(fd: Fd): void {
    releasedir(this.store, fd);
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
}
