/**
 * Counts how often each file was opened, read and written since the brick's start, for `volume top`. Counters are in
 * flat arrays, some 90 bytes per inode that was opened or created here and is still in the inode table. Lists are built
 * on request; a dropped inode is kept only while it has a place in one of them.
 */
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf, pathUnder } from '../../../../mux/xlator/known-path.js';
import { defined } from '../../../../native/assert.js';
import { add, cell } from './cells.js';

/** What is counted per file. */
export const Activity = { open: 0, read: 1, write: 2, opendir: 3, readdirp: 4, readSpeed: 5, writeSpeed: 6 } as const;
export type Activity = (typeof Activity)[keyof typeof Activity];
/** The first are counts, the last two the best speeds seen. */
const COUNTS = 5;
const SPEEDS = 2;
/** The count by which a list is ordered. */
const useOf = (activity: number): number =>
  activity === Activity.readSpeed ? Activity.read : activity === Activity.writeSpeed ? Activity.write : activity;

/** Members of a list at most. */
export const LIST_LIMIT = 100;
/** Forgotten files that are checked for removal at a time. */
const GONE_LIMIT = 1500;
const FIRST_SIZE = 64;

/** A member of a list. value: a count, or bytes per microsecond; time: of its last use, milliseconds since the epoch. */
export interface BusyFile {
  path: string;
  value: number;
  time: number;
}

/** A file that the table has forgotten. Its counts since the lists were cleared are 0 where it is in no list. */
interface Gone {
  path: string;
  values: Float64Array;
  time: number;
}

export class BusyFiles {
  readonly #slot: number;
  #files: (Inode | null)[] = [];
  #parents: (Inode | null)[] = [];
  #names: string[] = [];
  #counts = new Float64Array(0);
  #times = new Float64Array(0);
  /** Null while none was ever measured. */
  #speeds: Float64Array | null = null;
  /** The counts when the lists were cleared: a file has its place again when it is used again. Null: never cleared. */
  #cleared: Float64Array | null = null;
  #free: number[] = [];
  #gone: Gone[] = [];
  /** Values that a forgotten file must exceed to be kept. */
  readonly #threshold = new Float64Array(COUNTS + SPEEDS);

  /** slot: where inodes keep the number of their counters. */
  constructor(slot: number) {
    this.#slot = slot;
  }

  /** Files that have counters. */
  get size(): number {
    return this.#files.length - this.#free.length;
  }

  /** Gives a file counters, if it has none: it is counted from now on. parent, name: by which it is known. */
  add(inode: Inode, parent = inode.parent, name = inode.name): void {
    if (inode.ctx[this.#slot] !== undefined) return;
    let i = this.#free.pop();
    if (i === undefined) {
      i = this.#files.length;
      if (i >= this.#times.length) this.#grow();
    }
    this.#files[i] = inode;
    this.#parents[i] = parent;
    this.#names[i] = name;
    inode.ctx[this.#slot] = i;
  }

  #grow(): void {
    const size = Math.max(FIRST_SIZE, this.#times.length * 2);
    const larger = (old: Float64Array, per: number) => {
      const fresh = new Float64Array(size * per);
      fresh.set(old);
      return fresh;
    };
    this.#counts = larger(this.#counts, COUNTS);
    this.#times = larger(this.#times, 1);
    if (this.#speeds !== null) this.#speeds = larger(this.#speeds, SPEEDS);
    if (this.#cleared !== null) this.#cleared = larger(this.#cleared, COUNTS);
  }

  /** Counts a use of a file that has counters. */
  count(inode: Inode, activity: number): void {
    const i = inode.ctx[this.#slot] as number | undefined;
    if (i === undefined) return;
    add(this.#counts, i * COUNTS + activity, 1);
    this.#times[i] = Date.now();
  }

  /** Notes a read or write at that speed (bytes per microsecond). */
  speed(inode: Inode, activity: number, speed: number): void {
    const i = inode.ctx[this.#slot] as number | undefined;
    if (i === undefined) return;
    this.#speeds ??= new Float64Array(this.#times.length * SPEEDS);
    const at = i * SPEEDS + activity - COUNTS;
    if (speed > cell(this.#speeds, at)) this.#speeds[at] = speed;
  }

  /** The inode is forgotten. Returns whether it had counters. */
  forget(inode: Inode): boolean {
    const i = inode.ctx[this.#slot] as number | undefined;
    if (i === undefined) return false;
    inode.ctx[this.#slot] = undefined;
    let keep = false;
    for (let a = 0; a < COUNTS + SPEEDS && !keep; a++) keep = this.#value(i, a) > cell(this.#threshold, a);
    if (keep) this.#keep(i);
    this.#files[i] = null;
    this.#parents[i] = null;
    this.#names[i] = '';
    this.#counts.fill(0, i * COUNTS, (i + 1) * COUNTS);
    this.#cleared?.fill(0, i * COUNTS, (i + 1) * COUNTS);
    this.#speeds?.fill(0, i * SPEEDS, (i + 1) * SPEEDS);
    this.#free.push(i);
    if (this.#free.length === this.#files.length) this.#empty();
    return true;
  }

  /** No file is left: nor is their memory. */
  #empty(): void {
    this.#files = [];
    this.#parents = [];
    this.#names = [];
    this.#free = [];
    this.#counts = new Float64Array(0);
    this.#times = new Float64Array(0);
    this.#speeds = null;
    this.#cleared = null;
  }

  /** A file's value in a list; -1 if it has no place there: unused since the lists were cleared. */
  #value(i: number, activity: number): number {
    const at = i * COUNTS + useOf(activity);
    const uses = cell(this.#counts, at);
    if (uses === 0 || uses === this.#cleared?.[at]) return -1;
    return activity < COUNTS ? uses : (this.#speeds?.[i * SPEEDS + activity - COUNTS] ?? 0);
  }

  #keep(i: number): void {
    const values = new Float64Array(COUNTS + SPEEDS);
    for (let a = 0; a < values.length; a++) values[a] = this.#value(i, a);
    this.#gone.push({ path: this.#path(i), values, time: cell(this.#times, i) });
    if (this.#gone.length > GONE_LIMIT) this.#prune();
  }

  /** Keeps forgotten files that could still appear in a list. */
  #prune(): void {
    const kept = new Set<Gone>();
    for (let a = 0; a < COUNTS + SPEEDS; a++) {
      const members = this.#gone.filter((g) => cell(g.values, a) >= 0);
      members.sort((x, y) => cell(y.values, a) - cell(x.values, a) || y.time - x.time);
      const last = members[LIST_LIMIT - 1];
      if (last !== undefined) this.#threshold[a] = cell(last.values, a);
      for (const member of members.slice(0, LIST_LIMIT)) kept.add(member);
    }
    this.#gone = this.#gone.filter((g) => kept.has(g));
  }

  /** Empties the lists. Counts go on from where they were, as in glusterfsd. */
  clear(): void {
    this.#gone = [];
    this.#threshold.fill(0);
    this.#cleared = this.#files.length === 0 ? null : this.#counts.slice();
    this.#speeds = null;
  }

  /** The busiest files, most first, the last used first among equals. */
  top(activity: Activity, limit: number): BusyFile[] {
    const wanted = Math.min(limit, LIST_LIMIT);
    const members: { value: number; time: number; i: number; path: string }[] = [];
    let least = 0;
    const shorten = (): void => {
      members.sort((a, b) => b.value - a.value || b.time - a.time || b.i - a.i);
      members.length = Math.min(members.length, wanted);
      if (members.length === wanted) least = members.at(-1)?.value ?? 0;
    };
    const offer = (value: number, time: number, i: number, path: string): void => {
      if (value < least) return;
      members.push({ value, time, i, path });
      // Now and then: a table may have a hundred thousand files.
      if (members.length > LIST_LIMIT * 20) shorten();
    };
    for (const g of this.#gone) offer(cell(g.values, activity), g.time, -1, g.path);
    for (let i = 0; i < this.#files.length; i++) {
      if (this.#files[i] !== null) offer(this.#value(i, activity), cell(this.#times, i), i, '');
    }
    shorten();
    return members.map(({ value, time, i, path }) => ({ path: i < 0 ? path : this.#path(i), value, time }));
  }

  /** The path by which a file was opened or made; by its gfid, if no name was known. */
  #path(i: number): string {
    const parent = this.#parents[i];
    return parent
      ? pathUnder(parent, this.#names[i] ?? '')
      : pathOf(defined(this.#files[i], 'a file that has counters has an inode'));
  }
}
