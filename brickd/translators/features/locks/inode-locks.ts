/** All locks of one inode: POSIX locks, inode and entry locks by domain, removals under way, and migration's marks. */

import type { Logger } from '../../../../mux/base/log.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Client, Inode } from '../../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../../mux/xlator/translator.js';
import { EAGAIN, EREMOTE } from '../../../../native/errno.js';
import type { EntryLock, InodeLock } from './internal-locks.js';
import { type LockName, type LockRange, NameIndex, RangeIndex } from './lock-index.js';
import { type ListHost, LockList, type Overdue } from './lock-list.js';
import { IoQueue } from './mandatory.js';
import { PosixLocks } from './posix-locks.js';
import { ReserveLocks } from './reserve-locks.js';
import { Users } from './users.js';

/** When inode and entry locks that others wait for are taken away. */
export interface Revocation {
  /** Age of the lock. */
  seconds: number;
  /** Requests waiting; 0: however many. */
  maxBlocked: number;
  /** Waiting requests are refused along with it. */
  all: boolean;
  /** For tests: unlocks go astray now and then. */
  loseUnlocks: boolean;
}

/** What the locks of an inode need of the translator. */
export interface LocksHost {
  readonly brick: BrickContext;
  readonly slot: number;
  /** Inodes on which anyone has or awaits a lock. */
  readonly busy: Set<InodeLocks>;
  /** Tell holders when others wait for what they have; milliseconds between two notices, or null: never. */
  readonly noticeEveryMs: number | null;
  readonly revocation: Revocation | null;
  readonly log: Logger;
}

/** Inode and entry locks of one domain. */
export class Domain {
  readonly name: string;
  readonly inode: LockList<InodeLock, LockRange>;
  readonly entry: LockList<EntryLock, LockName>;

  constructor(name: string, inode: LockList<InodeLock, LockRange>, entry: LockList<EntryLock, LockName>) {
    this.name = name;
    this.inode = inode;
    this.entry = entry;
  }
  get empty(): boolean {
    return this.inode.empty && this.entry.empty;
  }
}

/** A removal of the inode (unlink, rmdir, rename over it) that waits for locks of other clients. */
interface WaitingRemoval {
  client: Client;
  go: () => void;
}

export class InodeLocks {
  readonly inode: Inode;
  readonly users: Users<InodeLocks>;
  posix: PosixLocks | null = null;
  reserved: ReserveLocks | null = null;
  domains: Map<string, Domain> | null = null;
  /** Removals under way below. */
  removing = 0;
  #removals: WaitingRemoval[] = [];
  /** The rebalance process that is moving the file, with its locks, to another brick. */
  mover: Client | null = null;
  /** The file and its locks are on another brick now. */
  migrated = false;
  /** POSIX lock requests that came during the move. */
  #heldForMove: { client: Client; reject: (error: unknown) => void }[] = [];
  /** I/O that waits for mandatory locks. */
  io: IoQueue | null = null;
  /** Only who has it locked may read or write the file; null: not known. */
  enforced: boolean | null = null;
  /** Reads and writes under way below; counted under mandatory locking only. */
  ioRunning = 0;
  #onDrained: (() => void)[] = [];
  readonly #host: LocksHost;

  constructor(inode: Inode, host: LocksHost) {
    this.inode = inode;
    this.#host = host;
    this.users = new Users<InodeLocks>(inode, host.slot, this, host.busy);
  }

  posixLocks(): PosixLocks {
    return (this.posix ??= new PosixLocks(this.users));
  }
  ioQueue(): IoQueue {
    return (this.io ??= new IoQueue());
  }
  reserveLocks(): ReserveLocks {
    return (this.reserved ??= new ReserveLocks(this.users));
  }

  domain(name: string): Domain {
    this.domains ??= new Map();
    let domain = this.domains.get(name);
    if (domain === undefined) {
      const ofInode: ListHost<InodeLock> = {
        mayGrant: (lock) => !this.#heldUp(lock),
        contended: (held) => {
          if (this.#due(held)) this.#tell(held, { kind: 'inodelk-contention', flock: held.flock, domain: name });
        },
      };
      const ofEntries: ListHost<EntryLock> = {
        mayGrant: () => true,
        contended: (held) => {
          if (this.#due(held)) {
            this.#tell(held, { kind: 'entrylk-contention', name: held.name, type: held.type, domain: name });
          }
        },
      };
      const inode = new LockList<InodeLock, LockRange>(this.users, ofInode, () => new RangeIndex<InodeLock>());
      const entry = new LockList<EntryLock, LockName>(this.users, ofEntries, () => new NameIndex<EntryLock>());
      domain = new Domain(name, inode, entry);
      this.domains.set(name, domain);
    }
    return domain;
  }

  /** Forgets a domain that nothing is locked in. */
  tidy(domain: Domain): void {
    if (domain.empty) this.domains?.delete(domain.name);
  }

  // --- notices ------------------------------------------------------------------------------------------------------

  #due(held: InodeLock | EntryLock): boolean {
    const every = this.#host.noticeEveryMs;
    if (every === null || !held.client.alive) return false;
    const at = performance.now();
    if (at - held.notifiedAt < every) return false;
    held.notifiedAt = at;
    return true;
  }

  #tell(
    held: InodeLock | EntryLock,
    what:
      | { kind: 'inodelk-contention'; flock: InodeLock['flock']; domain: string }
      | { kind: 'entrylk-contention'; name: string; type: number; domain: string },
  ): void {
    // After this turn: a lock that is given back meanwhile needs no notice.
    const { brick } = this.#host;
    queueMicrotask(() => {
      if (held.state !== 'granted') return;
      brick.upcall(held.client, { ...what, inode: this.inode, pid: held.pid });
    });
  }

  // --- revocation ---------------------------------------------------------------------------------------------------

  /** Takes old or much wanted inode locks of a domain away, if a request meets them and options say so. */
  revokeInodeLocks(domain: Domain, request: InodeLock): void {
    const { revocation } = this.#host;
    if (revocation === null) return;
    const reason = domain.inode.overdue(request, revocation);
    if (reason === null) return;
    const blocked = revocation.all ? domain.inode.refuse(() => true) : 0;
    const granted = domain.inode.drop(() => true);
    this.inodeLocksFreed(domain);
    this.#revoked('Inode', domain, reason, granted, blocked);
  }

  /** As {@link revokeInodeLocks}, for entry locks. */
  revokeEntryLocks(domain: Domain, request: EntryLock): void {
    const { revocation } = this.#host;
    if (revocation === null) return;
    const reason = domain.entry.overdue(request, revocation);
    if (reason === null) return;
    const blocked = revocation.all ? domain.entry.refuse(() => true) : 0;
    const granted = domain.entry.drop(() => true);
    domain.entry.grant();
    this.#revoked('Entry', domain, reason, granted, blocked);
  }

  #revoked(kind: string, domain: Domain, why: Overdue, granted: number, blocked: number): void {
    const where = `gfid: ${gfidText(this.inode.gfid)}; domain: ${domain.name}; age: ${why.ageSec} sec`;
    const what = `${kind} lock revoked:  ${granted} granted & ${blocked} blocked locks cleared`;
    this.#host.log.warning(0, `Lock revocation [reason: ${why.reason}; ${where}] - ${what}`);
  }

  // --- removal ------------------------------------------------------------------------------------------------------

  /** Inode locks of applications that other clients than this hold: what a removal has to wait for. */
  heldByOthers(client: Client): boolean {
    if (this.domains === null) return false;
    for (const domain of this.domains.values()) if (domain.inode.heldForOthers(client)) return true;
    return false;
  }

  /** Tells those who hold what {@link heldByOthers} speaks of that it is wanted. */
  #tellHolders(client: Client): void {
    if (this.#host.noticeEveryMs === null) return;
    for (const domain of this.domains?.values() ?? []) {
      for (const lock of domain.inode.granted) {
        if (lock.client === client || lock.pid < 0 || !this.#due(lock)) continue;
        this.#tell(lock, { kind: 'inodelk-contention', flock: lock.flock, domain: domain.name });
      }
    }
  }

  /** Resolves when {@link heldByOthers} has become false for the client. */
  waitForRemoval(client: Client): Promise<void> {
    this.#tellHolders(client);
    return new Promise((go) => {
      this.#removals.push({ client, go });
    });
  }

  get removalsWaiting(): number {
    return this.#removals.length;
  }

  /** A new inode lock of an application waits while the inode is being removed, or about to be, by somebody else. */
  #heldUp(lock: InodeLock): boolean {
    if (lock.pid < 0) return false;
    if (this.removing > 0) return true;
    if (this.#removals.length === 0) return false;
    // A client that has a lock here goes on with its operation: it can't let go before it is done.
    for (const domain of this.domains!.values()) if (domain.inode.holds(lock.client)) return false;
    return true;
  }

  removalDone(): void {
    this.removing--;
    if (this.removing === 0 && this.#removals.length === 0) this.#grantAll();
  }

  #grantAll(): void {
    if (this.domains === null) return;
    for (const domain of [...this.domains.values()]) domain.inode.grant();
  }

  /** Inode locks of a domain have been given back: lets removals go on, then those that wait for locks. */
  inodeLocksFreed(domain: Domain): void {
    if (this.#removals.length > 0) {
      const ready = this.#removals.filter((r) => !this.heldByOthers(r.client));
      if (ready.length > 0) {
        this.#removals = this.#removals.filter((r) => !ready.includes(r));
        // Counted from now on, so that no lock slips in before the removal starts.
        this.removing += ready.length;
        for (const removal of ready) removal.go();
      }
    }
    domain.inode.grant();
    this.tidy(domain);
  }

  // --- enforced locks -----------------------------------------------------------------------------------------------

  ioEnded(): void {
    if (--this.ioRunning > 0) return;
    const waiting = this.#onDrained;
    this.#onDrained = [];
    for (const go of waiting) go();
  }

  /** Resolves when no read or write is under way. */
  ioDrained(): Promise<void> | undefined {
    if (this.ioRunning === 0) return undefined;
    return new Promise((go) => {
      this.#onDrained.push(go);
    });
  }

  // --- migration ----------------------------------------------------------------------------------------------------

  /** The file is about to be moved: POSIX lock requests wait for the outcome. */
  moveStarted(mover: Client): void {
    this.mover = mover;
    this.users.add(mover);
  }

  /** Never granted here: fails with EREMOTE at the end of the move, for the client to ask where the file is then. */
  holdForMove(client: Client): Promise<never> {
    this.users.add(client);
    return new Promise((_, reject) => {
      this.#heldForMove.push({ client, reject });
    });
  }

  moveEnded(migrated: boolean): void {
    this.#refuseHeld(() => true, EREMOTE);
    if (migrated) this.posix?.refuse(() => true, EREMOTE);
    this.migrated = migrated;
    const { mover } = this;
    this.mover = null;
    if (mover !== null) this.users.remove(mover);
  }

  #refuseHeld(which: (client: Client) => boolean, errno: number): void {
    const held = this.#heldForMove;
    this.#heldForMove = held.filter((h) => !which(h.client));
    for (const h of held) {
      if (!which(h.client)) continue;
      this.users.remove(h.client);
      h.reject(failure(errno));
    }
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  /** Ends everything that a client has or awaits here. */
  clientGone(client: Client): void {
    for (const domain of this.domains === null ? [] : [...this.domains.values()]) {
      domain.inode.dropClient(client);
      domain.entry.dropClient(client);
      this.inodeLocksFreed(domain);
      domain.entry.grant();
      this.tidy(domain);
    }
    this.#refuseHeld((c) => c === client, EAGAIN);
    if (this.mover === client) this.moveEnded(false);
    this.reserved?.dropClient(client);
    this.io?.dropClient(client);
    this.posix?.dropClient(client);
  }

  /** Inode locks held and awaited, of one domain or of all. */
  inodeCount(domain: string | null): number {
    if (this.domains === null) return 0;
    if (domain !== null) return this.domains.get(domain)?.inode.count ?? 0;
    let n = 0;
    for (const d of this.domains.values()) n += d.inode.count;
    return n;
  }

  entryCount(): number {
    if (this.domains === null) return 0;
    let n = 0;
    for (const d of this.domains.values()) n += d.entry.count;
    return n;
  }

  /** Somebody holds an entry lock on this very name. */
  nameLocked(name: string): boolean {
    if (this.domains === null || name === '') return false;
    const isIt = (lock: EntryLock): boolean => lock.name === name;
    for (const d of this.domains.values()) if (d.entry.findHeld({ name }, isIt) !== undefined) return true;
    return false;
  }
}
