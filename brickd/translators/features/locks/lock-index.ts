/** An index of locks in buckets: finds those that a request may conflict with, without looking at the others. */
import { assert, defined } from '../../../../native/assert.js';
import { LockType } from './lock-text.js';

const INDEXED = 'a lock is removed from an index that has it';

/** What an index keeps in order. */
export interface Ordered {
  /** Its place; given by the index that it is added to. */
  order: number;
}

/** Gives a bucket the answer that ends the search, or undefined: on to the next. */
type Pick<L> = (bucket: readonly L[]) => L | undefined;

/** Of locks L, which requests Q are compared with. */
export interface LockIndex<L extends Ordered, Q> {
  add(lock: L): void;
  remove(lock: L): void;
  /** The first answer of `pick`, which gets all buckets that may have locks in conflict with the request, and others besides. */
  find(request: Q, pick: Pick<L>): L | undefined;
}

/** Index of the first lock in the list whose place is at `order` or behind it. */
export function placeOf(list: readonly Ordered[], order: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    // biome-ignore lint/style/noNonNullAssertion: low <= mid < high <= length
    if (list[mid]!.order < order) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** Takes a lock out of a list that is in order. */
export function removeOrdered<L extends Ordered>(list: L[], lock: L): void {
  const at = placeOf(list, lock.order);
  assert(list[at] === lock, 'a lock is in every list that it has been put in, in order');
  list.splice(at, 1);
}

export interface LockName {
  readonly name: string;
}

/** Locks on names; '' is the lock on all of them. */
export class NameIndex<L extends Ordered & LockName> implements LockIndex<L, LockName> {
  readonly #names = new Map<string, L[]>();
  #last = 0;

  add(lock: L): void {
    lock.order = ++this.#last;
    const bucket = this.#names.get(lock.name);
    if (bucket === undefined) this.#names.set(lock.name, [lock]);
    else bucket.push(lock);
  }

  remove(lock: L): void {
    const bucket = defined(this.#names.get(lock.name), INDEXED);
    removeOrdered(bucket, lock);
    if (bucket.length === 0) this.#names.delete(lock.name);
  }

  find(request: LockName, pick: Pick<L>): L | undefined {
    if (request.name === '') {
      for (const bucket of this.#names.values()) {
        const found = pick(bucket);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    for (const name of [request.name, '']) {
      const bucket = this.#names.get(name);
      const found = bucket === undefined ? undefined : pick(bucket);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** A range, [start, end] inclusive. */
export interface LockRange {
  readonly type: number;
  readonly start: bigint;
  readonly end: bigint;
}

/** Locks that touch a piece of the file. */
interface Cell<L> {
  reads: L[];
  writes: L[];
}

/**
 * Locks on ranges. Space is divided into cells, once for each power of two: a lock lies in the few cells of about its own size that it
 * touches. Offsets are rounded to doubles on their way to a cell, which keeps their order, so that what overlaps shares a cell.
 */
export class RangeIndex<L extends Ordered & LockRange> implements LockIndex<L, LockRange> {
  readonly #levels = new Map<number, Map<number, Cell<L>>>();
  #last = 0;

  add(lock: L): void {
    lock.order = ++this.#last;
    const level = levelOf(lock);
    let cells = this.#levels.get(level);
    if (cells === undefined) {
      cells = new Map();
      this.#levels.set(level, cells);
    }
    const end = cellAt(lock.end, level);
    for (let at = cellAt(lock.start, level); at <= end; at++) {
      let cell = cells.get(at);
      if (cell === undefined) {
        cell = { reads: [], writes: [] };
        cells.set(at, cell);
      }
      bucketOf(cell, lock.type).push(lock);
    }
  }

  remove(lock: L): void {
    const level = levelOf(lock);
    const cells = defined(this.#levels.get(level), INDEXED);
    const end = cellAt(lock.end, level);
    for (let at = cellAt(lock.start, level); at <= end; at++) {
      const cell = defined(cells.get(at), INDEXED);
      removeOrdered(bucketOf(cell, lock.type), lock);
      if (cell.reads.length === 0 && cell.writes.length === 0) cells.delete(at);
    }
    if (cells.size === 0) this.#levels.delete(level);
  }

  find(request: LockRange, pick: Pick<L>): L | undefined {
    const withReads = request.type === LockType.write;
    for (const [level, cells] of this.#levels) {
      const start = cellAt(request.start, level);
      const end = Math.min(cellAt(request.end, level), LAST_CELL);
      if (end - start < cells.size) {
        for (let at = start; at <= end; at++) {
          const cell = cells.get(at);
          const found = cell === undefined ? undefined : pickOf(cell, withReads, pick);
          if (found !== undefined) return found;
        }
        continue;
      }
      for (const [at, cell] of cells) {
        const found = at < start || at > end ? undefined : pickOf(cell, withReads, pick);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function bucketOf<L>(cell: Cell<L>, type: number): L[] {
  return type === LockType.write ? cell.writes : cell.reads;
}

function pickOf<L>(cell: Cell<L>, withReads: boolean, pick: Pick<L>): L | undefined {
  const found = cell.writes.length === 0 ? undefined : pick(cell.writes);
  return found !== undefined || !withReads || cell.reads.length === 0 ? found : pick(cell.reads);
}

/** Numbers of cells are exact, and no lock lies in a cell behind this one. */
const LAST_CELL = 2 ** 52;

/** Of the size of the range, unless that would make cells of it with numbers too high to be told apart. */
function levelOf({ start, end }: LockRange): number {
  return Math.max(Math.ceil(Math.log2(Number(end - start) + 1)), Math.ceil(Math.log2((Number(end) + 1) / LAST_CELL)));
}

function cellAt(offset: bigint, level: number): number {
  return Math.floor(Number(offset) / 2 ** level);
}
