/**
 * features/quota: refuses what would make directories larger than their limits. It knows the limits (xattrs of directories) and asks
 * quotad what a directory uses in the whole volume; what fops of this brick add meanwhile, it counts itself. The accounting, which
 * writes down what directories use, is features/marker.
 */
import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type {
  CopyFileRangeArgs,
  CopyFileRangeReply,
  CreateArgs,
  CreateReply,
  DictReply,
  EntryReply,
  FallocateArgs,
  FgetxattrArgs,
  FremovexattrArgs,
  FsetxattrArgs,
  GetxattrArgs,
  InodeArgs,
  LinkArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  MkdirArgs,
  MknodArgs,
  PrePostReply,
  RangeArgs,
  RemovexattrArgs,
  RenameArgs,
  RenameReply,
  SetxattrArgs,
  StatfsReply,
  SymlinkArgs,
  WriteArgs,
  WriteReply,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { isNullGfid } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import { directoryOf, type Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import {
  type DumpSection,
  type LayerNumbers,
  Translator,
  type TranslatorInit,
} from '../../../../mux/xlator/translator.js';
import { INTERNAL_CTX, INTERNAL_FOP } from '../../../../mux/xlator/xdata-keys.js';
import { S_IFDIR } from '../../../../native/linux.js';
import { copyDict } from '../../copy-dict.js';
import { Admission, count } from './admission.js';
import { Alerts } from './alerts.js';
import { DirectoryLimit, type QuotaDemand, type Timing } from './directory-limit.js';
import { KnownLimits } from './known-limits.js';
import { dumpLimits, limitNumbers } from './limit-numbers.js';
import { LimitXattrs } from './limit-xattrs.js';
import { LimitsAbove } from './limits-above.js';
import { grownBy, movedUsage } from './moved-usage.js';
import type { Options } from './options.js';
import { askForLimits, type DirectoryLimits, LIMIT_LIST } from './quota-xattrs.js';
import { IGNORE_DEEM_STATFS, limitedStatfs } from './statfs.js';
import { UsageSource } from './usage-source.js';

/** Fops of the server itself and of its helpers are counted, never refused. */
const isInternal = (call: Call): boolean => call.pid < 0;
const isMarked = (xdata: Dict | null): boolean => xdata?.has(INTERNAL_FOP) === true;
/** Bit of {@link INTERNAL_CTX}: a directory is created again on a brick that lacks it. */
const HEALS_DIRECTORY = 1;

const OBJECT: QuotaDemand = { bytes: 0, objects: 1, divisible: false };

const timingOf = (options: Options): Timing => ({
  softTimeoutMs: options['soft-timeout'] * 1000,
  hardTimeoutMs: options['hard-timeout'] * 1000,
  defaultSoftPercent: options['default-soft-limit'],
});

export class QuotaTranslator extends Translator<Options> {
  readonly #log = loggerFor(this.name);
  readonly #source: UsageSource;
  readonly #known: KnownLimits;
  readonly #above: LimitsAbove;
  readonly #admission: Admission;
  readonly #alerts: Alerts;
  readonly #xattrs: LimitXattrs;

  constructor(init: TranslatorInit<Options>, source = new UsageSource(init.options['volume-uuid'] ?? '')) {
    super(init);
    this.#source = source;
    this.#known = new KnownLimits(this, this.#log, (owner, inode, limits) => this.#limit(owner, inode, limits));
    this.#above = new LimitsAbove(this, this.#known);
    this.#admission = new Admission(timingOf(init.options), (limit) => this.#passed(limit));
    this.#alerts = new Alerts(this.#log, init.options['alert-time'] * 1000);
    this.#xattrs = new LimitXattrs(this.#known, this.#log);
  }

  #limit(owner: object, inode: Inode, limits: DirectoryLimits): DirectoryLimit {
    return new DirectoryLimit(owner, inode, limits, () => this.#source.usage(inode.key));
  }

  #passed(limit: DirectoryLimit): void {
    this.#alerts.check(limit, this.#admission.timing, () => pathOf(limit.inode));
  }

  override async init(): Promise<void> {
    if (this.options['server-quota']) this.#source.start();
  }

  override async reconfigure(options: Options): Promise<void> {
    const before = this.options['server-quota'];
    this.options = options;
    this.#admission.timing = timingOf(options);
    this.#alerts.alertMs = options['alert-time'] * 1000;
    this.#admission.enabled = options['server-quota'];
    if (options['server-quota'] === before) return;
    // Limits are not watched while it is off.
    this.#known.clear();
    if (before) await this.#source.stop();
    else this.#source.start();
  }

  override closing(): void {
    this.#source.end();
  }

  override async fini(): Promise<void> {
    await this.#source.stop();
  }

  override wants(): boolean {
    return this.options['server-quota'];
  }

  override forget(inode: Inode): void {
    this.#known.forget(inode);
  }

  override count(numbers: LayerNumbers): void {
    if (!this.options['server-quota']) return;
    numbers.quota = {
      refused: this.#admission.refused,
      questions: this.#source.questions,
      failures: this.#source.failures,
      ...limitNumbers([...this.#known.directories.values()]),
    };
  }

  override dump(): DumpSection[] {
    const o = this.options;
    const lines = [
      `soft-timeout=${o['soft-timeout']}`,
      `hard-timeout=${o['hard-timeout']}`,
      `alert-time=${o['alert-time']}`,
      `quota-on=${Number(o['server-quota'])}`,
      `statfs=${Number(o['deem-statfs'])}`,
      `volume-uuid=${o['volume-uuid'] ?? ''}`,
      `validation-count=${this.#source.questions}`,
      `validation-failures=${this.#source.failures}`,
      `refused=${this.#admission.refused}`,
    ];
    return [{ title: 'xlators.features.quota.priv', lines }, ...dumpLimits(this.#known.directories.values())];
  }

  // --- writes ---------------------------------------------------------------------------------------------------------

  /** Runs a fop that adds bytes to a file. wind: does it, with as many as may be added. */
  #adding<R extends { pre: Iatt; post: Iatt }>(
    call: Call,
    inode: Inode,
    bytes: number,
    divisible: boolean,
    wind: (bytes: number) => MaybePromise<R>,
  ): MaybePromise<R> {
    if (isInternal(call)) return count(this.#above.asKnown(inode), wind(bytes), 0, grownBy);
    return then(this.#above.of(inode), (limits) =>
      limits.length === 0 ? wind(bytes) : this.#admission.run(limits, { bytes, objects: 0, divisible }, wind, grownBy),
    );
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    return this.#adding(call, args.fd.inode, args.size, true, (size) =>
      this.next.writev(call, size === args.size ? args : { ...args, size }),
    );
  }
  fallocate(call: Call, args: FallocateArgs): MaybePromise<PrePostReply> {
    return this.#adding(call, args.fd.inode, args.length, false, () => this.next.fallocate(call, args));
  }
  zerofill(call: Call, args: RangeArgs): MaybePromise<PrePostReply> {
    return this.#adding(call, args.fd.inode, args.length, false, () => this.next.zerofill(call, args));
  }
  copyFileRange(call: Call, args: CopyFileRangeArgs): MaybePromise<CopyFileRangeReply> {
    return this.#adding(call, args.fdOut.inode, args.size, true, (size) =>
      this.next.copyFileRange(call, size === args.size ? args : { ...args, size }),
    );
  }

  // --- entries --------------------------------------------------------------------------------------------------------

  /** Runs a fop that makes something in a directory. exempt: it is counted, never refused. */
  #made<R>(
    call: Call,
    parent: Inode,
    demand: QuotaDemand,
    exempt: boolean,
    wind: () => MaybePromise<R>,
  ): MaybePromise<R> {
    const added = (): number => demand.bytes;
    if (isInternal(call) || exempt) return count(this.#above.asKnown(parent), wind(), demand.objects, added);
    return then(this.#above.of(parent), (limits) =>
      limits.length === 0 ? wind() : this.#admission.run(limits, demand, wind, added),
    );
  }

  create(call: Call, args: CreateArgs): MaybePromise<CreateReply> {
    return this.#made(call, directoryOf(args.loc), OBJECT, isMarked(args.xdata), () => this.next.create(call, args));
  }
  mknod(call: Call, args: MknodArgs): MaybePromise<EntryReply> {
    return this.#made(call, directoryOf(args.loc), OBJECT, isMarked(args.xdata), () => this.next.mknod(call, args));
  }
  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    const heals = ((args.xdata?.bytes(INTERNAL_CTX)?.[0] ?? 0) & HEALS_DIRECTORY) !== 0;
    return this.#made(call, directoryOf(args.loc), OBJECT, heals, () => this.next.mkdir(call, args));
  }
  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply> {
    const demand = { bytes: args.target.length, objects: 1, divisible: false };
    return this.#made(call, directoryOf(args.loc), demand, false, () => this.next.symlink(call, args));
  }

  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    const from = directoryOf(args.oldLoc);
    const to = directoryOf(args.newLoc);
    const moved = args.oldLoc.inode;
    const wind = (): MaybePromise<RenameReply> => this.next.rename(call, args);
    if (from === to || moved === null || isInternal(call)) return wind();
    return this.#above.directories(from).then((until) => this.#moved(call, moved, to, until, wind));
  }

  link(call: Call, args: LinkArgs): MaybePromise<EntryReply> {
    const { inode } = args;
    const to = directoryOf(args.newLoc);
    const wind = (): MaybePromise<EntryReply> => this.next.link(call, args);
    // What is in the directory already is not counted there again.
    if (isInternal(call) || inode.parent === to || inode.aliases?.some(({ parent }) => parent === to)) return wind();
    // A link that Gluster itself makes is the first half of a rename.
    if (!isMarked(args.xdata) || inode.parent === null) return this.#moved(call, inode, to, null, wind);
    return this.#above.directories(inode.parent).then((until) => this.#moved(call, inode, to, until, wind));
  }

  /** Runs a fop that gives a file or directory a name in another directory. until: directories above these hold it already. */
  #moved<R>(
    call: Call,
    inode: Inode,
    to: Inode,
    until: ReadonlySet<Inode> | null,
    wind: () => MaybePromise<R>,
  ): MaybePromise<R> {
    return then(this.#above.of(to, until), (limits) => {
      if (limits.length === 0) return wind();
      const demand = movedUsage(this, call, inode, (directory) => this.#source.usage(directory.key));
      return then(demand, (d) => this.#admission.run(limits, d, wind, () => d.bytes));
    });
  }

  // --- limits ---------------------------------------------------------------------------------------------------------

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const { inode } = args.loc;
    if (inode !== null && inode.type !== S_IFDIR && inode.type !== 0) return this.next.lookup(call, args);
    const xdata = askForLimits(copyDict(args.xdata));
    const { changes } = this.#known;
    return then(this.next.lookup(call, { ...args, xdata }), (reply) => {
      if (reply.stat.isDirectory && !isNullGfid(reply.stat.gfid)) {
        this.#known.noteRead(this.brick.adoptInode(reply.stat.gfid, reply.stat.mode), reply.xdata, changes);
      }
      return reply;
    });
  }

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    if (!isMarked(args.xdata)) this.#xattrs.guard(call, args.inode, args.dict.map.keys());
    return this.#xattrs.set(args.inode, args.dict, this.next.setxattr(call, args));
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    this.#xattrs.guard(call, args.fd.inode, args.dict.map.keys());
    return this.#xattrs.set(args.fd.inode, args.dict, this.next.fsetxattr(call, args));
  }
  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    this.#xattrs.guard(call, args.inode, [args.name]);
    return this.#xattrs.removed(args.inode, args.name, this.next.removexattr(call, args));
  }
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    this.#xattrs.guard(call, args.fd.inode, [args.name]);
    return this.#xattrs.removed(args.fd.inode, args.name, this.next.fremovexattr(call, args));
  }

  // --- what is told ---------------------------------------------------------------------------------------------------

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    return this.#limitText(args.inode, args.name) ?? this.next.getxattr(call, args);
  }
  fgetxattr(call: Call, args: FgetxattrArgs): MaybePromise<DictReply> {
    return this.#limitText(args.fd.inode, args.name) ?? this.next.fgetxattr(call, args);
  }

  /** The answer to a question for a directory's limit as text. */
  #limitText(inode: Inode, name: string): DictReply | null {
    if (name.toLowerCase() !== LIMIT_LIST) return null;
    const limit = this.#known.at(inode);
    if (limit === undefined) return null;
    const text = `${limit?.bytes ?? 0},${limit?.limits.usage?.hard ?? 0}`;
    return { ret: 0, dict: new Dict().setText(LIMIT_LIST, text), xdata: null };
  }

  statfs(call: Call, args: InodeArgs): MaybePromise<StatfsReply> {
    const { inode, xdata } = args;
    if (!this.options['deem-statfs'] || (xdata?.number(IGNORE_DEEM_STATFS) ?? 0) !== 0)
      return this.next.statfs(call, args);
    return then(this.#above.of(inode), (limits) => {
      const limit = limits.find((l) => l.limits.usage !== null);
      if (limit === undefined) return this.next.statfs(call, args);
      // An answer that can't be had leaves what is known.
      const asked = limit.refresh().catch(nullOnFailure);
      return asked.then(() => this.next.statfs(call, args)).then((reply) => limitedStatfs(reply, limit));
    });
  }
}
