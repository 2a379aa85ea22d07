/**
 * POSIX record locks of one inode. What an owner (a client process and the lock-owner that it names) holds is a list of
 * disjoint ranges in order, so that a file with thousands of locks is searched by halves. Requests that must wait stand in
 * one queue and are granted in its order as ranges become free.
 */
import { EAGAIN, ENOLCK } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type { Flock } from '../../../../posix/contract/fops.js';
import type { Client, Fd } from '../../../../posix/contract/inode.js';
import { LLONG_MAX, LockType, now } from './lock-text.js';
import { checkWaiting, type Users } from './users.js';

/** Ranges of one owner on one file. */
const MAX_RANGES = 65536;

/** A range that is locked, [start, end] inclusive, or asked for. */
export interface Range {
  type: number;
  start: bigint;
  end: bigint;
  /** As the request had it. */
  whence: number;
  /** l_pid of the request: what F_GETLK reports. */
  lockPid: number;
  /** The calling process. */
  pid: number;
  /** 1: mandatory (`glusterfs.lk.lkmode`). */
  mode: number;
  /** Null for locks that came from another brick by migration. */
  fd: Fd | null;
  clientUid: string;
  grantedAt: number;
  blockedAt: number;
}

/** Everything that one owner has locked. */
export interface Holder {
  readonly client: Client;
  readonly owner: string;
  /** Disjoint, in order. */
  ranges: Range[];
}

/** A request that waits. */
export interface Waiting {
  readonly holder: Holder;
  readonly range: Range;
  readonly resolve: (flock: Flock) => void;
  readonly reject: (error: unknown) => void;
}

/** A range as F_GETLK reports it. */
export function flockOf(range: Range, owner: string): Flock {
  return {
    type: range.type,
    whence: range.whence,
    start: range.start,
    len: range.end === LLONG_MAX ? 0n : range.end - range.start + 1n,
    pid: range.lockPid,
    owner,
  };
}

/** Index of the first range that ends at `start` or later. */
function firstFrom(ranges: readonly Range[], start: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (ranges[mid]!.end < start) low = mid + 1;
    else high = mid;
  }
  return low;
}

export interface Conflict {
  holder: Holder;
  range: Range;
}

export class PosixLocks {
  readonly holders = new Map<string, Holder>();
  waiting: Waiting[] = [];
  /** Called whenever locks may have gone. */
  onFreed: (() => void) | null = null;
  readonly #users: Users<unknown>;

  constructor(users: Users<unknown>) {
    this.#users = users;
  }

  get empty(): boolean {
    return this.holders.size === 0 && this.waiting.length === 0;
  }

  /** Locks held and waited for. */
  get count(): number {
    let n = this.waiting.length;
    for (const holder of this.holders.values()) n += holder.ranges.length;
    return n;
  }

  /** The holder of an owner; a fresh one, not yet among the holders, when it has nothing. */
  holder(client: Client, owner: string): Holder {
    return this.holders.get(`${client.id}/${owner}`) ?? { client, owner, ranges: [] };
  }

  /** The first range of somebody else that keeps the request from being granted. */
  conflict(holder: Holder, request: Range): Conflict | null {
    if (request.type === LockType.unlock) return null;
    for (const other of this.holders.values()) {
      if (other.client === holder.client && other.owner === holder.owner) continue;
      const { ranges } = other;
      for (let i = firstFrom(ranges, request.start); i < ranges.length; i++) {
        const range = ranges[i]!;
        if (range.start > request.end) break;
        if (range.type === LockType.write || request.type === LockType.write) return { holder: other, range };
      }
    }
    return null;
  }

  /**
   * Sets (or with F_UNLCK clears) a range for an owner. Ranges of the same type and mode that it overlaps become one with
   * it; of others only what lies outside stays.
   */
  apply(asked: Holder, request: Range): void {
    // Another request of the same owner may have been granted meanwhile: the holder is looked up again.
    const holder = this.holder(asked.client, asked.owner);
    const { ranges } = holder;
    if (ranges.length >= MAX_RANGES && request.type !== LockType.unlock) throw failure(ENOLCK);
    const from = firstFrom(ranges, request.start);
    let { start, end } = request;
    let left: Range | null = null;
    let right: Range | null = null;
    let to = from;
    for (; to < ranges.length && ranges[to]!.start <= request.end; to++) {
      const range = ranges[to]!;
      if (request.type !== LockType.unlock && range.type === request.type && range.mode === request.mode) {
        if (range.start < start) start = range.start;
        if (range.end > end) end = range.end;
        continue;
      }
      if (range.start < request.start) left = { ...range, end: request.start - 1n };
      if (range.end > request.end) right = { ...range, start: request.end + 1n };
    }
    const put: Range[] = [];
    if (left !== null) put.push(left);
    if (request.type !== LockType.unlock) put.push({ ...request, start, end, grantedAt: now() });
    if (right !== null) put.push(right);
    const had = ranges.length > 0;
    if (!had && put.length > 0) {
      // Fails for a client that has too many: before anything has changed.
      this.#users.add(holder.client);
      this.holders.set(`${holder.client.id}/${holder.owner}`, holder);
    }
    ranges.splice(from, to - from, ...put);
    if (had && ranges.length === 0) {
      this.#gone(holder);
    }
  }

  #gone(holder: Holder): void {
    this.holders.delete(`${holder.client.id}/${holder.owner}`);
    this.#users.remove(holder.client);
  }

  /** Puts a request at the end of the queue. Resolves with the lock once it is granted. */
  wait(holder: Holder, range: Range): Promise<Flock> {
    range.blockedAt = now();
    checkWaiting(this.waiting, holder.client, (w) => w.holder.client);
    this.#users.add(holder.client);
    return new Promise((resolve, reject) => {
      this.waiting.push({ holder, range, resolve, reject });
    });
  }

  /** Grants what has become possible, in the order of the queue. */
  grant(): void {
    if (this.waiting.length > 0) this.#grantWaiting();
    this.onFreed?.();
  }

  #grantWaiting(): void {
    const still: Waiting[] = [];
    for (const waiting of this.waiting) {
      if (!waiting.holder.client.alive || this.conflict(waiting.holder, waiting.range) !== null) {
        still.push(waiting);
        continue;
      }
      // Its place among the users goes to what it is granted.
      this.#users.remove(waiting.holder.client);
      try {
        this.apply(waiting.holder, waiting.range);
      } catch (error) {
        waiting.reject(error);
        continue;
      }
      waiting.resolve(flockOf(waiting.range, waiting.holder.owner));
    }
    this.waiting = still;
  }

  /** Makes waiting requests those of another fd and its client. */
  moveWaiting(which: (range: Range) => boolean, fd: Fd): void {
    for (const [i, waiting] of this.waiting.entries()) {
      if (!which(waiting.range)) continue;
      this.#users.add(fd.client);
      this.#users.remove(waiting.holder.client);
      this.waiting[i] = {
        ...waiting,
        holder: { client: fd.client, owner: waiting.holder.owner, ranges: [] },
        range: { ...waiting.range, fd, clientUid: fd.client.uid },
      };
    }
  }

  /** Removes the requests that `which` picks from the queue and fails them. */
  refuse(which: (waiting: Waiting) => boolean, errno: number): number {
    const refused: Waiting[] = [];
    const kept: Waiting[] = [];
    for (const waiting of this.waiting) (which(waiting) ? refused : kept).push(waiting);
    if (refused.length === 0) return 0;
    this.waiting = kept;
    for (const waiting of refused) {
      this.#users.remove(waiting.holder.client);
      waiting.reject(failure(errno));
    }
    return refused.length;
  }

  /** Removes the ranges that `which` picks; returns how many there were. Nothing is granted yet. */
  drop(which: (range: Range, holder: Holder) => boolean): number {
    let dropped = 0;
    for (const holder of [...this.holders.values()]) {
      const kept = holder.ranges.filter((range) => !which(range, holder));
      if (kept.length === holder.ranges.length) continue;
      dropped += holder.ranges.length - kept.length;
      holder.ranges = kept;
      if (kept.length === 0) this.#gone(holder);
    }
    return dropped;
  }

  /** Everything that an owner holds (close of one of its files). What it waits for stays. */
  dropOwner(client: Client, owner: string): void {
    const holder = this.holders.get(`${client.id}/${owner}`);
    if (holder !== undefined) this.#gone(holder);
    this.grant();
  }

  /** Everything of an fd; what waits for it fails with EAGAIN. */
  dropFd(fd: Fd): void {
    this.refuse((w) => w.range.fd === fd, EAGAIN);
    this.drop((range) => range.fd === fd);
    this.grant();
  }

  /** Everything of a client that has gone. Locks that it brought here for others (migration) stay. */
  dropClient(client: Client): void {
    this.refuse((w) => w.holder.client === client, EAGAIN);
    this.drop((range, holder) => holder.client === client && range.fd !== null);
    this.grant();
  }

  /** Something of this fd is held or waited for. */
  hasFd(fd: Fd): boolean {
    for (const holder of this.holders.values()) for (const range of holder.ranges) if (range.fd === fd) return true;
    return this.waiting.some((w) => w.range.fd === fd);
  }
}
