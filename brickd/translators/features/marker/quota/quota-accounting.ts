/** The quota part of features/marker: accounts for what directories hold. */
import { background } from '../../../../../mux/base/fault.js';
import { loggerFor } from '../../../../../mux/base/log.js';
import type { Call } from '../../../../../mux/xlator/call.js';
import type { Dict } from '../../../../../mux/xlator/dict.js';
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type * as fops from '../../../../../mux/xlator/fops.js';
import type { FopName, MaybePromise } from '../../../../../mux/xlator/fops.js';
import { isNullGfid } from '../../../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../../../mux/xlator/iatt.js';
import { directoryOf, type Inode } from '../../../../../mux/xlator/inode.js';
import { then } from '../../../../../mux/xlator/maybe-promise.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../../mux/xlator/translator.js';
import { ANCESTRY_DENTRY, REQUEST_LINK_COUNT, RESPONSE_LINK_COUNT } from '../../../../../mux/xlator/xdata-keys.js';
import { EPERM } from '../../../../../native/errno.js';
import { O_TRUNC, S_IFDIR } from '../../../../../native/linux.js';
import { copyDict } from '../../../copy-dict.js';
import type { Options } from '../options.js';
import { Accounting } from './accounting.js';
import { cleanUp } from './cleanup.js';
import { isLinktoMode } from './figures.js';
import { shown, storedKeys, storedName } from './key-versions.js';
import { CLEANUP, DIRTY, DONT_ACCOUNT, linksKey, QuotaNames, SIZE } from './quota-xattrs.js';

/** Fops that are also intercepted while quota is off, if it was ever on: they show, set and remove its xattrs. */
const WITH_XATTRS: ReadonlySet<FopName> = new Set(['lookup', 'readdirp', 'getxattr', 'setxattr', 'removexattr']);

/** Quota was enabled on a running brick: fops that were in progress have ended by then, of which the accounting knows nothing. */
const FOPS_END_MS = 1000;

export class QuotaAccounting extends Translator<Options> {
  #names: QuotaNames;
  /** Null: quota is off. */
  #accounting: Accounting | null = null;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#names = new QuotaNames(init.options['quota-version']);
  }

  // --- life cycle --------------------------------------------------------------------------------------------------

  override async init(): Promise<void> {
    this.#start(0);
  }

  override async reconfigure(options: Options): Promise<void> {
    const before = this.options;
    this.options = options;
    if (before.quota === options.quota && before['quota-version'] === options['quota-version']) return;
    await this.#accounting?.end();
    this.#accounting = null;
    this.#names = new QuotaNames(options['quota-version']);
    this.#start(FOPS_END_MS);
  }

  /** countMs: until directories that need it are counted. */
  #start(countMs: number): void {
    if (!this.options.quota) return;
    const accounting = new Accounting(this, this.#names);
    this.#accounting = accounting;
    this.brick.timer(countMs, false, () =>
      background(accounting.start(), loggerFor(this.name), 'starting the accounting of quota'),
    );
  }

  override async fini(): Promise<void> {
    await this.#accounting?.end();
    this.#accounting = null;
  }

  override wants(fop: FopName): boolean {
    return this.options.quota || (this.options['quota-version'] > 0 && WITH_XATTRS.has(fop));
  }

  override dump(): DumpSection[] {
    const accounting = this.#accounting;
    if (accounting === null) return [];
    const { settling, recounts } = accounting;
    const lines = [
      `quota.settling=${settling.waiting}`,
      `quota.recounts_waiting=${recounts.waiting}`,
      `quota.recounts_done=${recounts.done}`,
    ];
    return [{ title: `${this.name}.quota`, lines }];
  }

  // --- what changes a file ------------------------------------------------------------------------------------------

  writev(call: Call, args: fops.WriteArgs): MaybePromise<fops.WriteReply> {
    this.#accounting?.settling.expectChange(args.fd.inode);
    return this.#touching(args.fd.inode, this.next.writev(call, args));
  }
  truncate(call: Call, args: fops.TruncateArgs): MaybePromise<fops.PrePostReply> {
    this.#accounting?.settling.expectChange(args.inode);
    return this.#touching(args.inode, this.next.truncate(call, args));
  }
  ftruncate(call: Call, args: fops.FtruncateArgs): MaybePromise<fops.PrePostReply> {
    this.#accounting?.settling.expectChange(args.fd.inode);
    return this.#touching(args.fd.inode, this.next.ftruncate(call, args));
  }
  fallocate(call: Call, args: fops.FallocateArgs): MaybePromise<fops.PrePostReply> {
    this.#accounting?.settling.expectChange(args.fd.inode);
    return this.#touching(args.fd.inode, this.next.fallocate(call, args));
  }
  discard(call: Call, args: fops.RangeArgs): MaybePromise<fops.PrePostReply> {
    this.#accounting?.settling.expectChange(args.fd.inode);
    return this.#touching(args.fd.inode, this.next.discard(call, args));
  }
  zerofill(call: Call, args: fops.RangeArgs): MaybePromise<fops.PrePostReply> {
    this.#accounting?.settling.expectChange(args.fd.inode);
    return this.#touching(args.fd.inode, this.next.zerofill(call, args));
  }
  copyFileRange(call: Call, args: fops.CopyFileRangeArgs): MaybePromise<fops.CopyFileRangeReply> {
    this.#accounting?.settling.expectChange(args.fdOut.inode);
    return this.#touching(args.fdOut.inode, this.next.copyFileRange(call, args));
  }
  open(call: Call, args: fops.OpenArgs): MaybePromise<fops.Xdata> {
    const reply = this.next.open(call, args);
    return (args.flags & O_TRUNC) === 0 ? reply : this.#touching(args.inode, reply);
  }

  #touching<R>(inode: Inode, reply: MaybePromise<R>): MaybePromise<R> {
    return then(reply, (r) => {
      this.#accounting?.settling.touch(inode);
      return r;
    });
  }

  setattr(call: Call, args: fops.SetattrArgs): MaybePromise<fops.PrePostReply> {
    return this.#modeSet(args.inode, this.next.setattr(call, args));
  }
  fsetattr(call: Call, args: fops.FsetattrArgs): MaybePromise<fops.PrePostReply> {
    return this.#modeSet(args.fd.inode, this.next.fsetattr(call, args));
  }

  /** The end of a migration makes a file of a pointer, or the reverse. */
  #modeSet(inode: Inode, reply: MaybePromise<fops.PrePostReply>): MaybePromise<fops.PrePostReply> {
    return then(reply, (r) => {
      if (r.pre.isRegular && isLinktoMode(r.pre.mode) !== isLinktoMode(r.post.mode)) {
        this.#accounting?.settling.touch(inode);
      }
      return r;
    });
  }

  // --- new entries --------------------------------------------------------------------------------------------------

  create(call: Call, args: fops.CreateArgs): MaybePromise<fops.CreateReply> {
    return this.#making(directoryOf(args.loc), () => this.next.create(call, args));
  }
  mknod(call: Call, args: fops.MknodArgs): MaybePromise<fops.EntryReply> {
    return this.#making(directoryOf(args.loc), () => this.next.mknod(call, args));
  }
  symlink(call: Call, args: fops.SymlinkArgs): MaybePromise<fops.EntryReply> {
    return this.#making(directoryOf(args.loc), () => this.next.symlink(call, args));
  }
  link(call: Call, args: fops.LinkArgs): MaybePromise<fops.EntryReply> {
    const wind = (): MaybePromise<fops.EntryReply> => this.next.link(call, args);
    return args.xdata?.has(DONT_ACCOUNT) === true ? wind() : this.#making(directoryOf(args.newLoc), wind);
  }
  mkdir(call: Call, args: fops.MkdirArgs): MaybePromise<fops.EntryReply> {
    return this.#making(directoryOf(args.loc), () => this.next.mkdir(call, args), true);
  }

  #making<R extends fops.EntryReply>(directory: Inode, wind: () => MaybePromise<R>, made = false): MaybePromise<R> {
    this.#accounting?.settling.expect(directory);
    return then(wind(), (r) => {
      this.#accounting?.settling.touchIn(directory, r.stat, made);
      return this.#flagged(directory, r);
    });
  }

  /** A reply that waits, if need be, until a crash would have the directory counted again. */
  #flagged<R>(directory: Inode, reply: R): MaybePromise<R> {
    const setting = this.#accounting?.settling.accounts.flagged(directory) ?? null;
    return setting === null ? reply : setting.then(() => reply);
  }

  // --- removal and renaming -----------------------------------------------------------------------------------------

  unlink(call: Call, args: fops.UnlinkArgs): MaybePromise<fops.RemoveReply> {
    const { inode } = args.loc;
    const wind = (): MaybePromise<fops.RemoveReply> =>
      this.next.unlink(call, { ...args, xdata: countingLinks(args.xdata) });
    if (this.#accounting === null || inode === null) return wind();
    return this.#accounting.removals.removing(inode, directoryOf(args.loc), wind, wasLast);
  }
  rmdir(call: Call, args: fops.RmdirArgs): MaybePromise<fops.RemoveReply> {
    const { inode } = args.loc;
    const wind = (): MaybePromise<fops.RemoveReply> => this.next.rmdir(call, args);
    if (this.#accounting === null || inode === null) return wind();
    return this.#accounting.removals.removing(inode, directoryOf(args.loc), wind, () => true);
  }
  rename(call: Call, args: fops.RenameArgs): MaybePromise<fops.RenameReply> {
    const { inode: moved } = args.oldLoc;
    const { inode: victim } = args.newLoc;
    const accounting = this.#accounting;
    if (accounting === null || moved === null) return this.next.rename(call, args);
    const from = directoryOf(args.oldLoc);
    const to = directoryOf(args.newLoc);
    accounting.settling.expect(to);
    const wind = (): MaybePromise<fops.RenameReply> =>
      accounting.removals.moving(moved, from, to, () =>
        this.next.rename(call, { ...args, xdata: countingLinks(args.xdata) }),
      );
    const isLast = victim?.type === S_IFDIR ? () => true : wasLast;
    const renamed =
      victim === null || victim === moved ? wind() : accounting.removals.removing(victim, to, wind, isLast);
    return then(renamed, (reply) => then(this.#flagged(from, reply), (r) => this.#flagged(to, r)));
  }

  // --- lookups -----------------------------------------------------------------------------------------------------

  lookup(call: Call, args: fops.LookupArgs): MaybePromise<fops.LookupReply> {
    const asked = args.xdata;
    const { inode, parent } = args.loc;
    const checking =
      this.#accounting !== null && parent !== null && !(inode !== null && this.#accounting.isChecked(inode));
    const stored = asked === null ? null : storedKeys(this.#names, asked);
    const xdata = checking ? this.#checkKeys(stored, parent).setInt(linksKey(parent.gfid), 0) : stored;
    const down = xdata === asked ? args : { ...args, xdata };
    return then(this.#ready(asked), () =>
      then(this.next.lookup(call, down), (r) => {
        if (checking) this.#check(parent, r.stat, r.xdata, r.xdata?.has(linksKey(parent.gfid)) !== true);
        return asked === null ? { ...r, xdata: null } : this.#shown(r);
      }),
    );
  }

  /** Waits until sizes are up to date where one is asked for. */
  #ready(asked: Dict | null): MaybePromise<void> {
    if (this.#accounting !== null && asked?.has(SIZE) === true) return this.#accounting.settled();
  }

  #checkKeys(xdata: Dict | null, parent: Inode): Dict {
    const names = this.#names;
    return copyDict(xdata).setInt(names.contribution(parent.gfid), 0).setInt(names.size, 0).setInt(DIRTY, 0);
  }

  /** grows: storage adds an xattr to the file, which may take a block. */
  #check(parent: Inode | null, stat: Iatt, answer: Dict | null, grows = false): void {
    const accounting = this.#accounting;
    if (accounting === null || parent === null || isNullGfid(stat.gfid)) return;
    accounting.check(parent, stat, answer, grows);
    accounting.checked(this.brick.adoptInode(stat.gfid, stat.mode));
  }

  #shown<R extends fops.Xdata>(reply: R): R {
    if (reply.xdata === null) return reply;
    const xdata = shown(this.#names, reply.xdata, this.options.quota);
    return xdata === reply.xdata ? reply : { ...reply, xdata };
  }

  readdirp(call: Call, args: fops.ReaddirArgs): MaybePromise<fops.ReaddirReply> {
    const asked = args.xdata;
    const { inode } = args.fd;
    const names = this.#names;
    const accounting = asked?.has(ANCESTRY_DENTRY) === true ? null : this.#accounting;
    const checking = accounting !== null && !accounting.isListed(inode);
    const xdata = asked === null ? null : storedKeys(names, asked);
    const down = checking ? { ...args, xdata: this.#checkKeys(xdata, inode) } : { ...args, xdata };
    return then(this.#ready(asked), () =>
      then(this.next.readdirp(call, down), (reply) => {
        for (const entry of reply.entries) {
          if (entry.dict === null) continue;
          if (checking && isCheckable(entry)) accounting.check(inode, entry.stat, entry.dict, false);
          entry.dict = asked === null ? null : shown(names, entry.dict, this.options.quota);
        }
        if (checking && reply.errno !== 0) accounting.listed(inode);
        return reply;
      }),
    );
  }

  // --- xattrs -------------------------------------------------------------------------------------------------------

  getxattr(call: Call, args: fops.GetxattrArgs): MaybePromise<fops.DictReply> {
    const name = storedName(this.#names, args.name);
    const wait = args.name === SIZE ? this.#accounting?.settled() : undefined;
    return then(wait, () =>
      then(this.next.getxattr(call, name === args.name ? args : { ...args, name }), (reply) => {
        const { dict } = reply;
        if (dict === null) return reply;
        if (args.name === '') return { ...reply, dict: shown(this.#names, dict, this.options.quota) };
        const value = name === args.name ? undefined : dict.get(name);
        return value === undefined ? reply : { ...reply, dict: copyDict(dict).set(args.name, value) };
      }),
    );
  }

  setxattr(call: Call, args: fops.SetxattrArgs): MaybePromise<fops.Xdata> {
    if (args.dict.has(CLEANUP)) {
      if (call.uid !== 0 || call.gid !== 0) throw failure(EPERM);
      return cleanUp(this, call, args.inode, this.options.quota ? this.#names : null);
    }
    const dict = storedKeys(this.#names, args.dict);
    return this.next.setxattr(call, dict === args.dict ? args : { ...args, dict });
  }

  removexattr(call: Call, args: fops.RemovexattrArgs): MaybePromise<fops.Xdata> {
    const name = storedName(this.#names, args.name);
    return this.next.removexattr(call, name === args.name ? args : { ...args, name });
  }
}

const isCheckable = ({ name, stat }: fops.DirEntry): boolean =>
  name !== '.' && name !== '..' && stat !== NO_IATT && !isNullGfid(stat.gfid);

/** xdata that asks how many names a file had before one was taken away. */
function countingLinks(xdata: Dict | null): Dict {
  return copyDict(xdata).setInt(REQUEST_LINK_COUNT, 1);
}

const wasLast = (reply: fops.Xdata): boolean => reply.xdata?.number(RESPONSE_LINK_COUNT) === 1;
