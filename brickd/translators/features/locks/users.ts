/**
 * Who has locks, or waits for them, on an inode: keeps the inode in its table while anyone does, and lets everything of a
 * client be found when it goes.
 */
import { ENOLCK } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type { Client, Inode } from '../../../../posix/contract/inode.js';

/**
 * Locks and waiting requests of one client: on one inode, on all of a brick, and those on one inode that wait. Each lock costs memory, and
 * every request looks through those of its inode. Far beyond what applications do; ENOLCK is what fcntl(2) has for it.
 */
export const MAX_LOCKS_OF_INODE = 8192;
export const MAX_LOCKS = 65536;
export const MAX_WAITING = 1024;

/** What a client has or awaits locks on, and how many those are. */
class ClientLocks<T> extends Set<T> {
  locks = 0;
}

/** ENOLCK when a client has too many requests among those that wait on an inode. */
export function checkWaiting<W>(waiting: readonly W[], client: Client, clientOf: (w: W) => Client): void {
  if (waiting.length < MAX_WAITING) return;
  let own = 0;
  for (const w of waiting) if (clientOf(w) === client) own++;
  if (own >= MAX_WAITING) throw failure(ENOLCK);
}

export class Users<T> {
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

  /** One lock or request more. ENOLCK, and nothing is changed, when the client has too many. */
  add(client: Client): void {
    const count = this.#counts.get(client);
    const all = (client.ctx[this.#slot] ??= new ClientLocks()) as ClientLocks<T>;
    if (all.locks >= MAX_LOCKS || (count ?? 0) >= MAX_LOCKS_OF_INODE) throw failure(ENOLCK);
    all.locks++;
    if (count !== undefined) {
      this.#counts.set(client, count + 1);
      return;
    }
    if (this.#counts.size === 0) {
      this.#inode.refs++;
      this.#all.add(this.#of);
    }
    this.#counts.set(client, 1);
    all.add(this.#of);
  }

  remove(client: Client): void {
    const count = this.#counts.get(client)!;
    const all = client.ctx[this.#slot] as ClientLocks<T>;
    all.locks--;
    if (count > 1) {
      this.#counts.set(client, count - 1);
      return;
    }
    this.#counts.delete(client);
    all.delete(this.#of);
    if (this.#counts.size === 0) {
      this.#all.delete(this.#of);
      this.#inode.refs--;
    }
  }
}
