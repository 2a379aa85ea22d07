/** A directory with limits: its known usage, and whether more fits. */
import type { Inode } from '../../../../mux/xlator/inode.js';
import { assert } from '../../../../native/assert.js';
import { Growth } from './growth.js';
import type { DirectoryLimits, Limit, TreeUsage } from './quota-xattrs.js';

/** What a fop would add to the directories above. */
export interface QuotaDemand {
  readonly bytes: number;
  readonly objects: number;
  /** A part of the bytes may be had instead of all. */
  readonly divisible: boolean;
}

/** Options that checks depend on, times in milliseconds. */
export interface Timing {
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly defaultSoftPercent: number;
}

/** Asks for what a directory uses in the whole volume. Fails with a FopError. */
export type AskUsage = () => Promise<TreeUsage>;

/** An answer that shows a directory to be full stands for so long, if no timeout is shorter: a flood of refused fops is not one of questions. */
const REFUSAL_MS = 250;
/** Space is counted in blocks. A brick of a dispersed volume must not tear them. */
const BLOCK = 512;
/** Below the soft limit an answer stands for so long however short the timeout is: far from the limit no other brick fills the rest meanwhile. */
const LEAST_MS = 20;
/** Questions until an answer is taken during which fops have added something: it makes the directory look fuller than it is. */
const MOST_QUESTIONS = 4;

const softOf = (limit: Limit, timing: Timing): number =>
  limit.hard * ((limit.softPercent < 0 ? timing.defaultSoftPercent : limit.softPercent) / 100);

const sameLimit = (a: Limit | null, b: Limit | null): boolean =>
  a?.hard === b?.hard && a?.softPercent === b?.softPercent;

export class DirectoryLimit {
  /** Which quota it belongs to: one that was switched off since knows nothing. */
  readonly owner: object;
  readonly inode: Inode;
  limits: DirectoryLimits;
  readonly #ask: AskUsage;
  readonly #bytes = new Growth();
  readonly #objects = new Growth();
  #answer: TreeUsage | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  #settling: Promise<void> | null = null;
  /** When the soft limit was logged. */
  alertedAt = Number.NEGATIVE_INFINITY;
  /** Fops that were refused or cut short. */
  refused = 0;

  constructor(owner: object, inode: Inode, limits: DirectoryLimits, ask: AskUsage) {
    this.owner = owner;
    this.inode = inode;
    this.limits = limits;
    this.#ask = ask;
  }

  /** Somebody has set other limits. */
  change(limits: DirectoryLimits): void {
    const before = this.limits;
    this.limits = limits;
    if (!sameLimit(before.usage, limits.usage)) this.alertedAt = Number.NEGATIVE_INFINITY;
  }

  get isAnswered(): boolean {
    return this.#answer !== null;
  }
  /** Bytes used, including reservations; 0 until quotad has answered. */
  get bytes(): number {
    return (this.#answer?.bytes ?? 0) + this.#bytes.pending;
  }
  get objects(): number {
    return (this.#answer?.files ?? 0) + (this.#answer?.dirs ?? 0) + this.#objects.pending;
  }
  /** Usage as reported. */
  get answer(): TreeUsage | null {
    return this.#answer;
  }

  softBytes(timing: Timing): number {
    return this.limits.usage === null ? 0 : softOf(this.limits.usage, timing);
  }

  #isAboveSoft(demand: QuotaDemand, timing: Timing): boolean {
    const { usage, objects } = this.limits;
    return (
      (usage !== null && this.bytes + demand.bytes > softOf(usage, timing)) ||
      (objects !== null && demand.objects > 0 && this.objects + demand.objects > softOf(objects, timing))
    );
  }

  /** How long an answer counts for that fop. */
  timeoutMs(demand: QuotaDemand, timing: Timing): number {
    return this.#isAboveSoft(demand, timing) ? timing.hardTimeoutMs : timing.softTimeoutMs;
  }

  isStale(demand: QuotaDemand, timing: Timing, now: number): boolean {
    if (this.#answer === null) return true;
    const standsMs = this.#isAboveSoft(demand, timing)
      ? timing.hardTimeoutMs
      : Math.max(timing.softTimeoutMs, LEAST_MS);
    return now - this.#askedAt >= standsMs;
  }

  /** How many of its bytes the fop may add; -1: it is refused. */
  grantable(demand: QuotaDemand): number {
    const { usage, objects } = this.limits;
    if (objects !== null && demand.objects > 0 && this.objects + demand.objects > objects.hard) return -1;
    if (usage === null) return demand.bytes;
    const left = usage.hard - this.bytes;
    if (left <= 0) return -1;
    if (demand.bytes < left || (demand.bytes === left && demand.divisible)) return demand.bytes;
    const part = left - (left % BLOCK);
    return demand.divisible && part > 0 ? part : -1;
  }

  /** Whether what is known is good enough to refuse that fop. justAsked: on behalf of it. */
  isSettled(demand: QuotaDemand, timing: Timing, now: number, justAsked: boolean): boolean {
    if (this.#answer === null || this.#isUncertain) return false;
    return justAsked || now - this.#askedAt < Math.min(REFUSAL_MS, this.timeoutMs(demand, timing));
  }
  /** What is known is about to be made certain: fops wait for that. */
  get isSettling(): boolean {
    return this.#settling !== null;
  }

  get #isUncertain(): boolean {
    return this.#bytes.isUncertain || this.#objects.isUncertain;
  }

  /** Asks again; concurrent callers share a question. */
  refresh(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askNow(): Promise<void> {
    const now = performance.now();
    this.#bytes.asking();
    this.#objects.asking();
    const answer = await this.#ask();
    this.#bytes.answered();
    this.#objects.answered();
    this.#answer = answer;
    this.#askedAt = now;
  }

  /** Asks until an answer holds just what fops have added. */
  settle(): Promise<void> {
    this.#settling ??= this.#settleNow().finally(() => {
      this.#settling = null;
    });
    return this.#settling;
  }

  async #settleNow(): Promise<void> {
    for (let questions = 0; questions < MOST_QUESTIONS; questions++) {
      // One that is in progress may be too old.
      if (this.#asking !== null) await this.#asking;
      await this.refresh();
      if (!this.#isUncertain) return;
    }
  }

  reserve(bytes: number, objects: number): void {
    this.#bytes.reserve(bytes);
    this.#objects.reserve(objects);
  }

  /** A fop for which something was reserved has ended. */
  release(bytes: number, objects: number): void {
    this.#bytes.release(bytes);
    this.#objects.release(objects);
    assert(this.#bytes.reserved >= 0 && this.#objects.reserved >= 0, 'no more is released than was reserved');
  }

  /** A fop has added that. */
  add(bytes: number, objects: number): void {
    this.#bytes.add(bytes);
    this.#objects.add(objects);
  }
}
