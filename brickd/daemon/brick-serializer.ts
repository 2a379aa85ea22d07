/**
 * Serializes requests for the same brick: an attach, a detach and a reconfigure of one brick never overlap. Different bricks do
 * not wait for each other, so a brick whose disk hangs delays only itself.
 */
import type { ByteString } from '../../native/bytes.js';

export class BrickSerializer {
  /** The end of the last request of each brick; never rejects. */
  readonly #tails = new Map<ByteString, Promise<void>>();

  /** Runs work after all earlier work for the same brick has settled. */
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

  /** Resolves when no work is in progress or queued. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all(this.#tails.values());
  }
}

/** A counting semaphore; waiters get their turn in order. */
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

/** The result of a promise, or that of `late` after a time; the promise continues by itself then. */
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
