/** The locks that Gluster's own layers take: inode locks on ranges of a file, entry locks on names in a directory. */
import type { Flock } from '../../../../../mux/xlator/fops.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { LLONG_MAX, LockType } from '../lock-text.js';
import { InternalLock } from './internal-lock.js';

export class InodeLock extends InternalLock {
  readonly flock: Flock;
  readonly type: number;
  readonly start: bigint;
  readonly end: bigint;

  constructor(client: Client, owner: string, pid: number, connectionId: string, flock: Flock) {
    super(client, owner, pid, connectionId);
    this.flock = flock;
    this.type = flock.type;
    this.start = flock.start;
    this.end = flock.len === 0n ? LLONG_MAX : flock.start + flock.len - 1n;
  }

  override conflicts(other: InodeLock): boolean {
    if (this.type !== LockType.write && other.type !== LockType.write) return false;
    return this.end >= other.start && other.end >= this.start;
  }
  /** The very same range, whatever the type. */
  override matches(other: InodeLock): boolean {
    return this.start === other.start && this.end === other.end && this.sameOwner(other);
  }
}

export class EntryLock extends InternalLock {
  /** '' means all names. */
  readonly name: string;
  readonly type: number;

  constructor(client: Client, owner: string, pid: number, connectionId: string, name: string, type: number) {
    super(client, owner, pid, connectionId);
    this.name = name;
    this.type = type;
  }

  override conflicts(other: EntryLock): boolean {
    return this.name === '' || other.name === '' || this.name === other.name;
  }
  override matches(other: EntryLock): boolean {
    return this.name === other.name && this.type === other.type && this.sameOwner(other);
  }
}
