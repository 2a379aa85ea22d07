/**
 * Grants POSIX record locks of one inode. What an owner (a client process and the lock-owner that it names) holds is a
 * list of disjoint ranges in order; an index of the ranges of all owners finds conflicts. Requests that must wait are
 * in one queue and are granted in its order as ranges become free.
 */

import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Flock } from '../../../../../mux/xlator/fops.js';
import type { Client, Fd } from '../../../../../mux/xlator/inode.js';
import { assert, defined } from '../../../../../native/assert.js';
import { EAGAIN } from '../../../../../native/errno.js';
import { type LockRange, RangeIndex } from '../lock-index.js';
import { LockType, now } from '../lock-text.js';
import { checkWaiting, type LockUsers } from '../lock-users.js';
import { flockOf, HeldRange, type Holder, type Range, Waiting } from './posix-lock.js';
import { PosixQueue } from './posix-queue.js';

/** Index of the first range that ends at `start` or later. */
function firstFrom(ranges: readonly Range[], start: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    // biome-ignore lint/style/noNonNullAssertion: low <= mid < high <= length
    if (ranges[mid]!.end < start) low = mid + 1;
    else high = mid;
  }
  return low;
}

export class PosixLocks {
  readonly holders = new Map<string, Holder>();
  /** Called whenever locks may have been released. */
  onFreed: (() => void) | null = null;
  readonly #held = new RangeIndex<HeldRange>();
  readonly #queue: PosixQueue;
  readonly #users: LockUsers<unknown>;
  /** Holders of each client. */
  readonly #clients = new Map<Client, Set<Holder>>();
  /** Held ranges and waiting requests of each fd. */
  readonly #fds = new Map<Fd, number>();
  #heldCount = 0;

  constructor(users: LockUsers<unknown>) {
    this.#users = users;
    this.#queue = new PosixQueue({
      blockerOf: ({ client, owner, range }) => this.#conflict(client, owner, range),
      grant: (waiting) => this.#grantTo(waiting),
    });
  }

  get empty(): boolean {
    return this.#heldCount === 0 && this.waiting.length === 0;
  }

  /** Requests that wait, in the order of the queue. */
  get waiting(): readonly Waiting[] {
    return this.#queue.all;
  }
  get heldCount(): number {
    return this.#heldCount;
  }
  /** Locks held and waited for. */
  get count(): number {
    return this.#heldCount + this.waiting.length;
  }

  /** The holder of an owner; a fresh one, not yet among the holders, when it has nothing. */
  holder(client: Client, owner: string): Holder {
    return this.holders.get(`${client.id}/${owner}`) ?? { client, owner, ranges: [] };
  }

  /** A held range that may conflict with a request and that `which` accepts. */
  find(request: LockRange, which: (held: HeldRange) => boolean): HeldRange | undefined {
    return this.#held.find(request, (bucket) => bucket.find(which));
  }

  /** A range of somebody else that keeps the request from being granted. */
  conflict({ client, owner }: Holder, request: Range): HeldRange | null {
    if (request.type === LockType.unlock) return null;
    return this.#conflict(client, owner, request) ?? null;
  }

  #conflict(client: Client, owner: string, { type, start, end }: Range): HeldRange | undefined {
    return this.find({ type, start, end }, (held) => {
      if (held.end < start || held.start > end) return false;
      return held.holder.client !== client || held.holder.owner !== owner;
    });
  }

  /**
   * Sets (or with F_UNLCK clears) a range for an owner. Ranges of the same type and mode that it overlaps become one with
   * it; of others only what lies outside stays.
   */
  apply(asked: Holder, request: Range): void {
    // Another request of the same owner may have been granted meanwhile: the holder is looked up again.
    const holder = this.holder(asked.client, asked.owner);
    const { ranges } = holder;
    const from = firstFrom(ranges, request.start);
    let { start, end } = request;
    let left: HeldRange | null = null;
    let right: HeldRange | null = null;
    let to = from;
    for (let range = ranges[to]; range !== undefined && range.start <= request.end; range = ranges[++to]) {
      if (request.type !== LockType.unlock && range.type === request.type && range.mode === request.mode) {
        if (range.start < start) start = range.start;
        if (range.end > end) end = range.end;
        continue;
      }
      if (range.start < request.start) {
        left = new HeldRange(holder, range, range.start, request.start - 1n, range.grantedAt);
      }
      if (range.end > request.end) right = new HeldRange(holder, range, request.end + 1n, range.end, range.grantedAt);
    }
    const put: HeldRange[] = [];
    if (left !== null) put.push(left);
    if (request.type !== LockType.unlock) put.push(new HeldRange(holder, request, start, end, now()));
    if (right !== null) put.push(right);
    const more = put.length - (to - from);
    // Fails for a client that has too many: before anything has changed.
    if (more > 0) this.#users.add(holder.client, more);
    else if (more < 0) this.#users.remove(holder.client, -more);
    const had = ranges.length;
    const replaced = ranges.splice(from, to - from, ...put);
    for (const range of replaced) this.#dropped(range);
    for (const range of put) this.#taken(range);
    if (had === 0 && ranges.length > 0) this.#add(holder);
    if (had > 0 && ranges.length === 0) this.#remove(holder);
  }

  /** Puts a request at the end of the queue. Resolves with the lock once it is granted. */
  wait(holder: Holder, range: Range): Promise<Flock> {
    range.blockedAt = now();
    checkWaiting(this.#queue.countOf(holder.client));
    this.#users.add(holder.client);
    this.#countFd(range.fd, 1);
    return new Promise((resolve, reject) => this.#queue.push(new Waiting(holder, range, resolve, reject)));
  }

  /** Grants what has become possible, in the order of the queue. */
  grant(): void {
    this.#queue.grant();
    this.onFreed?.();
  }

  #grantTo({ client, owner, range, resolve, reject }: Waiting): void {
    // Its place among the users goes to what it is granted.
    this.#countFd(range.fd, -1);
    this.#users.remove(client);
    try {
      this.apply(this.holder(client, owner), range);
    } catch (error) {
      reject(error);
      return;
    }
    resolve(flockOf(range, owner));
  }

  /** Makes waiting requests those of another fd and its client. */
  moveWaiting(which: (range: Range) => boolean, fd: Fd): void {
    for (const waiting of this.waiting.filter((w) => which(w.range))) {
      this.#users.add(fd.client);
      this.#users.remove(waiting.client);
      this.#countFd(waiting.range.fd, -1);
      this.#countFd(fd, 1);
      this.#queue.move(waiting, fd);
    }
  }

  /** Removes the requests that `which` picks from the queue and fails them. */
  refuse(which: (waiting: Waiting) => boolean, errno: number): number {
    return this.#refuse(this.waiting.filter(which), errno);
  }

  #refuse(refused: readonly Waiting[], errno: number): number {
    // The last first: each then has few behind it in the queue.
    for (const waiting of [...refused].sort((a, b) => b.order - a.order)) this.#queue.remove(waiting);
    for (const waiting of refused) {
      this.#countFd(waiting.range.fd, -1);
      this.#users.remove(waiting.client);
      waiting.reject(failure(errno));
    }
    return refused.length;
  }

  /** Removes the ranges that `which` picks; returns how many there were. Nothing is granted yet. */
  drop(which: (range: HeldRange) => boolean): number {
    let dropped = 0;
    for (const holder of [...this.holders.values()]) dropped += this.#dropOf(holder, which);
    return dropped;
  }

  #dropOf(holder: Holder, which: (range: HeldRange) => boolean): number {
    const dropped = holder.ranges.filter(which);
    if (dropped.length === 0) return 0;
    holder.ranges = holder.ranges.filter((range) => !which(range));
    for (const range of dropped) this.#dropped(range);
    this.#users.remove(holder.client, dropped.length);
    if (holder.ranges.length === 0) this.#remove(holder);
    return dropped.length;
  }

  /** Everything that an owner holds (close of one of its files). What it waits for stays. */
  dropOwner(client: Client, owner: string): void {
    const holder = this.holders.get(`${client.id}/${owner}`);
    if (holder === undefined) return;
    this.#dropOf(holder, () => true);
    this.grant();
  }

  /** Everything of an fd; what waits for it fails with EAGAIN. */
  dropFd(fd: Fd): void {
    if (!this.hasFd(fd)) return;
    this.refuse((w) => w.range.fd === fd, EAGAIN);
    this.drop((range) => range.fd === fd);
    this.grant();
  }

  /** Releases everything of a disconnected client. Locks that it migrated here for others stay. */
  dropClient(client: Client): void {
    this.#refuse(this.#queue.of(client), EAGAIN);
    for (const holder of [...(this.#clients.get(client) ?? [])]) this.#dropOf(holder, (range) => range.fd !== null);
    this.grant();
  }

  /** Something of this fd is held or waited for. */
  hasFd(fd: Fd): boolean {
    return this.#fds.has(fd);
  }

  // --- bookkeeping ----------------------------------------------------------------------------------------------------

  #taken(range: HeldRange): void {
    this.#held.add(range);
    this.#heldCount++;
    this.#countFd(range.fd, 1);
  }

  #dropped(range: HeldRange): void {
    this.#held.remove(range);
    this.#heldCount--;
    assert(this.#heldCount >= 0, 'held ranges are counted');
    this.#countFd(range.fd, -1);
    this.#queue.freed(range);
  }

  #countFd(fd: Fd | null, change: number): void {
    if (fd === null) return;
    const count = (this.#fds.get(fd) ?? 0) + change;
    assert(count >= 0, 'what an fd has locked or awaits is counted');
    if (count === 0) this.#fds.delete(fd);
    else this.#fds.set(fd, count);
  }

  #add(holder: Holder): void {
    this.holders.set(`${holder.client.id}/${holder.owner}`, holder);
    const known = this.#clients.get(holder.client);
    if (known === undefined) this.#clients.set(holder.client, new Set([holder]));
    else known.add(holder);
  }

  #remove(holder: Holder): void {
    this.holders.delete(`${holder.client.id}/${holder.owner}`);
    const known = defined(this.#clients.get(holder.client), 'a holder is among those of its client');
    known.delete(holder);
    if (known.size === 0) this.#clients.delete(holder.client);
  }
}
