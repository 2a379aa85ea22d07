/**
 * Counts what fops of this brick have added to a directory, and what they are about to add. A reply of quotad contains
 * everything that was added before it was asked, since the accounting writes pending changes before it reports a size.
 * What was added between question and reply may be in the reply or not, and is added to it.
 */
export class Growth {
  #total = 0;
  /** The total when the last answer was asked for, and when the question in progress was. */
  #answered = 0;
  #asked = 0;
  #reserved = 0;

  /** Added since the last answer was asked for, and about to be added. */
  get pending(): number {
    return this.#total - this.#answered + this.#reserved;
  }
  /** About to be added by fops in progress. */
  get reserved(): number {
    return this.#reserved;
  }
  /** The last answer may be incomplete, or may include what is counted here. */
  get isUncertain(): boolean {
    return this.#total !== this.#answered;
  }

  reserve(amount: number): void {
    this.#reserved += amount;
  }
  release(amount: number): void {
    this.#reserved -= amount;
  }
  add(amount: number): void {
    if (amount > 0) this.#total += amount;
  }

  asking(): void {
    this.#asked = this.#total;
  }
  answered(): void {
    this.#answered = this.#asked;
  }
}
