/**
 * Waiting POSIX lock requests of one inode. They are granted in order, as far as ranges are free. Requests for the same
 * range form a group, which is attached to one held range that blocks it and checked again when that is released: a
 * release looks at one of many requests for the same range.
 */
import type { Client, Fd } from '../../../../../mux/xlator/inode.js';
import { assert, defined } from '../../../../../native/assert.js';
import { placeOf, removeOrdered } from '../lock-index.js';
import { type HeldRange, type Holder, WaitGroup, type Waiting } from './posix-lock.js';

/** What the queue asks of the locks that it waits for. */
export interface QueueHost {
  /** A range of somebody else that is in the way. */
  blockerOf(waiting: Waiting): HeldRange | undefined;
  /** The request has left the queue: its lock is taken now. */
  grant(waiting: Waiting): void;
}

const OWNED = 'a request in the queue is among those of its owner';

export class PosixQueue {
  readonly #all: Waiting[] = [];
  readonly #groups = new Map<string, WaitGroup>();
  readonly #clients = new Map<Client, Map<string, Set<Waiting>>>();
  /** Groups that may be granted something now. */
  readonly #again = new Set<WaitGroup>();
  readonly #host: QueueHost;
  #last = 0;

  constructor(host: QueueHost) {
    this.#host = host;
  }

  /** In the order of the queue. */
  get all(): readonly Waiting[] {
    return this.#all;
  }

  countOf(client: Client): number {
    let n = 0;
    for (const requests of this.#clients.get(client)?.values() ?? []) n += requests.size;
    return n;
  }

  of(client: Client): Waiting[] {
    return [...(this.#clients.get(client)?.values() ?? [])].flatMap((requests) => [...requests]);
  }

  /** Puts a request at the end of the queue. */
  push(waiting: Waiting): void {
    waiting.order = ++this.#last;
    this.#all.push(waiting);
    this.#own(waiting);
    this.#join(waiting, this.#host.blockerOf(waiting));
  }

  remove(waiting: Waiting): void {
    removeOrdered(this.#all, waiting);
    this.#disown(waiting);
    this.#leave(waiting);
  }

  /** Makes a request that of another fd and its client. */
  move(waiting: Waiting, fd: Fd): void {
    this.#disown(waiting);
    this.#leave(waiting);
    waiting.client = fd.client;
    waiting.range = { ...waiting.range, fd, clientUid: fd.client.uid };
    this.#own(waiting);
    this.#join(waiting, this.#host.blockerOf(waiting));
  }

  /** The range is held no longer, or not in this way. */
  freed(held: HeldRange): void {
    for (const group of held.blocked ?? []) {
      group.blocker = null;
      this.#again.add(group);
    }
    held.blocked = null;
  }

  /** Grants what has become possible: always the first in the queue that can be granted. */
  grant(): void {
    // The group whose first request came first is the last.
    const groups: WaitGroup[] = [];
    for (;;) {
      if (this.#again.size > 0) {
        for (const group of this.#again) {
          if (!group.due) groups.push(group);
          group.due = true;
        }
        this.#again.clear();
        groups.sort(laterFirst);
      }
      const group = groups.pop();
      if (group === undefined) return;
      group.due = this.#grantOne(group) && group.queue.length > 0;
      if (group.due) insertByFirst(groups, group);
    }
  }

  /** Grants the first request of a group, or finds what the group waits for. True: the group has to be looked at again. */
  #grantOne(group: WaitGroup): boolean {
    const first = group.queue.find((w) => w.client.alive);
    // Requests of a client that has gone are about to be refused.
    if (first === undefined) return false;
    const blocker = this.#host.blockerOf(first);
    if (blocker === undefined) {
      this.remove(first);
      this.#host.grant(first);
      return true;
    }
    this.#waitFor(group, blocker);
    // The blocker's own owner waits for something else, or for nothing.
    for (const own of this.#ofOwner(blocker.holder)) {
      if (own.group !== group) continue;
      this.#leave(own);
      this.#join(own, this.#host.blockerOf(own));
    }
    return false;
  }

  #join(waiting: Waiting, blocker: HeldRange | undefined): void {
    const { type, start, end } = waiting.range;
    let key = `${type}/${start}/${end}`;
    const known = this.#groups.get(key);
    // One whose own lock is in the way of the others must not wait with them.
    if (known !== undefined && (known.blocker === null || waiting.isOf(known.blocker.holder)))
      key += `/${waiting.order}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new WaitGroup(key);
      this.#groups.set(key, group);
      if (blocker === undefined) this.#again.add(group);
      else this.#waitFor(group, blocker);
    }
    group.queue.splice(placeOf(group.queue, waiting.order), 0, waiting);
    waiting.group = group;
  }

  #leave(waiting: Waiting): void {
    const group = defined(waiting.group, 'a request in the queue is in a group');
    waiting.group = null;
    removeOrdered(group.queue, waiting);
    if (group.queue.length > 0) return;
    group.blocker?.blocked?.delete(group);
    this.#groups.delete(group.key);
    this.#again.delete(group);
  }

  #waitFor(group: WaitGroup, blocker: HeldRange): void {
    group.blocker = blocker;
    blocker.blocked ??= new Set();
    blocker.blocked.add(group);
  }

  #ofOwner(holder: Holder): Waiting[] {
    return [...(this.#clients.get(holder.client)?.get(holder.owner) ?? [])];
  }

  #own(waiting: Waiting): void {
    let owners = this.#clients.get(waiting.client);
    if (owners === undefined) {
      owners = new Map();
      this.#clients.set(waiting.client, owners);
    }
    const own = owners.get(waiting.owner);
    if (own === undefined) owners.set(waiting.owner, new Set([waiting]));
    else own.add(waiting);
  }

  #disown(waiting: Waiting): void {
    const owners = defined(this.#clients.get(waiting.client), OWNED);
    const own = defined(owners.get(waiting.owner), OWNED);
    const had = own.delete(waiting);
    assert(had, OWNED);
    if (own.size > 0) return;
    owners.delete(waiting.owner);
    if (owners.size === 0) this.#clients.delete(waiting.client);
  }
}

const firstOf = (group: WaitGroup | undefined): number => group?.queue[0]?.order ?? Number.POSITIVE_INFINITY;
const laterFirst = (a: WaitGroup, b: WaitGroup): number => (firstOf(a) < firstOf(b) ? 1 : -1);

/** Puts a group where its first request belongs, in a list whose earliest is the last. */
function insertByFirst(groups: WaitGroup[], group: WaitGroup): void {
  let at = groups.length;
  while (at > 0 && firstOf(groups[at - 1]) < firstOf(group)) at--;
  groups.splice(at, 0, group);
}
