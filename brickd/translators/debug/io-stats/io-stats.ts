/**
 * debug/io-stats: counts requests, bytes and latencies while a profile is on. While none is, every fop is linked past it;
 * the server's own counters go on.
 */
import { FOPS, type TableName } from '../../../../mux/fops/table.js';
import type { Call } from '../../../../posix/contract/call.js';
import { EOPNOTSUPP } from '../../../../posix/contract/errno.js';
import type { FopName, MaybePromise, ReadReply, WriteReply, Xdata } from '../../../../posix/contract/fops.js';
import type { Fd, Inode } from '../../../../posix/contract/inode.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../posix/contract/translator.js';
import { Counters } from './counters.js';
import type { Options } from './options.js';
import { addCounters, dumpCounters, InfoOp, type ProfileValues } from './profile.js';

/** GF_FOP_FORGET: no fop of the wire. */
const FORGET = 41;
const internalOf = (name: TableName): number => FOPS.find((fop) => fop.name === name)!.internal;
const RELEASE = internalOf('release');
const RELEASEDIR = internalOf('releasedir');
const DISPLAY = FOPS.map((fop) => [fop.internal, fop.display] as const);

export class IoStatsTranslator extends Translator<Options> {
  readonly cumulative = new Counters();
  /** Since profile info was last asked for. */
  readonly interval = new Counters();
  /** Number of the interval. */
  #increment = 0;
  #profiling: boolean;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#profiling = profiling(init.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#profiling = profiling(options);
  }

  /** Counting is on. */
  get profiling(): boolean {
    return this.#profiling;
  }

  override wants(_fop: FopName): boolean {
    return this.#profiling;
  }

  /** Notes a fop by its GF_FOP_* number; `startedAt` as performance.now() gave it. */
  record(fop: number, startedAt: number, failed: boolean): void {
    const ns = (performance.now() - startedAt) * 1e6;
    this.cumulative.record(fop, ns, failed);
    this.interval.record(fop, ns, failed);
  }

  hasRead(bytes: number): void {
    this.cumulative.read(bytes);
    this.interval.read(bytes);
  }
  hasWritten(bytes: number): void {
    this.cumulative.wrote(bytes);
    this.interval.wrote(bytes);
  }

  #hit(fop: number): void {
    if (!this.#profiling) return;
    this.cumulative.hit(fop);
    this.interval.hit(fop);
  }
  override release(_fd: Fd): void {
    this.#hit(RELEASE);
  }
  override releasedir(_fd: Fd): void {
    this.#hit(RELEASEDIR);
  }
  override forget(_inode: Inode): void {
    this.#hit(FORGET);
  }

  /** Answers an XLATOR_INFO request. Throws a BrickError for what it doesn't count. */
  profile(input: ReadonlyMap<string, string>): ProfileValues {
    const values: ProfileValues = new Map();
    if (isTrue(input.get('clear-stats'))) {
      values.set('top-op', 0);
      values.set('stats-cleared', 1);
      return values;
    }
    if (input.has('top-op')) {
      const message = `brick ${this.brick.name}: lists of the busiest files (volume top) are not kept by this brick server`;
      throw { brick: this.brick.name, errno: EOPNOTSUPP, message };
    }
    const asked = Number(input.get('info-op'));
    const op = Number.isInteger(asked) && asked >= InfoOp.all && asked <= InfoOp.clear ? asked : InfoOp.all;
    values.set('info-op', op);
    if (op === InfoOp.clear) {
      this.cumulative.clear();
      this.interval.clear();
      this.#increment = 0;
      values.set('stats-cleared', 1);
      return values;
    }
    if (op !== InfoOp.incremental) addCounters(values, -1, this.cumulative);
    if (op !== InfoOp.cumulative) {
      addCounters(values, this.#increment, this.interval);
      if (!isTrue(input.get('peek'))) {
        this.#increment++;
        this.interval.clear();
      }
    }
    return values;
  }

  override dump(): DumpSection[] {
    if (!this.#profiling) return [];
    const lines = [
      `cumulative.data_read=${this.cumulative.dataRead}`,
      `cumulative.data_written=${this.cumulative.dataWritten}`,
      `incremental.data_read=${this.interval.dataRead}`,
      `incremental.data_written=${this.interval.dataWritten}`,
      ...dumpCounters(`${this.name}.cumulative`, this.cumulative, DISPLAY),
      ...dumpCounters(`${this.name}.incremental`, this.interval, DISPLAY),
    ];
    return [{ title: `debug/io-stats.${this.name}`, lines }];
  }
}

function profiling(options: Options): boolean {
  return options['latency-measurement'] && options['count-fop-hits'];
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|on|yes|true|enable)$/i.test(text);
}

type AnyFop = (call: Call, args: never) => MaybePromise<Xdata>;
type Method = (this: IoStatsTranslator, call: Call, args: never) => MaybePromise<Xdata>;
const methods = IoStatsTranslator.prototype as unknown as Record<string, Method>;

/** What a reply adds beyond its fop's hit: bytes. */
function sizes(name: TableName): ((t: IoStatsTranslator, reply: Xdata) => void) | null {
  if (name === 'readv') return (t, reply) => t.hasRead((reply as ReadReply).count);
  if (name === 'writev') return (t, reply) => t.hasWritten((reply as WriteReply).count);
  return null;
}

for (const { name, internal } of FOPS) {
  if (name === 'release' || name === 'releasedir') continue;
  const addSizes = sizes(name);
  methods[name] = function (call, args) {
    const startedAt = performance.now();
    const succeeded = (reply: Xdata): void => {
      this.record(internal, startedAt, false);
      addSizes?.(this, reply);
    };
    let reply: MaybePromise<Xdata>;
    try {
      reply = (this.next[name] as AnyFop)(call, args);
    } catch (error) {
      this.record(internal, startedAt, true);
      throw error;
    }
    if (reply instanceof Promise) {
      // Counted beside the reply's way up, which gets no longer for it.
      reply.then(succeeded, () => this.record(internal, startedAt, true));
    } else {
      succeeded(reply);
    }
    return reply;
  };
}
