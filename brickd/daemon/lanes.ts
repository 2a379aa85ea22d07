/**
 * Order among the changes of one brick, and none among those of several: an attach, a detach and a reconfigure of the same
 * brick never overlap, and a brick whose disk hangs holds up nobody but itself.
 */
import type { ByteString } from '../../native/bytes.js';

export class Lanes {
  /** Settles, never rejecting, when all that a brick has been given so far is done. */
  readonly #tails = new Map<ByteString, Promise<void>>();

  /** Runs work when everything begun for the same brick before has settled. */
  run<T>(brick: ByteString, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(brick);
    const result = before === undefined ? Promise.resolve().then(work) : before.then(work);
    // Nothing in it can throw.
    const ended = (): void => {
      if (this.#tails.get(brick) === tail) this.#tails.delete(brick);
    };
    const tail: Promise<void> = result.then(ended, ended);
    this.#tails.set(brick, tail);
    return result;
  }

  /** Resolves when nothing is in progress, and nothing has been added meanwhile. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}

/** A bounded number of things in progress at once; the rest waits in order. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** Runs work for each item, a bounded number at once. Rejects with the first error, when the others have settled. */
export async function eachLimited<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const follow = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value);
  };
  const ends = await Promise.allSettled(Array.from({ length: limit }, follow));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** What a promise gives, or what `late` gives once the time is up; the promise goes on by itself then. */
export async function within<T>(ms: number, promise: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const up = new Promise<T>((resolve, reject) => {
    timer = setTimeout(() => {
      try {
        resolve(late());
      } catch (error) {
        reject(error);
      }
    }, ms);
  });
  try {
    return await Promise.race([promise, up]);
  } finally {
    clearTimeout(timer);
  }
}
