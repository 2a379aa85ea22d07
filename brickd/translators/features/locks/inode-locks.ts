/**
 * All locks of one inode: POSIX locks, inode and entry locks by domain, and the requests that wait. Each part is
 * created when it is needed.
 */
import type { Client, Inode } from '../../../../mux/xlator/inode.js';
import { EAGAIN, EREMOTE } from '../../../../native/errno.js';
import { type DomainHost, DomainLocks } from './internal/domain-locks.js';
import { InodeRemovals } from './internal/removals.js';
import { LockUsers } from './lock-users.js';
import { FileMove } from './posix/file-move.js';
import { MandatoryIo } from './posix/mandatory-io.js';
import { PosixLocks } from './posix/posix-locks.js';
import { ReserveLocks } from './posix/reserve-locks.js';

/** What the locks of an inode need of the translator. */
export interface LocksHost extends DomainHost {
  readonly slot: number;
  /** Inodes on which anyone has or awaits a lock. */
  readonly busy: Set<InodeLocks>;
}

export class InodeLocks {
  readonly inode: Inode;
  readonly users: LockUsers<InodeLocks>;
  readonly removals = new InodeRemovals();
  /** Inode and entry locks. */
  domains: DomainLocks | null = null;
  posix: PosixLocks | null = null;
  reserved: ReserveLocks | null = null;
  move: FileMove | null = null;
  io: MandatoryIo | null = null;
  readonly #host: LocksHost;

  constructor(inode: Inode, host: LocksHost) {
    this.inode = inode;
    this.#host = host;
    this.users = new LockUsers<InodeLocks>(inode, host.slot, this, host.busy);
  }

  domainLocks(): DomainLocks {
    return (this.domains ??= new DomainLocks(this.inode, this.users, this.removals, this.#host));
  }
  posixLocks(): PosixLocks {
    return (this.posix ??= new PosixLocks(this.users));
  }
  reserveLocks(): ReserveLocks {
    return (this.reserved ??= new ReserveLocks(this.users));
  }
  fileMove(): FileMove {
    return (this.move ??= new FileMove(this.users));
  }
  mandatoryIo(): MandatoryIo {
    return (this.io ??= new MandatoryIo());
  }

  /** A removal of the inode that was counted in {@link removals} is over. */
  removalEnded(): void {
    if (this.removals.ended()) this.domains?.removalsEnded();
  }

  /** The move of the file is over. migrated: file and locks are on the other brick. */
  moveEnded(migrated: boolean): void {
    if (migrated) this.posix?.refuse(() => true, EREMOTE);
    this.move?.end(migrated);
  }

  /** Ends everything that a client has or awaits here. */
  clientGone(client: Client): void {
    this.domains?.clientGone(client);
    this.move?.refuse((c) => c === client, EAGAIN);
    if (this.move?.mover === client) this.moveEnded(false);
    this.reserved?.dropClient(client);
    this.io?.dropClient(client);
    this.posix?.dropClient(client);
  }
}
