/**
 * Fops that took longer than a threshold, and those that do right now: logged within bounds, counted by cause, and kept in a ring. A fop
 * below the threshold costs a comparison.
 */
import { getEnvironmentData } from 'node:worker_threads';
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import { ticker } from '../base/ticker.js';
import type { Waited, WaitPlace } from '../xlator/waits.js';

/** Key of the environment data under which the main thread leaves the threshold, in milliseconds, for its workers. */
export const SLOW_THRESHOLD = 'brickd.slow-fops.threshold-ms';
export const DEFAULT_THRESHOLD_MS = 1000;

/** Slow fops kept of a brick. */
export const KEPT = 64;
/** Of those under way, the oldest so many are looked at and told of. */
export const MOST_UNDER_WAY = 16;
/** Lines in the log per brick and window; how many more there were is told in one line. */
const LINES_PER_WINDOW = 20;
const WINDOW_MS = 60_000;

/** A slow fop, structured-clonable. Texts are byte strings. */
export interface SlowFop {
  /** Grows with each fop of a brick that is found slow. */
  number: number;
  /** When it came, milliseconds since 1970. */
  atMs: number;
  fop: string;
  /** What it is about, as far as it is known; '' if it is not. */
  path: string;
  /** Its client: process-uuid, name, address and port; process and user that it calls for. */
  client: string;
  clientName: string;
  peer: string;
  pid: number;
  uid: number;
  /** Of fops that have them, else -1. size: bytes asked for or brought along; moved: bytes of the answer. */
  offset: number;
  size: number;
  ms: number;
  /** It has not been answered yet. */
  underWay: boolean;
  /** 0: it has succeeded, or is under way. */
  errno: number;
  /** Where its time went, most first. */
  waits: Waited[];
}

/** Slow fops of a brick, structured-clonable. */
export interface BrickSlowFops {
  brick: ByteString;
  volume: string;
  slow: SlowFop[];
}

const PLACES: Readonly<Record<WaitPlace, (detail: string) => string>> = {
  connection: () => 'in the queue of its connection',
  groups: () => 'for the groups of its user',
  qos: (tenant) => `by QoS of tenant ${tenant}`,
  lock: (holder) => `for a lock${holder === '' ? '' : ` held by ${holder}`}`,
  lease: (holder) => `for a lease${holder === '' ? '' : ` of ${holder}`}`,
  barrier: (which) => `at the barrier${which === '' ? '' : ` of ${which}`}`,
  quota: () => 'for quotad',
  pool: () => 'in the pool queue',
  disk: (call) => (call === '' ? 'in short system calls' : `in ${call}`),
  replies: () => 'in the reply queue: the client takes no replies',
  other: () => 'in brickd itself',
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;

export const waitText = ({ place, detail, ms }: Waited): string => `${seconds(ms)} ${PLACES[place](detail)}`;

/** One line. */
export function slowText(slow: SlowFop): string {
  const { fop, path, offset, size, client, clientName, peer, pid, uid, underWay, ms, waits } = slow;
  const range = `${size < 0 ? '' : ` of ${size} bytes`}${offset < 0 ? '' : ` at ${offset}`}`;
  const who = `client ${clientName === '' ? client : clientName} (${peer}), pid ${pid}, uid ${uid}`;
  const took = underWay ? `under way for ${seconds(ms)}` : `took ${seconds(ms)}`;
  return `slow fop: ${fop} ${path}${range} by ${who} ${took}: ${waits.map(waitText).join(', ')}`;
}

/** A fop as the list of those in flight has it. */
export interface WatchedFop {
  readonly cameMs: number;
  /** Number under which it was told of while it was under way; 0: it was not. */
  slowNumber: number;
  /** Its report, as it is at that time. */
  report(nowMs: number): Omit<SlowFop, 'number'>;
}

interface SlowHost {
  readonly name: ByteString;
  readonly log: Logger;
  readonly inFlight: { watched(): Iterable<WatchedFop>; readonly waiting: number };
}

export class SlowFops {
  readonly #brick: SlowHost;
  readonly thresholdMs = (getEnvironmentData(SLOW_THRESHOLD) as number | undefined) ?? DEFAULT_THRESHOLD_MS;
  readonly #ring: SlowFop[] = [];
  readonly #counts = new Map<WaitPlace, number>();
  #last = 0;
  #stopWatching: (() => void) | null = null;
  #windowMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unlogged = 0;

  constructor(brick: SlowHost) {
    this.#brick = brick;
  }

  /** A fop is not answered at once: while there are such, it is looked at how old they get. */
  watch(): void {
    this.#stopWatching ??= ticker.every(1, () => this.look());
  }

  stop(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
  }

  /** Fops found slow so far, by what took most of their time. */
  get counts(): ReadonlyMap<WaitPlace, number> {
    return this.#counts;
  }

  /** A slow fop has ended. */
  ended(fop: WatchedFop, nowMs: number): void {
    const report = { ...fop.report(nowMs), number: fop.slowNumber };
    if (report.number === 0) {
      report.number = ++this.#last;
      this.#count(report);
    }
    this.#add(report);
    this.#log(report, nowMs);
  }

  /** Keeps what is not a fop in flight: what the replies of a connection have waited. */
  note(report: Omit<SlowFop, 'number'>, nowMs: number): void {
    const slow = { ...report, number: ++this.#last };
    this.#count(slow);
    this.#add(slow);
    this.#log(slow, nowMs);
  }

  #add(slow: SlowFop): void {
    this.#ring.push(slow);
    if (this.#ring.length > KEPT) this.#ring.shift();
  }

  #count({ waits }: SlowFop): void {
    const place = waits[0]?.place ?? 'other';
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
  }

  /** Tells of fops that have become slow and are still under way. */
  look(nowMs = performance.now()): void {
    if (this.#brick.inFlight.waiting === 0) {
      this.stop();
      this.#endWindow(nowMs);
      return;
    }
    for (const fop of this.#oldest(nowMs)) {
      if (fop.slowNumber !== 0) continue;
      fop.slowNumber = ++this.#last;
      const report = { ...fop.report(nowMs), number: fop.slowNumber };
      this.#count(report);
      this.#log(report, nowMs);
    }
    this.#endWindow(nowMs);
  }

  /** The oldest of those that are slow by now. */
  #oldest(nowMs: number): WatchedFop[] {
    const oldest: WatchedFop[] = [];
    let youngest = 0;
    for (const fop of this.#brick.inFlight.watched()) {
      if (nowMs - fop.cameMs < this.thresholdMs) continue;
      if (oldest.length < MOST_UNDER_WAY) oldest.push(fop);
      else if (fop.cameMs < (oldest[youngest]?.cameMs ?? 0)) oldest[youngest] = fop;
      else continue;
      if (oldest.length < MOST_UNDER_WAY) continue;
      youngest = oldest.reduce((y, f, i) => (f.cameMs > (oldest[y]?.cameMs ?? 0) ? i : y), 0);
    }
    return oldest.sort((a, b) => a.cameMs - b.cameMs);
  }

  /** Those under way, the oldest first, then those that have ended, the last first; `most` at most. */
  list(most: number, nowMs = performance.now()): SlowFop[] {
    const underWay = this.#oldest(nowMs).map((fop) => ({ ...fop.report(nowMs), number: fop.slowNumber }));
    const ended = this.#ring.slice(-Math.max(0, most - underWay.length)).reverse();
    return [...underWay, ...(most > underWay.length ? ended : [])].slice(0, most);
  }

  // --- the log ------------------------------------------------------------------------------------------------------

  #log(slow: SlowFop, nowMs: number): void {
    this.#endWindow(nowMs);
    if (this.#windowMs < 0 || nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_PER_WINDOW) this.#unlogged++;
    else this.#brick.log.warning(0, `${this.#brick.name}: ${slowText(slow)}`);
  }

  #endWindow(nowMs: number): void {
    if (this.#unlogged === 0 || nowMs - this.#windowMs < WINDOW_MS) return;
    const text = `${this.#brick.name}: ${this.#unlogged} slow fops more in a minute (brickd slow shows the last)`;
    this.#unlogged = 0;
    this.#brick.log.warning(0, text);
  }
}
