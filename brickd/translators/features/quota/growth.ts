/**
 * What fops of this brick have added to a directory. The accounting writes it into xattrs a moment later, so that an answer of quotad holds
 * some of it and not the rest: the growth that may be missing in an answer is added to it, even if that counts some of it twice.
 *
 *     |---- certainly in the answer ----|---- may be in it or not ----| asked |---- not in it ----| now
 *                                  asked - lag
 */
export class Growth {
  readonly #lagMs: number;
  #total = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  /** Totals at two times at least the lag apart: what had been added before the older one is in every answer from now on. */
  #older = 0;
  #newer = 0;
  #newerAt = Number.NEGATIVE_INFINITY;
  /** The total that the last answer certainly holds. */
  #answered = 0;
  /** The total that its question may count on. */
  #asked = 0;
  #reserved = 0;

  /** lagMs: how long the accounting takes at most. */
  constructor(lagMs: number) {
    this.#lagMs = lagMs;
  }

  /** Added since the last answer, as far as that may not know it, and about to be added. */
  get pending(): number {
    return this.#total - this.#answered + this.#reserved;
  }
  /** About to be added by fops under way. */
  get reserved(): number {
    return this.#reserved;
  }

  /** When an answer will hold all that has been added so far. */
  get settledAt(): number {
    return this.#lastAt + this.#lagMs;
  }

  reserve(amount: number): void {
    this.#reserved += amount;
  }
  release(amount: number): void {
    this.#reserved -= amount;
  }

  add(amount: number, now: number): void {
    if (amount <= 0) return;
    if (now >= this.settledAt) {
      this.#older = this.#total;
      this.#newer = this.#total;
      this.#newerAt = now;
    } else if (now - this.#newerAt >= this.#lagMs) {
      this.#older = this.#newer;
      this.#newer = this.#total;
      this.#newerAt = now;
    }
    this.#total += amount;
    this.#lastAt = now;
  }

  /** Quotad is asked. */
  asking(now: number): void {
    this.#asked = now >= this.settledAt ? this.#total : this.#older;
  }
  /** It has answered. */
  answered(): void {
    this.#answered = this.#asked;
  }
}
