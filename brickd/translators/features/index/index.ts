/**
 * features/index: keeps lists of the files that await healing, by the xattrs with which replication and dispersal mark
 * them, and shows the lists to healers as directories with gfids of their own, which hold for the life of the process.
 */
import { background } from '../../../../mux/base/fault.js';
import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError, failure, nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type {
  DictReply,
  DirEntry,
  FdArgs,
  FxattropArgs,
  GetxattrArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  OpendirArgs,
  ReaddirArgs,
  ReaddirReply,
  RemoveReply,
  RmdirArgs,
  StatReply,
  UnlinkArgs,
  XattropArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, gfidText, parseGfid } from '../../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../../mux/xlator/iatt.js';
import { directoryOf, type Fd, type Inode } from '../../../../mux/xlator/inode.js';
import {
  type DumpSection,
  type LayerNumbers,
  Translator,
  type TranslatorInit,
} from '../../../../mux/xlator/translator.js';
import { bytesOfLatin1, latin1OfBytes } from '../../../../native/bytes.js';
import { EACCES, EINVAL, ENOENT, ENOTDIR } from '../../../../native/errno.js';
import { S_IFDIR, S_IFMT } from '../../../../native/linux.js';
import { makeDirectory, openDirectory, requireDirectory } from '../../directories.js';
import { Bookkeeping } from './bookkeeping.js';
import { HealBacklog } from './heal-backlog.js';
import { ENTRY_CHANGES, type IndexPlace, IndexStore, pathOf } from './index-store.js';
import type { Options } from './options.js';
import { PendingCount } from './pending-count.js';
import { VirtualFolders } from './virtual-folders.js';
import { INDICES, type IndexName, Watchlist } from './watchlist.js';

const GFID_KEYS: Readonly<Record<string, IndexName>> = {
  'glusterfs.xattrop_index_gfid': 'xattrop',
  'glusterfs.xattrop_dirty_gfid': 'dirty',
  'glusterfs.xattrop_entry_changes_gfid': 'entry-changes',
};
const COUNT_KEYS: Readonly<Record<string, IndexName>> = {
  'glusterfs.xattrop_index_count': 'xattrop',
  'glusterfs.xattrop_dirty_count': 'dirty',
};
const INDEX_COUNT = 'glusterfs.xattrop_index_count';
const TYPE_REQUEST = 'glusterfs.index-ia-type-get-req';
const TYPE_REPLY = 'glusterfs.index-ia-type-get-rsp';
const IA_IFREG = 1;
const IA_IFDIR = 2;

export class IndexTranslator extends Translator<Options> {
  readonly #watch: Watchlist;
  readonly #log: Logger;
  readonly #folders = new VirtualFolders();
  // From init() on:
  #store!: IndexStore;
  #pending!: PendingCount;
  #book!: Bookkeeping;
  #backlog!: HealBacklog;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    const o = init.options;
    this.#log = loggerFor(init.name);
    this.#watch = new Watchlist(o['xattrop-dirty-watchlist'], [
      ...o['xattrop64-watchlist'],
      ...(o['xattrop-pending-watchlist'] ?? []),
    ]);
  }

  override async init(): Promise<void> {
    const base = this.options['index-base'];
    const brick = this.brick.name;
    await requireDirectory(brick, bytesOfLatin1(latin1OfBytes(base).replace(/\/[^/]*\/*$/, '')));
    for (const index of INDICES) {
      if (index !== 'dirty' || this.#watch.hasDirty)
        await makeDirectory(brick, bytesOfLatin1(`${base}/${index}`), 0o600);
    }
    this.#store = new IndexStore(this.brick, await openDirectory(brick, base), this.#log);
    this.#pending = new PendingCount(this.#store);
    this.#book = new Bookkeeping(this, this.#watch, this.#store, this.#pending);
    this.#backlog = new HealBacklog(this.#store, this.#log);
    await this.#pending.read();
  }

  override async fini(): Promise<void> {
    await this.#store.close();
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
    this.#folders.forget(inode);
  }

  override count(numbers: LayerNumbers): void {
    numbers.healBacklog = this.#backlog.value(performance.now());
  }

  override dump(): DumpSection[] {
    return [{ title: `features/index.${this.name}`, lines: [`xattrop-pending-count=${this.#pending.value}`] }];
  }

  // --- the folders as clients see them ------------------------------------------------------------------------------

  #folder(inode: Inode | null): IndexPlace | undefined {
    return inode === null ? undefined : this.#folders.placeOf(inode.gfid);
  }

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const { parent, inode, name } = args.loc;
    const folder = this.#folder(parent);
    if (folder !== undefined) return this.#lookupEntry(call, folder, name, inode);
    const gfid = args.gfid ?? inode?.gfid;
    const virtual = gfid === undefined ? undefined : this.#folders.placeOf(gfid);
    if (gfid !== undefined && virtual !== undefined) return this.#lookupFolder(virtual, gfid, args.xdata);
    if (args.xdata?.text('link-count') !== INDEX_COUNT) return this.next.lookup(call, args);
    return this.#pending.tell(() => this.next.lookup(call, args));
  }

  async #lookupFolder(virtual: IndexPlace, gfid: Gfid, asked: Dict | null): Promise<LookupReply> {
    const stat = await this.#store.stat(virtual, Uint8Array.from(gfid));
    const xdata = new Dict();
    if (this.#folders.isTop(gfid)) {
      if ((stat.mode & S_IFMT) !== S_IFDIR) throw failure(ENOTDIR);
      if (asked?.has(TYPE_REQUEST) === true) {
        xdata.setUint(TYPE_REPLY, virtual.name === ENTRY_CHANGES ? IA_IFDIR : IA_IFREG);
      }
    }
    return { stat, postparent: NO_IATT, xdata };
  }

  async #lookupEntry(call: Call, parent: IndexPlace, name: string, known: Inode | null): Promise<LookupReply> {
    checkAccess(call);
    const place = { folder: pathOf(parent), name };
    const gfid = known !== null && this.#folders.isOurs(known.gfid) ? known.gfid : this.#folders.newGfid();
    const stat = await this.#store.stat(place, gfid);
    if (place.folder === ENTRY_CHANGES && parseGfid(name) === null) throw failure(EINVAL);
    this.#folders.add(gfid, place);
    return { stat, postparent: NO_IATT, xdata: new Dict() };
  }

  opendir(call: Call, args: OpendirArgs): MaybePromise<Xdata> {
    if (this.#folder(args.inode) === undefined) return this.next.opendir(call, args);
    checkAccess(call);
    return { xdata: null };
  }

  readdir(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    const folder = this.#folder(args.fd.inode);
    return folder === undefined ? this.next.readdir(call, args) : this.#readdir(call, args, folder);
  }

  async #readdir(call: Call, args: ReaddirArgs, folder: IndexPlace): Promise<ReaddirReply> {
    checkAccess(call);
    const { fd } = args;
    // Two requests at once share the descriptor that the first one opens.
    const opened = (fd.ctx[this.slot] ??= this.#store.open(pathOf(folder))) as Promise<number>;
    const top = INDICES.find((index) => index === pathOf(folder));
    const found = await this.#store.list(await opened, args.offset, args.size, top);
    const wantsType = args.xdata?.has('get-gfid-type') === true && this.#folders.isTop(fd.inode.gfid);
    const entries: DirEntry[] = [];
    for (const { name, offset, type } of found) {
      const entry: DirEntry = { name, ino: 0n, offset, type, stat: NO_IATT, dict: null };
      if (wantsType) await this.#fillType(call, entry);
      entries.push(entry);
    }
    return { entries, errno: entries.length === 0 ? ENOENT : 0, xdata: null };
  }

  /** The type of the file that an entry is about. */
  async #fillType(call: Call, entry: DirEntry): Promise<void> {
    entry.type = 0;
    const gfid = parseGfid(entry.name);
    if (gfid === null) return;
    const known = this.brick.findInode(gfidKey(gfid));
    if (known !== undefined && known.type !== 0) {
      entry.type = known.type >> 12;
      return;
    }
    try {
      const loc = { inode: null, parent: null, name: '' };
      const { stat } = await this.next.lookup(call, { loc, gfid, xdata: null });
      entry.type = (stat.mode & S_IFMT) >> 12;
      entry.stat = stat;
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
    }
  }

  override releasedir(fd: Fd): void {
    const opened = fd.ctx[this.slot] as Promise<number> | undefined;
    if (opened === undefined) return;
    fd.ctx[this.slot] = undefined;
    opened.then(
      (n) => this.#store.closeFolder(n),
      () => {},
    );
  }

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    const { parent, name } = args.loc;
    const folder = this.#folder(parent);
    if (folder === undefined) return this.next.unlink(call, args);
    return this.#remove(call, folder, directoryOf(args.loc), async () => {
      const { errno, existed } = await this.#store.remove({ folder: pathOf(folder), name }, 0);
      if (errno !== 0) throw failure(errno);
      if (existed && pathOf(folder) === 'xattrop') this.#pending.removedOne();
    });
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    const { parent, name } = args.loc;
    const folder = this.#folder(parent);
    if (folder === undefined) return this.next.rmdir(call, args);
    const gfid = parseGfid(name);
    if (gfid === null) throw failure(EINVAL);
    const place = { folder: pathOf(folder), name: gfidText(gfid) };
    return this.#remove(call, folder, directoryOf(args.loc), async () => {
      if (args.flags !== 0) {
        // The request does not wait for a folder that may be large.
        const wiped = this.#store.wipe(place).catch(nullOnFailure);
        background(wiped, this.#log, `removing ${place.folder}/${place.name} failed`);
        return;
      }
      const errno = await this.#store.removeFolder(place, 0);
      if (errno !== 0) throw failure(errno);
      const inode = this.brick.findInode(gfidKey(gfid));
      if (inode !== undefined) this.#book.folderRemoved(inode);
    });
  }

  async #remove(call: Call, folder: IndexPlace, parent: Inode, remove: () => Promise<void>): Promise<RemoveReply> {
    checkAccess(call);
    this.brick.guardChange(call);
    const preparent = await this.#store.stat(folder, parent.gfid);
    await remove();
    return { preparent, postparent: await this.#store.stat(folder, parent.gfid), xdata: null };
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    const { name } = args;
    const shown = GFID_KEYS[name];
    if (shown !== undefined) {
      return { ret: 0, dict: new Dict().setBytes(name, Uint8Array.from(this.#folders.gfidOf(shown))), xdata: null };
    }
    const index = COUNT_KEYS[name];
    if (index === undefined) return this.next.getxattr(call, args);
    return this.#store.count(index).then((n) => ({ ret: 0, dict: new Dict().setUint(name, n), xdata: null }));
  }

  // --- is anything awaiting healing? --------------------------------------------------------------------------------

  fstat(call: Call, args: FdArgs): MaybePromise<StatReply> {
    if (args.xdata?.text('link-count') !== INDEX_COUNT) return this.next.fstat(call, args);
    return this.#pending.tell(() => this.next.fstat(call, args));
  }

  // --- bookkeeping --------------------------------------------------------------------------------------------------

  xattrop(call: Call, args: XattropArgs): MaybePromise<DictReply> {
    if (!this.#book.tracks(args)) return this.next.xattrop(call, args);
    return this.#book.track(call, args.inode, args, () => this.next.xattrop(call, args));
  }
  fxattrop(call: Call, args: FxattropArgs): MaybePromise<DictReply> {
    if (!this.#book.tracks(args)) return this.next.fxattrop(call, args);
    return this.#book.track(call, args.fd.inode, args, () => this.next.fxattrop(call, args));
  }
}

/** The folders are root's alone, as they are on disk. Access control lies below and does not see them. */
function checkAccess(call: Call): void {
  if (call.uid !== 0 && call.pid >= 0) throw failure(EACCES);
}
