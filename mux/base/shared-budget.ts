/**
 * A limit that all bricks of a thread share on something each of them caches: inodes, open directories, shared
 * descriptors. Every brick may keep an equal share; beyond the limit, one with more than its share must evict.
 */
import { assert } from '../../native/assert.js';

/** One brick's cache. */
export interface BudgetHolder {
  /** How much it holds of the budget now. */
  readonly held: number;
}

export class SharedBudget<H extends BudgetHolder> {
  /** What all holders together may keep without using it. */
  limit: number;
  /** How often the largest holder must evict before the largest is determined again. */
  readonly #recheck: number;
  /** Holders that hold anything. */
  readonly #holders = new Set<H>();
  #total = 0;
  #largest: H | null = null;
  #largestUses = 0;

  constructor(limit: number, recheck = 0) {
    assert(limit > 0 && recheck >= 0, 'a budget is a positive number');
    this.limit = limit;
    this.#recheck = recheck;
  }

  get total(): number {
    return this.#total;
  }

  get holders(): ReadonlySet<H> {
    return this.#holders;
  }

  /** Counts one more item of a holder, whose `held` includes it already. */
  taken(holder: H): void {
    if (holder.held === 1) this.#holders.add(holder);
    this.#total++;
  }

  /** Counts `count` items fewer of a holder, whose `held` no longer includes them. */
  returned(holder: H, count = 1): void {
    this.#total -= count;
    assert(this.#total >= 0 && holder.held >= 0, 'no more is returned to a budget than was taken');
    if (holder.held > 0) return;
    this.#holders.delete(holder);
    if (this.#largest === holder) this.#largest = null;
  }

  /** What each holder may keep in any case; the limit may be lower for now. */
  share(limit = this.limit): number {
    return limit / this.#holders.size;
  }

  /** The holder that must evict after `growing` has exceeded the limit: never one that holds no more than its share. */
  overdrawn(growing: H, limit = this.limit): H {
    if (growing.held > this.share(limit)) return growing;
    let largest = this.#largest;
    if (largest === null || this.#largestUses-- <= 0) {
      largest = growing;
      for (const holder of this.#holders) if (holder.held > largest.held) largest = holder;
      this.#largest = largest;
      this.#largestUses = this.#recheck;
    }
    return largest;
  }
}
