/**
 * Grants and queues inode and entry locks: granted locks, and requests that wait in order. An inode has one list of
 * each kind per domain.
 *
 * A request that waits is kept with one lock or earlier request that is in its way, and looked at again when that goes: thousands may
 * wait without each release looking at all of them. The one chosen is the last of those queued before, so that of many that want the
 * same, each waits for the one ahead of it.
 */
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { EAGAIN } from '../../../../../native/errno.js';
import { type LockIndex, placeOf, removeOrdered } from '../lock-index.js';
import { checkWaiting, type LockUsers } from '../lock-users.js';
import type { InternalLock } from './internal-lock.js';
import { LockOwners } from './lock-owners.js';

/** Requests that are checked when deciding whether to notify the holder of a lock. */
const MOST_LOOKS = 64;

/** What a list asks of its surroundings. */
export interface ListHost<L> {
  /** False keeps a request waiting although no lock is in its way. */
  mayGrant(lock: L): boolean;
  /** A request met a lock that somebody holds. */
  contended(held: L): void;
}

/** In the order in which many locks leave a list with the least effort: each then has few behind it. */
function lastFirst<L extends InternalLock>(locks: readonly L[]): L[] {
  return [...locks].sort((a, b) => b.order - a.order);
}

export class LockList<L extends InternalLock & Q, Q> {
  readonly #granted: L[] = [];
  readonly #waiting: L[] = [];
  readonly #grantedIndex: LockIndex<L, Q>;
  readonly #waitingIndex: LockIndex<L, Q>;
  readonly #owners = new LockOwners<L>();
  /** Requests that wait and may be granted now. */
  #again: L[] = [];
  /** Requests that wait because the host says so. */
  readonly #heldUp = new Set<L>();
  readonly #users: LockUsers<unknown>;
  readonly #host: ListHost<L>;

  constructor(users: LockUsers<unknown>, host: ListHost<L>, index: () => LockIndex<L, Q>) {
    this.#users = users;
    this.#host = host;
    this.#grantedIndex = index();
    this.#waitingIndex = index();
  }

  get granted(): readonly L[] {
    return this.#granted;
  }
  get waiting(): readonly L[] {
    return this.#waiting;
  }
  get empty(): boolean {
    return this.#granted.length === 0 && this.#waiting.length === 0;
  }
  get count(): number {
    return this.#granted.length + this.#waiting.length;
  }

  /** Some other client than this holds a lock for an application. */
  heldForOthers(client: Client): boolean {
    return this.#owners.heldForOthers(client);
  }

  /** The client holds a lock. */
  holds(client: Client): boolean {
    return this.#owners.holds(client);
  }

  /** A granted lock that may conflict with the request and that `which` accepts. */
  findHeld(request: Q, which: (held: L) => boolean): L | undefined {
    return this.#grantedIndex.find(request, (bucket) => bucket.find(which));
  }

  // --- who is in the way ----------------------------------------------------------------------------------------------

  #heldByOther(lock: L): L | undefined {
    return this.findHeld(lock, (held) => held.conflicts(lock) && !held.sameOwner(lock));
  }

  /** A request in the way that was there before. */
  #earlier(lock: L): L | undefined {
    const order = lock.state === 'waiting' ? lock.order : Number.POSITIVE_INFINITY;
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.order < order && last.conflicts(lock)) return last;
    return this.#waitingIndex.find(lock, (bucket) => {
      for (let i = placeOf(bucket, order) - 1; i >= 0; i--) {
        const earlier = bucket[i];
        if (earlier?.conflicts(lock)) return earlier;
      }
      return undefined;
    });
  }

  /**
   * What keeps the request from being granted: a lock that somebody else holds, or a request that waits already. Owners that have or
   * await a lock here are not held up by the latter: they may need this one before they can let go of that.
   */
  #blockerOf(lock: L): L | undefined {
    const owned = this.#owners.of(lock);
    const first = owned?.waiting[0];
    const known = owned !== undefined && (owned.granted.length > 0 || (first !== undefined && first !== lock));
    return (known ? undefined : this.#earlier(lock)) ?? this.#heldByOther(lock);
  }

  /** Tells the holders of all locks in the request's way. */
  #contend(lock: L): void {
    this.#grantedIndex.find(lock, (bucket) => {
      for (const held of bucket) if (held.conflicts(lock) && !held.sameOwner(lock)) this.#host.contended(held);
      return undefined;
    });
  }

  // --- requests -------------------------------------------------------------------------------------------------------

  /** Null: granted. Else EAGAIN, or a promise of the grant if the request may wait. */
  lock(lock: L, mayWait: boolean): Promise<null> | null {
    const may = this.#host.mayGrant(lock);
    const blocker = may ? this.#blockerOf(lock) : undefined;
    if (may && blocker === undefined) {
      this.#users.add(lock.client);
      this.#take(lock);
      return null;
    }
    if (may) this.#contend(lock);
    if (!mayWait) throw failure(EAGAIN);
    checkWaiting(this.#owners.waitingOf(lock.client));
    this.#users.add(lock.client);
    this.#enqueue(lock, blocker);
    return lock.answered();
  }

  /** False when no such lock is held. Grants nothing yet. */
  unlock(request: L): boolean {
    const lock = this.#owners.of(request)?.granted.find((held) => request.matches(held));
    if (lock === undefined) return false;
    this.#release(lock);
    return true;
  }

  /** Grants what has become possible, in the order of the queue: none overtakes one that it conflicts with. */
  grant(): void {
    if (this.#again.length === 0 && this.#heldUp.size === 0) return;
    const ready: L[] = [];
    // The first in the queue last.
    const candidates = [...this.#again, ...this.#heldUp].sort((a, b) => b.order - a.order);
    this.#again = [];
    for (let lock = candidates.pop(); lock !== undefined; lock = candidates.pop()) {
      if (lock.state !== 'waiting' || !lock.client.alive) continue;
      if (!this.#host.mayGrant(lock)) {
        this.#heldUp.add(lock);
        continue;
      }
      this.#heldUp.delete(lock);
      const blocker = this.#blockerOf(lock);
      if (blocker !== undefined) {
        this.#waitFor(lock, blocker);
        if (blocker.state === 'granted') this.#host.contended(blocker);
        continue;
      }
      this.#dequeue(lock);
      this.#take(lock);
      ready.push(lock);
      if (this.#again.length === 0) continue;
      candidates.push(...this.#again);
      candidates.sort((a, b) => b.order - a.order);
      this.#again = [];
    }
    for (const lock of ready) lock.tellGranted();
  }

  // --- locks taken away -----------------------------------------------------------------------------------------------

  /** Fails waiting requests that `which` picks with EAGAIN; returns how many. */
  refuse(which: (lock: L) => boolean): number {
    return this.#refuse(this.#waiting.filter(which));
  }

  /** Removes granted locks that `which` picks; returns how many. Grants nothing yet. */
  drop(which: (lock: L) => boolean): number {
    const dropped = this.#granted.filter(which);
    for (const lock of lastFirst(dropped)) this.#release(lock);
    return dropped.length;
  }

  /** Ends everything of a client. Grants nothing yet. */
  dropClient(client: Client): void {
    const all = this.#owners.ofClient(client);
    this.#refuse(all.flatMap((owned) => owned.waiting));
    for (const lock of lastFirst(all.flatMap((owned) => owned.granted))) this.#release(lock);
  }

  #refuse(refused: readonly L[]): number {
    for (const lock of lastFirst(refused)) {
      this.#dequeue(lock);
      lock.become('gone');
      this.#goesOutOfTheWay(lock);
    }
    for (const lock of refused) {
      this.#users.remove(lock.client);
      lock.tellRefused(EAGAIN);
    }
    return refused.length;
  }

  // --- bookkeeping ----------------------------------------------------------------------------------------------------

  #enqueue(lock: L, blocker: L | undefined): void {
    lock.become('waiting');
    this.#waitingIndex.add(lock);
    this.#waiting.push(lock);
    this.#owners.addWaiting(lock);
    if (blocker === undefined) this.#heldUp.add(lock);
    else this.#waitFor(lock, blocker);
  }

  #waitFor(lock: L, blocker: L): void {
    lock.blocker = blocker;
    blocker.blocked ??= new Set();
    blocker.blocked.add(lock);
  }

  /** Takes a request out of the queue, to be granted or dropped. Requests that wait for it still do. */
  #dequeue(lock: L): void {
    lock.blocker?.blocked?.delete(lock);
    lock.blocker = null;
    this.#heldUp.delete(lock);
    this.#waitingIndex.remove(lock);
    removeOrdered(this.#waiting, lock);
    this.#owners.removeWaiting(lock);
  }

  #take(lock: L): void {
    lock.become('granted');
    this.#grantedIndex.add(lock);
    this.#granted.push(lock);
    const owned = this.#owners.addGranted(lock);
    if (this.#waiting.length === 0) return;
    // Its owner may pass others from now on: what it awaited first may be kept with a request that it may pass.
    const first = owned.waiting[0];
    if (first?.blocker?.state === 'waiting') this.#lookAgain(first);
    if (this.#wanted(lock)) this.#host.contended(lock);
  }

  /** Whether a request waits for the lock. Not detected behind very many requests of its own owner. */
  #wanted(lock: L): boolean {
    if (lock.blocked !== null && lock.blocked.size > 0) return true;
    let looks = 0;
    let wanted = false;
    this.#waitingIndex.find(lock, (bucket) =>
      bucket.find((w) => {
        wanted = w.conflicts(lock) && !w.sameOwner(lock);
        return wanted || ++looks > MOST_LOOKS;
      }),
    );
    return wanted;
  }

  #release(lock: L): void {
    lock.become('gone');
    this.#grantedIndex.remove(lock);
    removeOrdered(this.#granted, lock);
    this.#owners.removeGranted(lock);
    this.#users.remove(lock.client);
    this.#goesOutOfTheWay(lock);
  }

  #goesOutOfTheWay(lock: L): void {
    const { blocked } = lock;
    lock.blocked = null;
    for (const request of blocked ?? []) {
      request.blocker = null;
      this.#again.push(request as L);
    }
  }

  #lookAgain(request: L): void {
    request.blocker?.blocked?.delete(request);
    request.blocker = null;
    this.#again.push(request);
  }
}
