/**
 * The queueing that inodelk and entrylk share: granted locks, and requests that wait in order. A domain has one list of
 * each kind per inode; lists of different domains know nothing of each other.
 */
import { EAGAIN } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type { Client } from '../../../../posix/contract/inode.js';
import { now } from './lock-text.js';
import { checkWaiting, type Users } from './users.js';

export abstract class InternalLock {
  readonly client: Client;
  readonly owner: string;
  /** The calling process. */
  readonly pid: number;
  readonly connectionId: string;
  /** Seconds since the epoch; 0: never. */
  grantedAt = 0;
  blockedAt = 0;
  /** When its holder was last told that others wait (milliseconds, monotonic); below zero: never. */
  notifiedAt = Number.NEGATIVE_INFINITY;
  resolve: ((value: null) => void) | null = null;
  reject: ((error: unknown) => void) | null = null;

  constructor(client: Client, owner: string, pid: number, connectionId: string) {
    this.client = client;
    this.owner = owner;
    this.pid = pid;
    this.connectionId = connectionId;
  }

  sameOwner(other: InternalLock): boolean {
    return this.client === other.client && this.owner === other.owner;
  }
  /** Both can't be held, were they of different owners. */
  abstract conflicts(other: this): boolean;
  /** An unlock request for `other`. */
  abstract matches(other: this): boolean;
}

/** Why locks are taken away. */
export interface Overdue {
  reason: 'age' | 'max blocked';
  ageSec: number;
}

/** What a list asks of its surroundings. */
export interface ListHost<L> {
  /** False keeps a request waiting although no lock is in its way. */
  mayGrant(lock: L): boolean;
  /** A request met a lock that somebody holds. */
  contended(held: L): void;
}

export class LockList<L extends InternalLock> {
  readonly granted: L[] = [];
  waiting: L[] = [];
  readonly #users: Users<unknown>;
  readonly #host: ListHost<L>;

  constructor(users: Users<unknown>, host: ListHost<L>) {
    this.#users = users;
    this.#host = host;
  }

  get empty(): boolean {
    return this.granted.length === 0 && this.waiting.length === 0;
  }
  get count(): number {
    return this.granted.length + this.waiting.length;
  }

  /**
   * Granted unless somebody else holds a lock in the way, or a request in the way waits already. Owners that have or await
   * a lock here are not held up by the latter: they may need this one before they can let go of that.
   */
  #grantable(lock: L): boolean {
    if (!this.#host.mayGrant(lock)) return false;
    let free = true;
    for (const held of this.granted) {
      if (!held.conflicts(lock) || held.sameOwner(lock)) continue;
      free = false;
      this.#host.contended(held);
    }
    if (!free) return false;
    if (!this.waiting.some((w) => w.conflicts(lock))) return true;
    return this.granted.some((g) => g.sameOwner(lock)) || this.waiting.some((w) => w.sameOwner(lock));
  }

  #take(lock: L): void {
    lock.grantedAt = now();
    this.granted.push(lock);
  }

  /** Null: granted. Else EAGAIN, or a promise of the grant if the request may wait. */
  lock(lock: L, mayWait: boolean): Promise<null> | null {
    if (this.#grantable(lock)) {
      this.#users.add(lock.client);
      this.#take(lock);
      return null;
    }
    if (!mayWait) throw failure(EAGAIN);
    checkWaiting(this.waiting, lock.client, (w) => w.client);
    this.#users.add(lock.client);
    lock.blockedAt = now();
    this.waiting.push(lock);
    return new Promise((resolve, reject) => {
      lock.resolve = resolve;
      lock.reject = reject;
    });
  }

  /** False when no such lock is held. Grants nothing yet. */
  unlock(request: L): boolean {
    const at = this.granted.findIndex((held) => request.matches(held));
    if (at < 0) return false;
    const [lock] = this.granted.splice(at, 1);
    this.#users.remove(lock!.client);
    return true;
  }

  /** Grants what has become possible, in the order of the queue: none overtakes one that it conflicts with. */
  grant(): void {
    if (this.waiting.length === 0) return;
    const queue = this.waiting;
    this.waiting = [];
    const ready: L[] = [];
    for (const lock of queue) {
      if (lock.client.alive && this.#grantable(lock)) {
        this.#take(lock);
        ready.push(lock);
      } else {
        this.waiting.push(lock);
      }
    }
    for (const lock of ready) lock.resolve!(null);
  }

  /** Whether locks are to be taken away for a request: one in its way is older than that, or as many wait. */
  overdue(request: L, limits: { seconds: number; maxBlocked: number }): Overdue | null {
    if (this.granted.length === 0) return null;
    let ageSec = 0;
    for (const held of this.granted) {
      if (!held.conflicts(request)) continue;
      ageSec = now() - held.grantedAt;
      if (ageSec > limits.seconds) return { reason: 'age', ageSec };
    }
    if (limits.maxBlocked === 0 || this.waiting.length < limits.maxBlocked) return null;
    return { reason: 'max blocked', ageSec };
  }

  /** Fails waiting requests that `which` picks with EAGAIN; returns how many. */
  refuse(which: (lock: L) => boolean): number {
    const refused: L[] = [];
    const kept: L[] = [];
    for (const lock of this.waiting) (which(lock) ? refused : kept).push(lock);
    if (refused.length === 0) return 0;
    this.waiting = kept;
    for (const lock of refused) {
      this.#users.remove(lock.client);
      lock.reject!(failure(EAGAIN));
    }
    return refused.length;
  }

  /** Removes granted locks that `which` picks; returns how many. Grants nothing yet. */
  drop(which: (lock: L) => boolean): number {
    const dropped: L[] = [];
    let left = 0;
    for (const lock of this.granted) {
      if (which(lock)) dropped.push(lock);
      else this.granted[left++] = lock;
    }
    this.granted.length = left;
    for (const lock of dropped) this.#users.remove(lock.client);
    return dropped.length;
  }
}
