/**
 * Reserve locks: a client sets ranges aside to take its POSIX locks again after a reconnection. Only very old clients use
 * them. A reservation holds back POSIX lock requests of others on exactly its range, and goes when its owner locks it.
 */

import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert } from '../../../../../native/assert.js';
import { EAGAIN, EINVAL } from '../../../../../native/errno.js';
import type { LockUsers } from '../lock-users.js';

interface Reservation {
  client: Client;
  owner: string;
  start: bigint;
  end: bigint;
}
interface Queued extends Reservation {
  /** A reservation is wanted; false: a POSIX lock request that is held back. */
  reserve: boolean;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class ReserveLocks {
  #held: Reservation[] = [];
  #queue: Queued[] = [];
  readonly #users: LockUsers<unknown>;

  constructor(users: LockUsers<unknown>) {
    this.#users = users;
  }

  #at(r: Reservation): Reservation | undefined {
    return this.#held.find((h) => h.start === r.start && h.end === r.end);
  }

  #wait(r: Reservation, reserve: boolean): Promise<void> {
    this.#users.add(r.client);
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...r, reserve, resolve, reject });
    });
  }

  /** Reserves a range; EAGAIN, or waits, if it is reserved. */
  reserve(r: Reservation, mayWait: boolean): Promise<void> | null {
    if (this.#at(r) !== undefined) {
      if (!mayWait) throw failure(EAGAIN);
      return this.#wait(r, true);
    }
    this.#held.push(r);
    this.#users.add(r.client);
    return null;
  }

  /** Releases a reservation. EINVAL if there is none on this range. */
  release(r: Reservation): void {
    const held = this.#at(r);
    if (held === undefined) throw failure(EINVAL);
    this.#remove(held);
    this.#wake();
  }

  /** A POSIX lock request passes: at once, or when the range is no longer reserved by another owner. */
  pass(r: Reservation): Promise<void> | null {
    const held = this.#at(r);
    if (held === undefined) return null;
    if (held.owner !== r.owner) return this.#wait(r, false);
    this.#remove(held);
    this.#wake();
    return null;
  }

  #remove(r: Reservation): void {
    const at = this.#held.indexOf(r);
    assert(at >= 0, 'a reservation is given back once');
    this.#held.splice(at, 1);
    this.#users.remove(r.client);
  }

  #wake(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const q of queue) {
      if (this.#at(q) !== undefined) {
        this.#queue.push(q);
        continue;
      }
      if (q.reserve) this.#held.push({ client: q.client, owner: q.owner, start: q.start, end: q.end });
      else this.#users.remove(q.client);
      q.resolve();
    }
  }

  dropClient(client: Client): void {
    const refused = this.#queue.filter((q) => q.client === client);
    this.#queue = this.#queue.filter((q) => q.client !== client);
    for (const q of refused) {
      this.#users.remove(client);
      q.reject(failure(EAGAIN));
    }
    for (const held of this.#held.filter((h) => h.client === client)) this.#remove(held);
    this.#wake();
  }
}
