/**
 * features/simple-quota: limits on the space that namespaces take. The brick counts what it holds of each namespace by the
 * blocks that fops add and remove, and keeps that in an xattr of the namespace's root. A helper adds up what all bricks hold
 * and tells them the total.
 */

import { background } from '../../../../mux/base/fault.js';
import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { ClientPid } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../../mux/xlator/fop-error.js';
import type {
  CopyFileRangeArgs,
  CopyFileRangeReply,
  CreateArgs,
  CreateReply,
  EntryReply,
  FallocateArgs,
  FopName,
  FremovexattrArgs,
  FsetxattrArgs,
  FtruncateArgs,
  InodeArgs,
  MaybePromise,
  MkdirArgs,
  MknodArgs,
  OpenArgs,
  PrePostReply,
  RangeArgs,
  RemoveReply,
  RemovexattrArgs,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SetxattrArgs,
  StatfsReply,
  SymlinkArgs,
  TruncateArgs,
  UnlinkArgs,
  WriteArgs,
  WriteReply,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { FILE_BLOCK_COUNT, REQUEST_LINK_COUNT, RESPONSE_LINK_COUNT } from '../../../../mux/xlator/xdata-keys.js';
import { EDQUOT, EINVAL, ENODATA, ENOENT, EPERM, ESTALE } from '../../../../native/errno.js';
import { O_TRUNC, S_IFDIR } from '../../../../native/linux.js';
import { copyDict } from '../../copy-dict.js';
import type { Options } from './options.js';
import { Usage } from './usage.js';

const LIMIT = 'trusted.gfs.squota.limit';
const SIZE = 'trusted.gfs.squota.size';
const NAMESPACE = 'trusted.glusterfs.namespace';
const TOTAL_USAGE = 'glusterfs.quota.total-usage';
const RESET = 'glusterfs.quota.reset';
const DISABLE_CHECK = 'glusterfs.quota.disable-check';
/** Tells distribute to add up what bricks report. */
const ADD_UP = 'simple-quota';

const BLOCK = 512;
/** A new file counts as a block, whatever it holds. */
const ENTRY = BLOCK;
/** What a new file or directory is expected to take at least. */
const NEW_ENTRY = 4096;
/** In place of a file's blocks: it has lost its last name, and nothing that happens to it counts any more. */
const UNLINKED = -1;
/** Changes are on disk this long after they were counted: what a crash loses is bounded. */
const STORE_MS = 5000;
/** How long the end of the brick waits for them. */
const LAST_STORE_MS = 5000;

/** What is left to do where the file system's own quota counts. */
const WITH_BACKEND: ReadonlySet<FopName> = new Set([
  'statfs',
  'setxattr',
  'fsetxattr',
  'removexattr',
  'fremovexattr',
  'rmdir',
]);

export class SimpleQuotaTranslator extends Translator<Options> {
  readonly #log: Logger;
  readonly #usages = new Map<string, Usage>();
  readonly #loading = new Map<string, Promise<Usage>>();
  #enforced = true;
  #ending = false;
  /** Cancels the next write of what was counted; null: nothing is to be written. */
  #due: (() => void) | null = null;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
  }

  override wants(fop: FopName): boolean {
    if (this.options['pass-through']) return false;
    return !this.options['use-backend'] || WITH_BACKEND.has(fop);
  }

  override async reconfigure(options: Options): Promise<void> {
    const counted = !this.options['pass-through'] && !this.options['use-backend'];
    this.options = options;
    if (counted && (options['pass-through'] || options['use-backend'])) await this.#storeAll();
  }

  override async fini(): Promise<void> {
    this.#ending = true;
    this.#due?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#log.warning(0, `${this.brick.name}: the usage of namespaces is not on disk yet: not waited for`);
        resolve();
      }, LAST_STORE_MS);
    });
    await Promise.race([this.#storeAll(), late]);
    clearTimeout(timer);
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override dump(): DumpSection[] {
    return [...this.#usages.values()].map((u) => ({
      title: `features/simple-quota.${this.name}.${gfidText(u.gfid)}`,
      lines: [
        `limit=${u.limit}`,
        `used=${u.used}`,
        `total=${u.total}`,
        `stored=${u.stored}`,
        `reserved=${u.reserved}`,
        `waiting=${u.waiting}`,
        `enforced=${Number(this.#enforced)}`,
      ],
    }));
  }

  // --- namespaces ---------------------------------------------------------------------------------------------------

  /** The usage of the namespace that a file is in. */
  #usageOf(inode: Inode): MaybePromise<Usage> {
    const known = inode.namespace?.ctx[this.slot];
    if (known instanceof Usage) return known;
    return then(this.brick.namespaceOf(inode), (namespace) => this.#usageAt(namespace));
  }

  /** The usage of the namespace with that root. */
  #usageAt(namespace: Inode): MaybePromise<Usage> {
    // The table may have dropped the inode and made it anew.
    const known = this.#usages.get(namespace.key);
    if (known !== undefined) {
      namespace.ctx[this.slot] = known;
      return known;
    }
    let loading = this.#loading.get(namespace.key);
    if (loading === undefined) {
      loading = this.#load(namespace).finally(() => this.#loading.delete(namespace.key));
      this.#loading.set(namespace.key, loading);
    }
    return loading;
  }

  async #load(namespace: Inode): Promise<Usage> {
    const size = (await this.#read(namespace, SIZE)) ?? 0;
    const limit = (await this.#read(namespace, LIMIT)) ?? 0;
    const usage = new Usage(namespace.gfid, namespace.key, size, limit);
    this.#usages.set(namespace.key, usage);
    namespace.ctx[this.slot] = usage;
    return usage;
  }

  /** A number from an xattr; undefined if there is none. */
  async #read(inode: Inode, name: string): Promise<number | undefined> {
    return this.#asBrick(inode, async (call) => {
      try {
        const { dict } = await this.next.getxattr(call, { inode, name, xdata: null });
        return dict?.number(name);
      } catch (error) {
        if (error instanceof FopError && NOTHING.has(error.errno)) return undefined;
        throw error;
      }
    });
  }

  async #asBrick<R>(inode: Inode, run: (call: Call) => Promise<R>): Promise<R> {
    const call = this.brick.ownCall();
    call.hold(inode);
    try {
      return await run(call);
    } finally {
      call.end(() => {});
    }
  }

  // --- what was counted, on disk ------------------------------------------------------------------------------------

  #charge(usage: Usage, bytes: number): void {
    if (bytes === 0) return;
    usage.charge(bytes);
    this.#storeSoon();
  }

  #storeSoon(): void {
    if (this.#ending) return;
    this.#due ??= this.brick.timer(STORE_MS, false, () => {
      this.#due = null;
      background(this.#storeAll(), this.#log, 'writing the sizes of namespaces');
    });
  }

  /** Never rejects: what could not be written is tried again. */
  async #storeAll(): Promise<void> {
    for (const usage of this.#usages.values()) await this.#store(usage);
  }

  /** Has the xattr say what is used now. */
  async #store(usage: Usage): Promise<void> {
    if (usage.storing !== null) await usage.storing;
    if (usage.stored === usage.used) return;
    usage.storing ??= this.#write(usage).finally(() => {
      usage.storing = null;
    });
    await usage.storing;
  }

  async #write(usage: Usage): Promise<void> {
    const { used } = usage;
    const inode = this.brick.adoptInode(usage.gfid, S_IFDIR);
    try {
      await this.#asBrick(inode, async (call) => {
        await this.next.setxattr(call, { inode, dict: new Dict().setInt(SIZE, used), flags: 0, xdata: null });
      });
      usage.stored = used;
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      if (GONE.has(error.errno)) {
        this.#drop(usage.key);
        return;
      }
      const what = `the usage of namespace ${gfidText(usage.gfid)}, ${used} bytes`;
      this.#log.error(0, `${this.brick.name}: ${what}, could not be written`, error.errno);
      this.#storeSoon();
    }
  }

  #drop(key: string): void {
    this.#usages.delete(key);
    const inode = this.brick.findInode(key);
    if (inode !== undefined) inode.ctx[this.slot] = undefined;
  }

  // --- counting -----------------------------------------------------------------------------------------------------

  /** Counts what a fop has changed in a file's blocks, from those that were last counted or else those before it. */
  #changed(usage: Usage, inode: Inode, pre: Iatt, post: Iatt): void {
    if (post.mode === 0) return;
    const counted = inode.ctx[this.slot] as number | undefined;
    if (counted === UNLINKED) return;
    inode.ctx[this.slot] = post.blocks;
    const before = counted ?? (pre.mode === 0 ? post.blocks : pre.blocks);
    this.#charge(usage, (post.blocks - before) * BLOCK);
  }

  /** Counts a file that has lost its last name: reply tells whether it has. */
  #removed(usage: Usage, inode: Inode | null, reply: Xdata): void {
    if (reply.xdata?.number(RESPONSE_LINK_COUNT) !== 1) return;
    const counted = inode?.ctx[this.slot] as number | undefined;
    if (counted === UNLINKED) return;
    const blocks = counted ?? reply.xdata.number(FILE_BLOCK_COUNT) ?? 0;
    if (inode !== null) inode.ctx[this.slot] = UNLINKED;
    this.#charge(usage, -(blocks * BLOCK + ENTRY));
  }

  #made<R extends EntryReply>(parent: Inode, wind: () => MaybePromise<R>): MaybePromise<R> {
    return then(this.#usageOf(parent), (usage) =>
      then(wind(), (reply) => {
        this.#charge(usage, reply.stat.blocks * BLOCK + ENTRY);
        return reply;
      }),
    );
  }

  /** Runs a fop that may take so much space; EDQUOT where that would exceed the limit. count: notes what it has taken. */
  #within<R>(usage: Usage, bytes: number, wind: () => MaybePromise<R>, count: (reply: R) => void): MaybePromise<R> {
    return then(usage.reserve(bytes, this.#enforced), (granted) => {
      if (!granted) throw failure(EDQUOT);
      return holding(usage, bytes, wind, count);
    });
  }

  #range<R extends PrePostReply>(inode: Inode, bytes: number, wind: () => MaybePromise<R>): MaybePromise<R> {
    return then(this.#usageOf(inode), (usage) =>
      this.#within(usage, bytes, wind, (reply) => this.#changed(usage, inode, reply.pre, reply.post)),
    );
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    return this.#range(args.fd.inode, args.size, () => this.next.writev(call, args));
  }
  fallocate(call: Call, args: FallocateArgs): MaybePromise<PrePostReply> {
    return this.#range(args.fd.inode, args.length, () => this.next.fallocate(call, args));
  }
  zerofill(call: Call, args: RangeArgs): MaybePromise<PrePostReply> {
    return this.#range(args.fd.inode, args.length, () => this.next.zerofill(call, args));
  }
  copyFileRange(call: Call, args: CopyFileRangeArgs): MaybePromise<CopyFileRangeReply> {
    return this.#range(args.fdOut.inode, args.size, () => this.next.copyFileRange(call, args));
  }
  // These take no space: they are never refused.
  discard(call: Call, args: RangeArgs): MaybePromise<PrePostReply> {
    return this.#freed(args.fd.inode, () => this.next.discard(call, args));
  }
  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    return this.#freed(args.inode, () => this.next.truncate(call, args));
  }
  ftruncate(call: Call, args: FtruncateArgs): MaybePromise<PrePostReply> {
    return this.#freed(args.fd.inode, () => this.next.ftruncate(call, args));
  }

  #freed(inode: Inode, wind: () => MaybePromise<PrePostReply>): MaybePromise<PrePostReply> {
    return then(this.#usageOf(inode), (usage) =>
      then(wind(), (reply) => {
        this.#changed(usage, inode, reply.pre, reply.post);
        return reply;
      }),
    );
  }

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if ((args.flags & O_TRUNC) === 0) return this.next.open(call, args);
    return this.#emptying(call, args.inode, () => this.next.open(call, args));
  }

  /** A fop that may empty a file and does not say what the file held. */
  async #emptying<R>(call: Call, inode: Inode, wind: () => MaybePromise<R>): Promise<R> {
    const usage = await this.#usageOf(inode);
    const { stat: pre } = await this.next.stat(call, { inode, xdata: null });
    const reply = await wind();
    try {
      const { stat: post } = await this.next.stat(call, { inode, xdata: null });
      this.#changed(usage, inode, pre, post);
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      this.#log.warning(0, `${pathOf(inode)}: how much it holds could not be read after it was opened`, error.errno);
    }
    return reply;
  }

  create(call: Call, args: CreateArgs): MaybePromise<CreateReply> {
    const { inode, parent } = args.loc;
    return then(this.#usageOf(parent!), (usage) =>
      this.#within(
        usage,
        NEW_ENTRY,
        () => {
          const wind = (): MaybePromise<CreateReply> => this.next.create(call, args);
          return inode !== null && (args.flags & O_TRUNC) !== 0 ? this.#emptying(call, inode, wind) : wind();
        },
        ({ stat }) => {
          // A file that holds something was there already.
          if (inode === null && stat.size === 0) this.#charge(usage, ENTRY);
        },
      ),
    );
  }
  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    return then(this.#usageOf(args.loc.parent!), (usage) =>
      this.#within(
        usage,
        NEW_ENTRY,
        () => this.next.mkdir(call, args),
        () => {},
      ),
    );
  }
  mknod(call: Call, args: MknodArgs): MaybePromise<EntryReply> {
    return this.#made(args.loc.parent!, () => this.next.mknod(call, args));
  }
  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply> {
    return this.#made(args.loc.parent!, () => this.next.symlink(call, args));
  }

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    const { inode, parent } = args.loc;
    return then(this.#usageOf(parent!), (usage) =>
      then(this.next.unlink(call, { ...args, xdata: countingLinks(args.xdata) }), (reply) => {
        this.#removed(usage, inode, reply);
        return reply;
      }),
    );
  }
  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    const { inode, parent } = args.newLoc;
    // Directories that are replaced count nothing, as others do.
    if (inode === null || inode.type === S_IFDIR) return this.next.rename(call, args);
    return then(this.#usageOf(parent!), (usage) =>
      then(this.next.rename(call, { ...args, xdata: countingLinks(args.xdata) }), (reply) => {
        this.#removed(usage, inode, reply);
        return reply;
      }),
    );
  }
  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    const { inode } = args.loc;
    return then(this.next.rmdir(call, args), (reply) => {
      if (inode !== null && this.#usages.has(inode.key)) this.#drop(inode.key);
      return reply;
    });
  }

  // --- what is told -------------------------------------------------------------------------------------------------

  statfs(call: Call, args: InodeArgs): MaybePromise<StatfsReply> {
    return then(this.#usageOf(args.inode), (usage) => {
      const reply = this.next.statfs(call, args);
      return usage.limit === 0 ? reply : then(reply, (r) => this.#statfs(call, usage, r));
    });
  }

  #statfs(call: Call, usage: Usage, reply: StatfsReply): MaybePromise<StatfsReply> {
    const xdata = copyDict(reply.xdata).setInt(ADD_UP, 1);
    if (this.options['use-backend']) return { ...reply, xdata };
    const { bsize } = reply;
    const blocks = Math.floor(usage.limit / bsize) + 1;
    const bfree = Math.max(blocks - Math.floor(usage.used / bsize), 0);
    const told = { ...reply, blocks, bfree, bavail: bfree, xdata };
    if (call.pid !== ClientPid.quotaHelper && !this.options['cmd-from-all-client']) return told;
    usage.ask();
    return this.#store(usage).then(() => told);
  }

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    return this.#set(call, args.inode, args.dict, () => this.next.setxattr(call, args));
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    return this.#set(call, args.fd.inode, args.dict, () => this.next.fsetxattr(call, args));
  }

  #set(call: Call, inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (COMMANDS.some((key) => dict.has(key))) return this.#command(call, inode, dict);
    if (dict.has(LIMIT)) return this.#setLimit(inode, dict, wind);
    return dict.has(SIZE) ? this.#setSize(inode, dict, wind) : wind();
  }

  /** Keys that are not stored, but tell the brick something. */
  async #command(call: Call, inode: Inode, dict: Dict): Promise<Xdata> {
    // No translator below checks them, as they are no xattrs.
    if (call.uid !== 0 && call.pid >= 0) throw failure(EPERM);
    if (dict.has(DISABLE_CHECK)) {
      this.#enforced = numberOf(dict, DISABLE_CHECK) === 0;
      this.#log.info(0, `${this.brick.name}: limits of namespaces are ${this.#enforced ? '' : 'not '}enforced`);
    }
    if (dict.has(TOTAL_USAGE)) {
      const total = numberOf(dict, TOTAL_USAGE);
      (await this.#usageOfRoot(inode, TOTAL_USAGE)).tell(total);
    }
    if (dict.has(RESET)) {
      const usage = await this.#usageOfRoot(inode, RESET);
      const size = await this.#read(inode, SIZE);
      if (size !== undefined) usage.reset(size);
    }
    return { xdata: null };
  }

  /** The usage of a namespace by its root; EPERM for any other file. */
  async #usageOfRoot(inode: Inode, key: string): Promise<Usage> {
    if ((await this.brick.namespaceOf(inode)).key === inode.key) return this.#usageAt(inode);
    this.#log.warning(0, `${pathOf(inode)} is not the root of a namespace: ${key} is refused`);
    throw failure(EPERM);
  }

  async #setLimit(inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): Promise<Xdata> {
    const limit = numberOf(dict, LIMIT);
    // It becomes a root with this very request.
    const usage = await (dict.has(NAMESPACE) ? this.#usageAt(inode) : this.#usageOfRoot(inode, LIMIT));
    const reply = await wind();
    this.#limited(usage, limit);
    return reply;
  }

  #limited(usage: Usage, limit: number): void {
    usage.setLimit(limit);
    this.#log.info(0, `namespace ${gfidText(usage.gfid)}: limit ${usage.limit || 'none'}, used here ${usage.used}`);
  }

  /** Somebody has counted anew. */
  async #setSize(inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): Promise<Xdata> {
    const size = dict.number(SIZE);
    const isRoot = (await this.brick.namespaceOf(inode)).key === inode.key;
    const reply = await wind();
    if (isRoot && size !== undefined) (await this.#usageAt(inode)).reset(size);
    return reply;
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    return this.#remove(args.inode, args.name, () => this.next.removexattr(call, args));
  }
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    return this.#remove(args.fd.inode, args.name, () => this.next.fremovexattr(call, args));
  }

  #remove(inode: Inode, name: string, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (name !== LIMIT) return wind();
    return then(wind(), (reply) => {
      const usage = this.#usages.get(inode.key);
      if (usage !== undefined) this.#limited(usage, 0);
      return reply;
    });
  }
}

const COMMANDS = [TOTAL_USAGE, RESET, DISABLE_CHECK];
/** An xattr, or its file, does not exist. */
const NOTHING: ReadonlySet<number> = new Set([ENODATA, ENOENT, ESTALE]);
const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE]);

/** Winds a fop for which space is reserved, and counts what it takes before that is released. */
function holding<R>(
  usage: Usage,
  bytes: number,
  wind: () => MaybePromise<R>,
  count: (reply: R) => void,
): MaybePromise<R> {
  const done = (reply: R): R => {
    count(reply);
    usage.release(bytes);
    return reply;
  };
  const failed = (error: unknown): never => {
    usage.release(bytes);
    throw error;
  };
  let reply: MaybePromise<R>;
  try {
    reply = wind();
  } catch (error) {
    return failed(error);
  }
  return reply instanceof Promise ? reply.then(done, failed) : done(reply);
}

/** xdata that asks how many names a file had before one was taken away, and how many blocks. */
function countingLinks(xdata: Dict | null): Dict {
  return copyDict(xdata).setUint(REQUEST_LINK_COUNT, 1).setUint(FILE_BLOCK_COUNT, 1);
}

/** A number of a request; EINVAL where it is none. */
function numberOf(dict: Dict, key: string): number {
  const value = dict.number(key);
  if (value === undefined || !Number.isSafeInteger(value)) throw failure(EINVAL);
  return value;
}
