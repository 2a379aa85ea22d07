/**
 * What fops of this brick have added to a directory, and what they are about to add. An answer of quotad holds all that was added when it
 * was asked: the accounting writes down what it still has to before it tells a size. What was added between question and answer may be
 * in the answer or not, and is added to it.
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
  /** The last answer may lack something, or what is counted here may be in it. */
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
