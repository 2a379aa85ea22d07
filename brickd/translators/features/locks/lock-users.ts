/**
 * Which clients hold locks on an inode, or wait for them: keeps the inode in its table meanwhile, and finds all locks
 * of a client when it disconnects.
 */

import { failure } from '../../../../mux/xlator/fop-error.js';
import type { Client, Inode } from '../../../../mux/xlator/inode.js';
import { assert, defined } from '../../../../native/assert.js';
import { ENOLCK } from '../../../../native/errno.js';

/**
 * Locks and waiting requests of one client: on one inode, on all of a brick, and those on one inode that wait; what other clients have
 * does not count. Each lock costs some hundred bytes. A client may be a gateway with thousands of applications behind it: these are
 * far beyond what those do. ENOLCK is what fcntl(2) has for it.
 */
export const MAX_LOCKS_OF_INODE = 32768;
export const MAX_LOCKS = 131072;
export const MAX_WAITING = 8192;

/** Inodes on which a client has or awaits locks, and how many. */
class ClientLocks<T> extends Set<T> {
  locks = 0;
}

/** ENOLCK when a client has so many requests that wait on an inode. */
export function checkWaiting(own: number): void {
  if (own >= MAX_WAITING) throw failure(ENOLCK);
}

export class LockUsers<T> {
  readonly #inode: Inode;
  readonly #slot: number;
  readonly #of: T;
  readonly #all: Set<T>;
  readonly #counts = new Map<Client, number>();

  /** of: what a client's set (at `slot` of its ctx) and the set of all get while there is a user. */
  constructor(inode: Inode, slot: number, of: T, all: Set<T>) {
    this.#inode = inode;
    this.#slot = slot;
    this.#of = of;
    this.#all = all;
  }

  get some(): boolean {
    return this.#counts.size > 0;
  }

  /** So many locks or requests more. ENOLCK, and nothing is changed, when the client has too many. */
  add(client: Client, more = 1): void {
    const count = this.#counts.get(client) ?? 0;
    const all = (client.ctx[this.#slot] ??= new ClientLocks()) as ClientLocks<T>;
    if (all.locks + more > MAX_LOCKS || count + more > MAX_LOCKS_OF_INODE) throw failure(ENOLCK);
    all.locks += more;
    if (count > 0) {
      this.#counts.set(client, count + more);
      return;
    }
    if (this.#counts.size === 0) {
      this.#inode.ref();
      this.#all.add(this.#of);
    }
    this.#counts.set(client, more);
    all.add(this.#of);
  }

  remove(client: Client, fewer = 1): void {
    const count = defined(this.#counts.get(client), 'a user of locks is removed as often as it was added');
    assert(fewer <= count, 'a user of locks is removed as often as it was added');
    const all = client.ctx[this.#slot] as ClientLocks<T>;
    all.locks -= fewer;
    if (count > fewer) {
      this.#counts.set(client, count - fewer);
      return;
    }
    this.#counts.delete(client);
    all.delete(this.#of);
    if (this.#counts.size === 0) {
      this.#all.delete(this.#of);
      this.#inode.unref();
    }
  }
}
