/**
 * Lets fops pass that add something to directories with limits, as far as it fits in:
 *
 *   known usage too old -> ask quotad -> fits -> reserve -> fop -> count what it has added
 *                                     -> does not: ask until the answer is certain, then cut or refuse (EDQUOT)
 */
import { failure, fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import { attempt, then } from '../../../../mux/xlator/maybe-promise.js';
import { EDQUOT, ENOTCONN } from '../../../../native/errno.js';
import type { DirectoryLimit, QuotaDemand, Timing } from './directory-limit.js';

/** Told of limits that a fop has passed. */
export type Passed = (limit: DirectoryLimit) => void;

export class Admission {
  readonly #passed: Passed;
  timing: Timing;
  /** Quota is on: fops that have begun before it was switched off are let pass. */
  enabled = true;
  /** Fops that were refused or cut short. */
  refused = 0;

  constructor(timing: Timing, passed: Passed) {
    this.timing = timing;
    this.#passed = passed;
  }

  /**
   * Runs a fop below directories with limits. wind: does it, with as many bytes as it may add. added: the bytes that it has
   * added. Throws EDQUOT if it does not fit in, and what quotad fails with.
   */
  run<R>(
    limits: readonly DirectoryLimit[],
    demand: QuotaDemand,
    wind: (bytes: number) => MaybePromise<R>,
    added: (reply: R) => number,
  ): MaybePromise<R> {
    const granted = this.#fits(limits, demand)
      ? this.#reserve(limits, demand.bytes, demand.objects)
      : this.#ask(limits, demand);
    return then(granted, (bytes) => within(limits, bytes, demand.objects, wind, added));
  }

  /** Whether that is known without asking anybody. */
  #fits(limits: readonly DirectoryLimit[], demand: QuotaDemand): boolean {
    const now = performance.now();
    for (const limit of limits) {
      if (limit.isSettling || limit.isStale(demand, this.timing, now)) return false;
      if (limit.grantable(demand) !== demand.bytes) return false;
    }
    return true;
  }

  async #ask(limits: readonly DirectoryLimit[], demand: QuotaDemand): Promise<number> {
    const { timing } = this;
    const now = performance.now();
    const stale = new Set(limits.filter((l) => l.isStale(demand, timing, now)));
    await Promise.all([...stale].map((l) => this.#renew(l, demand, () => l.refresh())));
    const later = performance.now();
    const isDoubtful = (l: DirectoryLimit): boolean =>
      l.isSettling || (l.grantable(demand) !== demand.bytes && !l.isSettled(demand, timing, later, stale.has(l)));
    const doubtful = limits.filter(isDoubtful);
    await Promise.all(doubtful.map((l) => this.#renew(l, demand, () => l.settle())));
    let granted = demand.bytes;
    if (!this.enabled) return this.#reserve(limits, granted, demand.objects);
    for (const limit of limits) {
      const bytes = limit.grantable(demand);
      if (bytes !== demand.bytes) limit.refused++;
      granted = Math.min(granted, bytes);
    }
    if (granted !== demand.bytes) this.refused++;
    if (granted < 0) throw failure(EDQUOT);
    // At once: the next that waits for the same answer must see it.
    return this.#reserve(limits, granted, demand.objects);
  }

  #reserve(limits: readonly DirectoryLimit[], bytes: number, objects: number): number {
    for (const limit of limits) {
      limit.reserve(bytes, objects);
      this.#passed(limit);
    }
    return bytes;
  }

  /** While quotad is away, what was known last counts on; not where every fop is to be checked against a fresh answer. */
  async #renew(limit: DirectoryLimit, demand: QuotaDemand, ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
    } catch (thrown) {
      const error = fopErrorOf(thrown);
      if (!this.enabled) return;
      if (error.errno !== ENOTCONN || !limit.isAnswered || limit.timeoutMs(demand, this.timing) === 0) throw error;
    }
  }
}

/** Runs a fop for which that is reserved, and counts what it has added. */
function within<R>(
  limits: readonly DirectoryLimit[],
  bytes: number,
  objects: number,
  wind: (bytes: number) => MaybePromise<R>,
  added: (reply: R) => number,
): MaybePromise<R> {
  const release = (): void => {
    for (const limit of limits) limit.release(bytes, objects);
  };
  return attempt(
    () => wind(bytes),
    (reply) => {
      const grown = added(reply);
      release();
      for (const limit of limits) limit.add(grown, objects);
      return reply;
    },
    (error) => {
      release();
      throw error;
    },
  );
}

/** Counts what a fop that is never refused has added. */
export function count<R>(
  limits: readonly DirectoryLimit[],
  reply: MaybePromise<R>,
  objects: number,
  added: (reply: R) => number,
): MaybePromise<R> {
  if (limits.length === 0) return reply;
  return then(reply, (r) => {
    const grown = added(r);
    for (const limit of limits) limit.add(grown, objects);
    return r;
  });
}
