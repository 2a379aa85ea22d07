/** Work on one thing at a time: of all that is begun for the same key, the next runs when the one before has ended, however it ended. */
export class SerialByKey {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs work when all earlier work for the key has ended; at once if there is none. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work);
    const ended = (): void => {
      if (this.#last.get(key) === end) this.#last.delete(key);
    };
    // The caller that began it gets the failure; the next one begins again.
    const end = mine.then(ended, ended);
    this.#last.set(key, end);
    return mine;
  }

  /** Resolves when what was begun for the key has ended; undefined if nothing is in progress. */
  underWay(key: string): Promise<void> | undefined {
    return this.#last.get(key);
  }

  /** Resolves when nothing is in progress. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
