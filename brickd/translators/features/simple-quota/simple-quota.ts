/**
 * features/simple-quota: limits on the space that namespaces take. The brick counts what it holds of each namespace by the
 * blocks that fops add and remove, and keeps that in an xattr of the namespace's root. A helper adds up what all bricks hold
 * and tells them the total.
 */

import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { ClientPid } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
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
import { directoryOf, type Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { attempt, then } from '../../../../mux/xlator/maybe-promise.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { FILE_BLOCK_COUNT, REQUEST_LINK_COUNT } from '../../../../mux/xlator/xdata-keys.js';
import { EDQUOT } from '../../../../native/errno.js';
import { O_TRUNC, S_IFDIR } from '../../../../native/linux.js';
import { copyDict } from '../../copy-dict.js';
import { BlockCounts } from './block-counts.js';
import { NamespaceUsages } from './namespace-usages.js';
import type { Options } from './options.js';
import { QuotaCommands } from './quota-commands.js';
import { ADD_UP } from './quota-xattrs.js';
import type { Usage } from './usage.js';

/** What a new file or directory is expected to take at least. */
const NEW_ENTRY = 4096;

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
  readonly #usages: NamespaceUsages;
  readonly #blocks: BlockCounts;
  readonly #commands: QuotaCommands;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    const log = loggerFor(init.name);
    this.#log = log;
    this.#usages = new NamespaceUsages(this, log);
    this.#blocks = new BlockCounts(this.#usages, init.slot);
    this.#commands = new QuotaCommands(this, this.#usages, log);
  }

  override wants(fop: FopName): boolean {
    if (this.options['pass-through']) return false;
    return !this.options['use-backend'] || WITH_BACKEND.has(fop);
  }

  override async reconfigure(options: Options): Promise<void> {
    const counted = !this.options['pass-through'] && !this.options['use-backend'];
    this.options = options;
    if (counted && (options['pass-through'] || options['use-backend'])) await this.#usages.storeAll();
  }

  override async fini(): Promise<void> {
    await this.#usages.end();
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override dump(): DumpSection[] {
    return [...this.#usages.known()].map((u) => ({
      title: `features/simple-quota.${this.name}.${gfidText(u.gfid)}`,
      lines: [
        `limit=${u.limit}`,
        `used=${u.used}`,
        `total=${u.total}`,
        `stored=${u.stored}`,
        `reserved=${u.reserved}`,
        `waiting=${u.waiting}`,
        `enforced=${Number(this.#commands.enforced)}`,
      ],
    }));
  }

  // --- counting -----------------------------------------------------------------------------------------------------

  #made<R extends EntryReply>(parent: Inode, wind: () => MaybePromise<R>): MaybePromise<R> {
    return then(this.#usages.of(parent), (usage) =>
      then(wind(), (reply) => {
        this.#blocks.made(usage, reply.stat);
        return reply;
      }),
    );
  }

  /** Runs a fop that may take so much space; EDQUOT where that would exceed the limit. count: notes what it has taken. */
  #within<R>(usage: Usage, bytes: number, wind: () => MaybePromise<R>, count: (reply: R) => void): MaybePromise<R> {
    return then(usage.reserve(bytes, this.#commands.enforced), (granted) => {
      if (!granted) throw failure(EDQUOT);
      return holding(usage, bytes, wind, count);
    });
  }

  #range<R extends PrePostReply>(inode: Inode, bytes: number, wind: () => MaybePromise<R>): MaybePromise<R> {
    return then(this.#usages.of(inode), (usage) =>
      this.#within(usage, bytes, wind, (reply) => this.#blocks.changed(usage, inode, reply.pre, reply.post)),
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
    return then(this.#usages.of(inode), (usage) =>
      then(wind(), (reply) => {
        this.#blocks.changed(usage, inode, reply.pre, reply.post);
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
    const usage = await this.#usages.of(inode);
    const { stat: pre } = await this.next.stat(call, { inode, xdata: null });
    const reply = await wind();
    try {
      const { stat: post } = await this.next.stat(call, { inode, xdata: null });
      this.#blocks.changed(usage, inode, pre, post);
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      this.#log.warning(0, `${pathOf(inode)}: how much it holds could not be read after it was opened`, error.errno);
    }
    return reply;
  }

  create(call: Call, args: CreateArgs): MaybePromise<CreateReply> {
    const { inode } = args.loc;
    return then(this.#usages.of(directoryOf(args.loc)), (usage) =>
      this.#within(
        usage,
        NEW_ENTRY,
        () => {
          const wind = (): MaybePromise<CreateReply> => this.next.create(call, args);
          return inode !== null && (args.flags & O_TRUNC) !== 0 ? this.#emptying(call, inode, wind) : wind();
        },
        ({ stat }) => {
          // A file that holds something was there already.
          if (inode === null && stat.size === 0) this.#blocks.madeEmpty(usage);
        },
      ),
    );
  }
  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    return then(this.#usages.of(directoryOf(args.loc)), (usage) =>
      this.#within(
        usage,
        NEW_ENTRY,
        () => this.next.mkdir(call, args),
        () => {},
      ),
    );
  }
  mknod(call: Call, args: MknodArgs): MaybePromise<EntryReply> {
    return this.#made(directoryOf(args.loc), () => this.next.mknod(call, args));
  }
  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply> {
    return this.#made(directoryOf(args.loc), () => this.next.symlink(call, args));
  }

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    const { inode } = args.loc;
    return then(this.#usages.of(directoryOf(args.loc)), (usage) =>
      then(this.next.unlink(call, { ...args, xdata: countingLinks(args.xdata) }), (reply) => {
        this.#blocks.removed(usage, inode, reply);
        return reply;
      }),
    );
  }
  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    const { inode } = args.newLoc;
    // Directories that are replaced count nothing, as others do.
    if (inode === null || inode.type === S_IFDIR) return this.next.rename(call, args);
    return then(this.#usages.of(directoryOf(args.newLoc)), (usage) =>
      then(this.next.rename(call, { ...args, xdata: countingLinks(args.xdata) }), (reply) => {
        this.#blocks.removed(usage, inode, reply);
        return reply;
      }),
    );
  }
  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    const { inode } = args.loc;
    return then(this.next.rmdir(call, args), (reply) => {
      if (inode !== null && this.#usages.get(inode.key) !== undefined) this.#usages.drop(inode.key);
      return reply;
    });
  }

  // --- what is told -------------------------------------------------------------------------------------------------

  statfs(call: Call, args: InodeArgs): MaybePromise<StatfsReply> {
    return then(this.#usages.of(args.inode), (usage) => {
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
    return this.#usages.store(usage).then(() => told);
  }

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    return this.#commands.set(call, args.inode, args.dict, () => this.next.setxattr(call, args));
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    return this.#commands.set(call, args.fd.inode, args.dict, () => this.next.fsetxattr(call, args));
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    return this.#commands.remove(args.inode, args.name, () => this.next.removexattr(call, args));
  }
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    return this.#commands.remove(args.fd.inode, args.name, () => this.next.fremovexattr(call, args));
  }
}

/** Winds a fop for which space is reserved, and counts what it takes before that is released. */
function holding<R>(
  usage: Usage,
  bytes: number,
  wind: () => MaybePromise<R>,
  count: (reply: R) => void,
): MaybePromise<R> {
  return attempt(
    wind,
    (reply) => {
      count(reply);
      usage.release(bytes);
      return reply;
    },
    (error) => {
      usage.release(bytes);
      throw error;
    },
  );
}

/** xdata that asks how many names a file had before one was taken away, and how many blocks. */
function countingLinks(xdata: Dict | null): Dict {
  return copyDict(xdata).setUint(REQUEST_LINK_COUNT, 1).setUint(FILE_BLOCK_COUNT, 1);
}
