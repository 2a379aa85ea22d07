/**
 * The leases of one file, and the fops that wait for their end. A read lease is broken by those who change the file, a read-write lease by
 * everybody with another lease id. A fop that meets a lease it breaks has it recalled and waits:
 *
 *   granted ── conflicting fop ──> recalled ── given back, revoked after the time-out, or its client gone ──> gone
 *
 * The fop goes on once no lease is in its way. No lease is granted meanwhile.
 */
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { Client, Fd, Inode } from '../../../../mux/xlator/inode.js';
import { assert } from '../../../../native/assert.js';
import { EINVAL } from '../../../../native/errno.js';
import { O_RDWR, O_WRONLY } from '../../../../native/linux.js';
import type { LeaseId } from './lease-id.js';

export const LeaseType = { none: 0, read: 1, readWrite: 2 } as const;
export type GrantedType = typeof LeaseType.read | typeof LeaseType.readWrite;

export const isGrantedType = (type: number): type is GrantedType =>
  type === LeaseType.read || type === LeaseType.readWrite;

/** How a fop meets leases. */
export interface LeaseAccess {
  id: LeaseId | null;
  writes: boolean;
  /** Takes a name away, which breaks its caller's own leases, too. */
  takesName: boolean;
}

/** What one client holds under one lease id. */
export class Lease {
  readonly leases: InodeLeases;
  readonly client: Client;
  readonly id: LeaseId;
  /** How often each type was granted and not given back. */
  reads = 0;
  readWrites = 0;
  /** Recalled: cancels the timer that revokes it. */
  endRecall: (() => void) | null = null;

  constructor(leases: InodeLeases, client: Client, id: LeaseId) {
    this.leases = leases;
    this.client = client;
    this.id = id;
  }

  get type(): number {
    return (this.reads > 0 ? LeaseType.read : 0) | (this.readWrites > 0 ? LeaseType.readWrite : 0);
  }
}

/** A fop that waits. */
export interface WaitingFop {
  readonly client: Client;
  readonly access: LeaseAccess;
  /** Lets it continue, or fail with an error. */
  settle(error?: unknown): void;
}

/** What an open descriptor means to leases. */
interface OpenFd {
  readonly client: Client;
  /** Gluster's own, which is in nobody's way. */
  readonly internal: boolean;
  /** Null: opened without one. */
  readonly id: LeaseId | null;
  readonly writes: boolean;
  /** Its client has flushed it, as a close does, and has not used it since. */
  flushed: boolean;
}

/** What the translator does for the leases of all files. */
export interface LeaseHost {
  /** Asks the holder to give a lease back. */
  recall(lease: Lease): void;
  /** A lease is there, or has ended. */
  granted(lease: Lease): void;
  ended(lease: Lease): void;
}

export class InodeLeases {
  readonly inode: Inode;
  readonly #host: LeaseHost;
  readonly #leases: Lease[] = [];
  #waiting: WaitingFop[] = [];
  /** Fops that were admitted and have not continued yet. */
  #resuming = 0;
  readonly #fds = new Map<Fd, OpenFd>();

  constructor(inode: Inode, host: LeaseHost) {
    this.inode = inode;
    this.#host = host;
  }

  get isEmpty(): boolean {
    return this.#leases.length === 0 && this.#waiting.length === 0 && this.#resuming === 0 && this.#fds.size === 0;
  }
  get leases(): readonly Lease[] {
    return this.#leases;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  // --- descriptors --------------------------------------------------------------------------------------------------

  opened(fd: Fd, id: LeaseId | null, internal: boolean): void {
    this.#fds.set(fd, {
      client: fd.client,
      internal,
      id,
      writes: (fd.flags & (O_WRONLY | O_RDWR)) !== 0,
      flushed: false,
    });
  }
  closed(fd: Fd): void {
    this.#fds.delete(fd);
  }

  /**
   * A flushed descriptor is in no lease's way until it is used again: libgfapi keeps a reference of one that a lease was asked for by, and
   * never releases it. A client that uses one breaks leases nevertheless.
   */
  flushed(fd: Fd, flushed: boolean): void {
    const open = this.#fds.get(fd);
    if (open !== undefined) open.flushed = flushed;
  }

  /** Whether an open file of another client conflicts with a lease. A client's own, without a lease id, does not. */
  #openElsewhere(client: Client, id: LeaseId, writesOnly: boolean): boolean {
    let known = 0;
    for (const [fd, open] of this.#fds) {
      if (!fd.anonymous) known++;
      const own = open.id === null ? open.client === client : open.id === id;
      if (!own && !open.internal && !open.flushed && (open.writes || !writesOnly)) return true;
    }
    // Opened before leases were switched on: nobody knows by whom.
    return this.inode.fdCount > known;
  }

  // --- leases -------------------------------------------------------------------------------------------------------

  /** Types that somebody holds. */
  get type(): number {
    let type = 0;
    for (const lease of this.#leases) type |= lease.type;
    return type;
  }

  /** Grants a lease; null: not now. Those that are in the way are recalled. */
  grant(client: Client, id: LeaseId, type: GrantedType): Lease | null {
    if (!this.#mayGrant(client, id, type)) {
      for (const lease of this.#leases) if (lease.id !== id) this.#recall(lease);
      return null;
    }
    let lease = this.#leases.find((l) => l.client === client && l.id === id);
    if (lease === undefined) {
      lease = new Lease(this, client, id);
      this.#leases.push(lease);
      this.#host.granted(lease);
    }
    if (type === LeaseType.read) lease.reads++;
    else lease.readWrites++;
    return lease;
  }

  #mayGrant(client: Client, id: LeaseId, type: GrantedType): boolean {
    if (this.#resuming > 0 || this.#leases.some((lease) => lease.endRecall !== null)) return false;
    const reads = type === LeaseType.read;
    if (this.#openElsewhere(client, id, reads)) return false;
    return !this.#leases.some((lease) => lease.id !== id && (!reads || lease.readWrites > 0));
  }

  /** A lease is returned. It may have been revoked meanwhile, which is not an error. */
  giveBack(client: Client, id: LeaseId, type: number): void {
    const held = this.#leases.filter((l) => l.id === id);
    if (held.length === 0) return;
    const ofType = held.filter((l) => (l.type & type) !== 0);
    const lease = ofType.find((l) => l.client === client) ?? ofType[0];
    if (lease === undefined || !isGrantedType(type)) throw failure(EINVAL);
    if (type === LeaseType.read) lease.reads--;
    else lease.readWrites--;
    assert(lease.reads >= 0 && lease.readWrites >= 0, 'no more of a lease is given back than was granted');
    if (lease.type === LeaseType.none) this.end(lease);
  }

  /** A lease is over, however that came. */
  end(lease: Lease): void {
    const at = this.#leases.indexOf(lease);
    assert(at >= 0, 'a lease ends once');
    this.#leases.splice(at, 1);
    lease.endRecall?.();
    lease.endRecall = null;
    this.#host.ended(lease);
    this.#resume();
  }

  #recall(lease: Lease): void {
    if (lease.endRecall === null) this.#host.recall(lease);
  }

  // --- fops ---------------------------------------------------------------------------------------------------------

  #breaks(lease: Lease, { id, writes, takesName }: LeaseAccess): boolean {
    if (takesName) return true;
    return lease.id !== id && (writes || lease.readWrites > 0);
  }

  /** Whether leases are in the way of a fop. They are recalled. */
  conflicts(access: LeaseAccess): boolean {
    let found = false;
    for (const lease of this.#leases) {
      if (!this.#breaks(lease, access)) continue;
      found = true;
      this.#recall(lease);
    }
    return found;
  }

  /** Has a fop wait until {@link conflicts} no longer holds. */
  wait(fop: WaitingFop): void {
    this.#waiting.push(fop);
  }

  #resume(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const fop of waiting) {
      if (this.#leases.some((lease) => this.#breaks(lease, fop.access))) {
        this.#waiting.push(fop);
      } else {
        this.#resuming++;
        fop.settle();
      }
    }
  }

  /** An admitted fop continues. */
  resumed(): void {
    assert(this.#resuming > 0, 'no more fops go on than were let go');
    this.#resuming--;
  }

  /** Fops that wait fail: those of a client, or all. */
  abandon(error: unknown, client: Client | null): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((fop) => client !== null && fop.client !== client);
    for (const fop of waiting) if (client === null || fop.client === client) fop.settle(error);
  }
}
