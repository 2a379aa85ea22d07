/**
 * debug/io-stats: counts requests and latencies while a profile is on; and always, as glusterfsd does, sizes of reads
 * and writes, releases, and the activity of files. While no profile is on, fops that these counts do not need are
 * linked past it, and the others are counted without reading the clock.
 */

import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { FOP_NAMES, fopByName } from '../../../../mux/xlator/fop-table.js';
import type {
  CreateArgs,
  CreateReply,
  EntryReply,
  FopName,
  MaybePromise,
  MkdirArgs,
  OpenArgs,
  OpendirArgs,
  ReadArgs,
  ReaddirArgs,
  ReaddirReply,
  ReadReply,
  WriteArgs,
  WriteReply,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { below, type FopArgs, type FopMethod, type FopReplies, intercept } from '../../../../mux/xlator/intercept.js';
import {
  type DumpSection,
  type ProfileValues,
  Translator,
  type TranslatorInit,
  type Upcall,
} from '../../../../mux/xlator/translator.js';
import { S_IFDIR } from '../../../../native/linux.js';
import { booleanOf } from '../../../../volfiles/values.js';
import { Activity } from './busy-files.js';
import { FdStats } from './fd-stats.js';
import { FOP_DISPLAY, FORGET } from './fop-names.js';
import type { Options } from './options.js';
import { PeriodicDump } from './periodic-dump.js';
import { addCounters, dumpCounters, InfoOp } from './profile.js';
import { Samples } from './samples.js';
import { Statistics } from './statistics.js';
import { topValues } from './top.js';
import { upcallNumbers } from './upcalls.js';

const RELEASE = fopByName('release').internal;
const RELEASEDIR = fopByName('releasedir').internal;

const ignore = (): void => {};

/** Runs `note` on a reply that succeeds, beside its way up, which gets no longer for it. */
function noting<R>(reply: MaybePromise<R>, note: (r: R) => void): MaybePromise<R> {
  if (reply instanceof Promise) reply.then(note, ignore);
  else note(reply);
  return reply;
}

/** The fops that are counted whether or not a profile is on. */
const ALWAYS = {
  readv(t: IoStatsTranslator, call: Call, args: ReadArgs): MaybePromise<ReadReply> {
    t.statistics.files.count(args.fd.inode, Activity.read);
    const reply = t.next.readv(call, args);
    if (reply instanceof Promise) reply.then((r) => t.hasRead(args.fd, r.count), ignore);
    else t.hasRead(args.fd, reply.count);
    return reply;
  },
  writev(t: IoStatsTranslator, call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    t.statistics.files.count(args.fd.inode, Activity.write);
    t.hasWritten(args.fd, args.size);
    return t.next.writev(call, args);
  },
  open(t: IoStatsTranslator, call: Call, args: OpenArgs): MaybePromise<Xdata> {
    return noting(t.next.open(call, args), () => {
      t.opened(args.fd);
      t.statistics.files.count(args.inode, Activity.open);
    });
  },
  create(t: IoStatsTranslator, call: Call, args: CreateArgs): MaybePromise<CreateReply> {
    return noting(t.next.create(call, args), (reply) => {
      const { bind } = reply;
      reply.bind = (fd) => {
        t.opened(fd);
        bind.call(reply, fd);
      };
    });
  },
  // Directories are counted as in glusterfsd: those that were made while the brick has been running.
  mkdir(t: IoStatsTranslator, call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    return noting(t.next.mkdir(call, args), (reply) => t.madeDirectory(reply.stat.gfid, args));
  },
  opendir(t: IoStatsTranslator, call: Call, args: OpendirArgs): MaybePromise<Xdata> {
    return noting(t.next.opendir(call, args), () => t.statistics.files.count(args.inode, Activity.opendir));
  },
  readdirp(t: IoStatsTranslator, call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    t.statistics.files.count(args.fd.inode, Activity.readdirp);
    return t.next.readdirp(call, args);
  },
};

export class IoStatsTranslator extends Translator<Options> {
  readonly statistics: Statistics;
  #profiling: boolean;
  /** Each open file is reported in the log when it is closed. */
  #fdStats: boolean;
  #samples: Samples | null = null;
  readonly #dumping: PeriodicDump;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.statistics = new Statistics(init.slot);
    this.#profiling = profiling(init.options);
    this.#fdStats = init.options['dump-fd-stats'];
    this.#dumping = new PeriodicDump(this);
  }

  override async init(): Promise<void> {
    this.#sampleAndDump();
  }
  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#profiling = profiling(options);
    this.#fdStats = options['dump-fd-stats'];
    this.#sampleAndDump();
  }
  override async fini(): Promise<void> {
    this.#dumping.stop();
  }

  #sampleAndDump(): void {
    const { options } = this;
    const every = options['ios-sample-interval'];
    if (every === 0 || !this.#profiling) this.#samples = null;
    else if (this.#samples === null || !this.#samples.is(every, options['ios-sample-buf-size']))
      this.#samples = new Samples(every, options['ios-sample-buf-size']);
    this.#dumping.every(options['ios-dump-interval']);
  }

  /** Counting is on. */
  get profiling(): boolean {
    return this.#profiling;
  }
  get samples(): Samples | null {
    return this.#samples;
  }

  override wants(fop: FopName): boolean {
    return this.#profiling || fop in ALWAYS;
  }

  /** Notes a fop by its GF_FOP_* number; `startedAt` as performance.now() gave it. Returns how long it took, in nanoseconds. */
  record(fop: number, startedAt: number, call: Call): number {
    const ns = Math.round((performance.now() - startedAt) * 1e6);
    this.statistics.record(fop, ns);
    this.#samples?.observe(fop, startedAt, ns, call);
    return ns;
  }

  hasRead(fd: Fd, bytes: number): void {
    if (bytes <= 0) return;
    if (this.#fdStats) (fd.ctx[this.slot] as FdStats | undefined)?.read(bytes);
    this.statistics.read(bytes);
  }
  hasWritten(fd: Fd, bytes: number): void {
    if (this.#fdStats) (fd.ctx[this.slot] as FdStats | undefined)?.wrote(bytes);
    this.statistics.wrote(bytes);
  }

  /** A client has opened or created the file. */
  opened(fd: Fd): void {
    this.statistics.openFiles.opened();
    this.statistics.files.add(fd.inode);
    if (this.#fdStats) fd.ctx[this.slot] = new FdStats();
  }

  madeDirectory(gfid: Inode['gfid'], { loc }: MkdirArgs): void {
    this.statistics.files.add(this.brick.adoptInode(gfid, S_IFDIR), loc.parent, loc.name);
  }

  override release(fd: Fd): void {
    if (fd.anonymous) return;
    this.statistics.openFiles.released();
    if (this.#fdStats) (fd.ctx[this.slot] as FdStats | undefined)?.log(fd, loggerFor(this.name));
    this.statistics.hit(RELEASE);
  }
  override releasedir(fd: Fd): void {
    if (!fd.anonymous) this.statistics.hit(RELEASEDIR);
  }
  override forget(inode: Inode): void {
    if (this.statistics.files.forget(inode)) this.statistics.hit(FORGET);
  }

  override upcallSent(message: Upcall): void {
    if (!this.options['count-fop-hits']) return;
    for (const number of upcallNumbers(message)) this.statistics.upcall(number);
  }

  /** Answers an XLATOR_INFO request: of `volume profile` or `volume top`. */
  override profile(input: ReadonlyMap<string, string>): ProfileValues {
    if (booleanOf(input.get('clear-stats') ?? '') === true) {
      this.statistics.files.clear();
      this.statistics.openFiles.clear();
      return new Map([
        ['top-op', 0],
        ['stats-cleared', 1],
      ]);
    }
    if (input.has('top-op')) return topValues(input, this.statistics.files, this.statistics.openFiles);
    const asked = Number(input.get('info-op'));
    const op = Number.isInteger(asked) && asked >= InfoOp.all && asked <= InfoOp.clear ? asked : InfoOp.all;
    const values: ProfileValues = new Map([['info-op', op]]);
    if (op === InfoOp.clear) {
      this.statistics.clear();
      values.set('stats-cleared', 1);
      return values;
    }
    if (op !== InfoOp.incremental) addCounters(values, -1, this.statistics.cumulative);
    if (op !== InfoOp.cumulative) {
      addCounters(values, this.statistics.increment, this.statistics.interval);
      if (booleanOf(input.get('peek') ?? '') !== true) this.statistics.nextInterval();
    }
    return values;
  }

  override dump(): DumpSection[] {
    if (!this.#profiling) return [];
    const lines = [
      `cumulative.data_read=${this.statistics.cumulative.dataRead}`,
      `cumulative.data_written=${this.statistics.cumulative.dataWritten}`,
      `incremental.data_read=${this.statistics.interval.dataRead}`,
      `incremental.data_written=${this.statistics.interval.dataWritten}`,
      ...dumpCounters(`${this.name}.cumulative`, this.statistics.cumulative, FOP_DISPLAY),
      ...dumpCounters(`${this.name}.incremental`, this.statistics.interval, FOP_DISPLAY),
    ];
    return [{ title: `debug/io-stats.${this.name}`, lines }];
  }
}

function profiling(options: Options): boolean {
  return options['latency-measurement'] && options['count-fop-hits'];
}

type Counted<F extends FopName> = (t: IoStatsTranslator, call: Call, args: FopArgs[F]) => MaybePromise<FopReplies[F]>;
const always: { readonly [F in FopName]?: Counted<F> } = ALWAYS;

type Speed<F extends FopName> = (t: IoStatsTranslator, args: FopArgs[F], reply: FopReplies[F], ns: number) => void;
/** How fast reads and writes were, for the lists of the fastest. */
const SPEEDS: { readonly [F in FopName]?: Speed<F> } = {
  readv: (t, { fd }, { count }, ns) => {
    if (ns > 0) t.statistics.files.speed(fd.inode, Activity.readSpeed, (count * 1000) / ns);
  },
  writev: (t, { fd }, { count }, ns) => {
    if (ns > 0) t.statistics.files.speed(fd.inode, Activity.writeSpeed, (count * 1000) / ns);
  },
};

intercept(IoStatsTranslator, FOP_NAMES, <F extends FopName>(name: F): FopMethod<IoStatsTranslator, F> => {
  const { internal } = fopByName(name);
  const pass: Counted<F> = always[name] ?? ((t, call, args) => below(t, name)(call, args));
  const addSpeed = SPEEDS[name];
  return function (call, args) {
    // Also between the end of a profile and the new links.
    if (!this.profiling) return pass(this, call, args);
    const startedAt = performance.now();
    const succeeded = (reply: FopReplies[F]): void => {
      const ns = this.record(internal, startedAt, call);
      addSpeed?.(this, args, reply, ns);
    };
    let reply: MaybePromise<FopReplies[F]>;
    try {
      reply = pass(this, call, args);
    } catch (error) {
      this.record(internal, startedAt, call);
      throw error;
    }
    if (reply instanceof Promise) reply.then(succeeded, () => this.record(internal, startedAt, call));
    else succeeded(reply);
    return reply;
  };
});
