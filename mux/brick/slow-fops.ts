/**
 * Fops that took longer than a threshold, and those that do right now: logged within bounds, counted by cause, and kept in a ring. A fop
 * below the threshold costs a comparison.
 */
import { getEnvironmentData } from 'node:worker_threads';
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import { ticker } from '../base/ticker.js';
import type { WaitPlace } from '../xlator/waits.js';
import { type SlowFop, slowText } from './slow-fop.js';

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
