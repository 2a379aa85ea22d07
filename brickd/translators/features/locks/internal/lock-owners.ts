/** The locks in one list by client and owner. */
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert, defined } from '../../../../../native/assert.js';
import { removeOrdered } from '../lock-index.js';
import type { InternalLock } from './internal-lock.js';

/** What one owner has in a list, in order. */
export interface OwnedLocks<L> {
  readonly granted: L[];
  readonly waiting: L[];
}

/** What one client has in a list. */
class ClientLocks<L> {
  readonly owners = new Map<string, OwnedLocks<L>>();
  waiting = 0;
  /** Locks that it holds for applications and not for Gluster's own processes. */
  ofApplications = 0;
}

const OWNED = 'a lock of a list is among those of its owner';

export class LockOwners<L extends InternalLock> {
  readonly #clients = new Map<Client, ClientLocks<L>>();
  #ofApplications = 0;

  /** What the owner of a lock has; undefined: nothing. */
  of(lock: L): OwnedLocks<L> | undefined {
    return this.#clients.get(lock.client)?.owners.get(lock.owner);
  }

  /** What each owner of a client has. */
  ofClient(client: Client): OwnedLocks<L>[] {
    return [...(this.#clients.get(client)?.owners.values() ?? [])];
  }

  /** How many requests of a client wait. */
  waitingOf(client: Client): number {
    return this.#clients.get(client)?.waiting ?? 0;
  }

  /** The client holds a lock. */
  holds(client: Client): boolean {
    for (const owned of this.#clients.get(client)?.owners.values() ?? []) if (owned.granted.length > 0) return true;
    return false;
  }

  /** Some other client than this holds a lock for an application. */
  heldForOthers(client: Client): boolean {
    return this.#ofApplications > (this.#clients.get(client)?.ofApplications ?? 0);
  }

  addWaiting(lock: L): void {
    const client = this.#client(lock.client);
    owned(client, lock.owner).waiting.push(lock);
    client.waiting++;
  }

  removeWaiting(lock: L): void {
    const client = defined(this.#clients.get(lock.client), OWNED);
    client.waiting--;
    this.#remove(client, lock, 'waiting');
  }

  /** Returns what its owner has with it. */
  addGranted(lock: L): OwnedLocks<L> {
    const client = this.#client(lock.client);
    const all = owned(client, lock.owner);
    all.granted.push(lock);
    if (lock.pid >= 0) {
      this.#ofApplications++;
      client.ofApplications++;
    }
    return all;
  }

  removeGranted(lock: L): void {
    const client = defined(this.#clients.get(lock.client), OWNED);
    if (lock.pid >= 0) {
      this.#ofApplications--;
      client.ofApplications--;
      assert(client.ofApplications >= 0, 'locks of applications are counted');
    }
    this.#remove(client, lock, 'granted');
  }

  #client(client: Client): ClientLocks<L> {
    let known = this.#clients.get(client);
    if (known === undefined) {
      known = new ClientLocks();
      this.#clients.set(client, known);
    }
    return known;
  }

  #remove(client: ClientLocks<L>, lock: L, from: keyof OwnedLocks<L>): void {
    const all = defined(client.owners.get(lock.owner), OWNED);
    removeOrdered(all[from], lock);
    if (all.granted.length > 0 || all.waiting.length > 0) return;
    client.owners.delete(lock.owner);
    if (client.owners.size === 0) this.#clients.delete(lock.client);
  }
}

function owned<L>(client: ClientLocks<L>, owner: string): OwnedLocks<L> {
  let all = client.owners.get(owner);
  if (all === undefined) {
    all = { granted: [], waiting: [] };
    client.owners.set(owner, all);
  }
  return all;
}
