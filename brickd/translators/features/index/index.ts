/**
 * features/index: keeps lists of the files that await healing, by the xattrs with which replication and dispersal mark
 * them, and shows the lists to healers as directories with gfids of their own, which hold for the life of the process.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { background } from '../../../../mux/base/fault.js';
import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { isEntryName } from '../../../../mux/xlator/entry-name.js';
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
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { bytesOfLatin1, latin1OfBytes } from '../../../../native/bytes.js';
import { EACCES, EINVAL, ENOENT, ENOTDIR } from '../../../../native/errno.js';
import { S_IFDIR, S_IFMT } from '../../../../native/linux.js';
import { makeDirectory, openDirectory, requireDirectory } from '../../directories.js';
import { type IndexPlace, IndexStore, pathOf } from './index-store.js';
import type { Options } from './options.js';
import { INDICES, type IndexName, type Verdict, Watchlist } from './watchlist.js';

const GFID_KEYS: Readonly<Record<string, IndexName>> = {
  'glusterfs.xattrop_index_gfid': 'xattrop',
  'glusterfs.xattrop_dirty_gfid': 'dirty',
  'glusterfs.xattrop_entry_changes_gfid': 'entry-changes',
};
const COUNT_KEYS: Readonly<Record<string, IndexName>> = {
  'glusterfs.xattrop_index_count': 'xattrop',
  'glusterfs.xattrop_dirty_count': 'dirty',
};
const ENTRY_CHANGES = 'entry-changes';
const INDEX_COUNT = 'glusterfs.xattrop_index_count';
const ENTRY_IN = 'glusterfs.xattrop-entry-create';
const ENTRY_OUT = 'glusterfs.xattrop-entry-delete';
const PURGE = 'glusterfs.xattrop-purge-index';
const TYPE_REQUEST = 'glusterfs.index-ia-type-get-req';
const TYPE_REPLY = 'glusterfs.index-ia-type-get-rsp';
const IA_IFREG = 1;
const IA_IFDIR = 2;

const ADD_ARRAY = 0;
const ADD_ARRAY64 = 1;

/** What is known of an inode's entries: undefined while nothing is. */
interface Membership {
  xattrop?: boolean;
  dirty?: boolean;
  'entry-changes'?: boolean;
  /** Counting on an inode goes on one at a time: this settles after the last. */
  tail: Promise<unknown>;
}

export class IndexTranslator extends Translator<Options> {
  #store!: IndexStore;
  readonly #watch: Watchlist;
  readonly #log;
  readonly #gfids: Record<IndexName, Gfid>;
  /** Folders of the indices and files in them that clients know, by gfid key. All these gfids begin alike, so that others are told apart at a glance. */
  readonly #virtual = new Map<string, IndexPlace>();
  readonly #prefix = randomBytes(4);
  /** Entries of the xattrop index as far as they were counted; negative: not known. */
  #pending = -1;
  #counting: Promise<number> | null = null;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    const o = init.options;
    this.#log = loggerFor(init.name);
    this.#watch = new Watchlist(o['xattrop-dirty-watchlist'], [
      ...o['xattrop64-watchlist'],
      ...(o['xattrop-pending-watchlist'] ?? []),
    ]);
    this.#gfids = { xattrop: this.#newGfid(), dirty: this.#newGfid(), 'entry-changes': this.#newGfid() };
    for (const index of INDICES) this.#virtual.set(gfidKey(this.#gfids[index]), { folder: '', name: index });
  }

  #newGfid(): Gfid {
    const gfid = parseGfid(randomUUID())!;
    gfid.set(this.#prefix);
    return gfid;
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
    this.#pending = (await this.#store.linkCount('xattrop').catch(nullOnFailure)) ?? -1;
  }

  override async fini(): Promise<void> {
    await this.#store.close();
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
    if (this.#isOurs(inode.gfid) && !this.#isTop(inode.key)) this.#virtual.delete(inode.key);
  }

  override dump(): DumpSection[] {
    return [{ title: `features/index.${this.name}`, lines: [`xattrop-pending-count=${this.#pending}`] }];
  }

  // --- the folders as clients see them ------------------------------------------------------------------------------

  #isOurs(gfid: Gfid): boolean {
    const p = this.#prefix;
    return gfid[0] === p[0] && gfid[1] === p[1] && gfid[2] === p[2] && gfid[3] === p[3];
  }

  #isTop(key: string): boolean {
    return INDICES.some((index) => gfidKey(this.#gfids[index]) === key);
  }

  #folder(inode: Inode | null): IndexPlace | undefined {
    return inode !== null && this.#isOurs(inode.gfid) ? this.#virtual.get(inode.key) : undefined;
  }

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const { parent, inode, name } = args.loc;
    const folder = this.#folder(parent);
    if (folder !== undefined) return this.#lookupEntry(call, folder, name, inode);
    const gfid = args.gfid ?? inode?.gfid;
    if (gfid !== undefined && this.#isOurs(gfid)) {
      const virtual = this.#virtual.get(gfidKey(gfid));
      if (virtual !== undefined) return this.#lookupFolder(virtual, gfid, args.xdata);
    }
    if (args.xdata?.text('link-count') !== INDEX_COUNT) return this.next.lookup(call, args);
    return this.#counted(() => this.next.lookup(call, args));
  }

  async #lookupFolder(virtual: IndexPlace, gfid: Gfid, asked: Dict | null): Promise<LookupReply> {
    const stat = await this.#store.stat(virtual, Uint8Array.from(gfid));
    const xdata = new Dict();
    if (this.#isTop(gfidKey(gfid))) {
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
    const gfid = known !== null && this.#isOurs(known.gfid) ? known.gfid : this.#newGfid();
    const stat = await this.#store.stat(place, gfid);
    if (place.folder === ENTRY_CHANGES && parseGfid(name) === null) throw failure(EINVAL);
    this.#virtual.set(gfidKey(gfid), place);
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
    const wantsType = args.xdata?.has('get-gfid-type') === true && this.#isTop(fd.inode.key);
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
    return this.#remove(call, folder, parent!, async () => {
      const { errno, existed } = await this.#store.remove({ folder: pathOf(folder), name }, 0);
      if (errno !== 0) throw failure(errno);
      if (existed && pathOf(folder) === 'xattrop') this.#removedOne();
    });
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    const { parent, name } = args.loc;
    const folder = this.#folder(parent);
    if (folder === undefined) return this.next.rmdir(call, args);
    const gfid = parseGfid(name);
    if (gfid === null) throw failure(EINVAL);
    const place = { folder: pathOf(folder), name: gfidText(gfid) };
    return this.#remove(call, folder, parent!, async () => {
      if (args.flags !== 0) {
        // Whoever asks does not wait for a folder that may be large.
        const wiped = this.#store.wipe(place).catch(nullOnFailure);
        background(wiped, this.#log, `removing ${place.folder}/${place.name} failed`);
        return;
      }
      const errno = await this.#store.removeFolder(place, 0);
      if (errno !== 0) throw failure(errno);
      const inode = this.brick.findInode(gfidKey(gfid));
      if (inode !== undefined) this.#membership(inode)['entry-changes'] = false;
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
      return { ret: 0, dict: new Dict().setBytes(name, Uint8Array.from(this.#gfids[shown])), xdata: null };
    }
    const index = COUNT_KEYS[name];
    if (index === undefined) return this.next.getxattr(call, args);
    return this.#store.count(index).then((n) => ({ ret: 0, dict: new Dict().setUint(name, n), xdata: null }));
  }

  // --- is anything awaiting healing? --------------------------------------------------------------------------------

  fstat(call: Call, args: FdArgs): MaybePromise<StatReply> {
    if (args.xdata?.text('link-count') !== INDEX_COUNT) return this.next.fstat(call, args);
    return this.#counted(() => this.next.fstat(call, args));
  }

  /** Puts into a reply, failing ones included, whether the xattrop index has entries. */
  async #counted<R extends Xdata>(wind: () => MaybePromise<R>): Promise<R> {
    try {
      const r = await wind();
      return { ...r, xdata: await this.#withLinkCount(r.xdata) };
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      throw new FopError(error.errno, await this.#withLinkCount(error.xdata), error.postparent);
    }
  }

  async #withLinkCount(xdata: Dict | null): Promise<Dict> {
    if (this.#pending < 0) {
      this.#counting ??= this.#store
        .linkCount('xattrop')
        .catch((thrown: unknown) => nullOnFailure(thrown) ?? -1)
        .finally(() => {
          this.#counting = null;
        });
      this.#pending = await this.#counting;
    }
    return (xdata ?? new Dict()).setInt('link-count', this.#pending === 0 ? 0 : 1);
  }

  /** The first entry after none makes the count unknown, until it is asked for. */
  #addedOne(): void {
    if (this.#pending === 0) this.#pending = -1;
  }
  #removedOne(): void {
    if (this.#pending > 0 && --this.#pending === 0) this.#pending = -1;
  }

  // --- bookkeeping --------------------------------------------------------------------------------------------------

  xattrop(call: Call, args: XattropArgs): MaybePromise<DictReply> {
    if (!this.#tracked(args)) return this.next.xattrop(call, args);
    return this.#track(call, args.inode, args, () => this.next.xattrop(call, args));
  }
  fxattrop(call: Call, args: FxattropArgs): MaybePromise<DictReply> {
    if (!this.#tracked(args)) return this.next.fxattrop(call, args);
    return this.#track(call, args.fd.inode, args, () => this.next.fxattrop(call, args));
  }

  #tracked(args: { op: number; dict: Dict } & Xdata): boolean {
    if (args.op !== ADD_ARRAY && args.op !== ADD_ARRAY64) return false;
    if (this.#watch.watches(args.dict, args.op === ADD_ARRAY64)) return true;
    return args.op === ADD_ARRAY && (args.xdata?.has(ENTRY_IN) === true || args.xdata?.has(ENTRY_OUT) === true);
  }

  #membership(inode: Inode): Membership {
    return (inode.ctx[this.slot] ??= { tail: Promise.resolve() }) as Membership;
  }

  /** Counts on one inode run in order: what one finds zero, the next may set again. */
  #track(
    call: Call,
    inode: Inode,
    args: { op: number; dict: Dict } & Xdata,
    wind: () => MaybePromise<DictReply>,
  ): Promise<DictReply> {
    const member = this.#membership(inode);
    const run = member.tail.then(() => this.#count(call, inode, member, args, wind));
    member.tail = run.catch(() => {});
    return run;
  }

  async #count(
    call: Call,
    inode: Inode,
    member: Membership,
    args: { op: number; dict: Dict } & Xdata,
    wind: () => MaybePromise<DictReply>,
  ): Promise<DictReply> {
    const { xdata } = args;
    // Before the change: should the brick fail in between, the entry is there in vain rather than missing.
    const wanted = this.#watch.verdict(args.dict);
    const created = xdata?.text(ENTRY_IN);
    const deleted = xdata?.text(ENTRY_OUT);
    if (wanted.xattrop || wanted.dirty || created !== undefined || deleted !== undefined) this.brick.guardChange(call);
    await this.#apply(inode, member, { xattrop: wanted.xattrop || undefined, dirty: wanted.dirty || undefined });
    if (created !== undefined) await this.#addName(inode, member, created);
    const reply = await wind();
    const verdict: Verdict =
      reply.dict === null
        ? { xattrop: undefined, dirty: undefined }
        : this.#watch.verdict(reply.dict, args.op === ADD_ARRAY64);
    await this.#apply(inode, member, verdict);
    if (deleted !== undefined) await this.#removeName(inode, deleted);
    const purge = xdata === null || (xdata.number(PURGE) ?? 0) !== 0;
    if (purge && verdict.xattrop === false && inode.type === S_IFDIR) await this.#purgeNames(inode, member);
    return reply;
  }

  async #apply(inode: Inode, member: Membership, verdict: Verdict): Promise<void> {
    for (const index of ['xattrop', 'dirty'] as const) {
      const listed = verdict[index];
      if (listed === undefined || member[index] === listed) continue;
      const place = { folder: index, name: gfidText(inode.gfid) };
      if (listed) {
        if ((await this.#store.add(index, place, inode.lane)) !== 0) continue;
        if (index === 'xattrop') this.#addedOne();
      } else {
        const { errno, existed } = await this.#store.remove(place, inode.lane);
        if (errno !== 0) continue;
        if (existed && index === 'xattrop') this.#removedOne();
      }
      member[index] = listed;
    }
  }

  async #addName(inode: Inode, member: Membership, name: string): Promise<void> {
    if (!isEntryName(name)) throw failure(EINVAL);
    const folder = namesOf(inode);
    if (member['entry-changes'] !== true) {
      const errno = await this.#store.makeFolder(folder, inode.lane);
      if (errno !== 0) throw failure(errno);
      member['entry-changes'] = true;
    }
    const errno = await this.#store.add(ENTRY_CHANGES, { folder: pathOf(folder), name }, inode.lane);
    if (errno !== 0) throw failure(errno);
  }

  async #removeName(inode: Inode, name: string): Promise<void> {
    if (!isEntryName(name)) return;
    await this.#store.remove({ folder: pathOf(namesOf(inode)), name }, inode.lane);
  }

  /** A directory that awaits no healing any more has no names to heal. */
  async #purgeNames(inode: Inode, member: Membership): Promise<void> {
    const folder = namesOf(inode);
    member['entry-changes'] ??= await this.#store.exists(folder, inode.lane);
    if (!member['entry-changes']) return;
    if ((await this.#store.removeFolder(folder, inode.lane)) === 0) member['entry-changes'] = false;
  }
}

/** The folder of the names to heal in a directory. */
const namesOf = (inode: Inode): IndexPlace => ({ folder: ENTRY_CHANGES, name: gfidText(inode.gfid) });

/** The folders are root's alone, as they are on disk. Access control lies below and does not see them. */
function checkAccess(call: Call): void {
  if (call.uid !== 0 && call.pid >= 0) throw failure(EACCES);
}
