/** Order among those who work on one file's records, and a bound on how many files are worked on at a time. */
export class NodeLocks {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs when all that came before for the key have ended. */
  alone<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? run() : before.then(run);
    const ended = (): void => {
      if (this.#last.get(key) === end) this.#last.delete(key);
    };
    const end = mine.then(ended, ended);
    this.#last.set(key, end);
    return mine;
  }
}

/** Runs for each item, so many at a time. */
export async function eachOf<T>(items: readonly T[], most: number, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
