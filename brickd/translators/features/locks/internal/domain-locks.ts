/** Inode and entry locks of one inode, by the domains that clients name. Locks of different domains do not conflict. */
import type { Logger } from '../../../../../mux/base/log.js';
import { gfidText } from '../../../../../mux/xlator/gfid.js';
import type { Client, Inode } from '../../../../../mux/xlator/inode.js';
import { type LockName, type LockRange, NameIndex, RangeIndex } from '../lock-index.js';
import type { LockUsers } from '../lock-users.js';
import { Contention, type ContentionHost } from './contention.js';
import type { EntryLock, InodeLock } from './internal-locks.js';
import { LockList } from './lock-list.js';
import type { InodeRemovals } from './removals.js';
import { type Revocation, type Revoked, revoke } from './revocation.js';

export interface DomainHost extends ContentionHost {
  readonly revocation: Revocation | null;
  readonly log: Logger;
}

export interface Domain {
  readonly name: string;
  readonly inode: LockList<InodeLock, LockRange>;
  readonly entry: LockList<EntryLock, LockName>;
}

export class DomainLocks {
  readonly #domains = new Map<string, Domain>();
  readonly #inode: Inode;
  readonly #users: LockUsers<unknown>;
  readonly #removals: InodeRemovals;
  readonly #contention: Contention;
  readonly #host: DomainHost;

  constructor(inode: Inode, users: LockUsers<unknown>, removals: InodeRemovals, host: DomainHost) {
    this.#inode = inode;
    this.#users = users;
    this.#removals = removals;
    this.#contention = new Contention(inode, host);
    this.#host = host;
  }

  /** Domains in which something is locked or awaited. */
  all(): Domain[] {
    return [...this.#domains.values()];
  }

  /** The domain of a name, made if there is none. */
  domain(name: string): Domain {
    let domain = this.#domains.get(name);
    if (domain === undefined) {
      domain = {
        name,
        inode: new LockList<InodeLock, LockRange>(
          this.#users,
          {
            mayGrant: (lock) => !this.#heldUp(lock),
            contended: (held) => this.#contention.inodeLockWanted(held, name),
          },
          () => new RangeIndex<InodeLock>(),
        ),
        entry: new LockList<EntryLock, LockName>(
          this.#users,
          {
            mayGrant: () => true,
            contended: (held) => this.#contention.entryLockWanted(held, name),
          },
          () => new NameIndex<EntryLock>(),
        ),
      };
      this.#domains.set(name, domain);
    }
    return domain;
  }

  /** Forgets a domain that nothing is locked in. */
  tidy(domain: Domain): void {
    if (domain.inode.empty && domain.entry.empty) this.#domains.delete(domain.name);
  }

  // --- counts -------------------------------------------------------------------------------------------------------

  /** Inode locks held and awaited, of one domain or of all. */
  inodeCount(domain: string | null): number {
    if (domain !== null) return this.#domains.get(domain)?.inode.count ?? 0;
    let n = 0;
    for (const d of this.#domains.values()) n += d.inode.count;
    return n;
  }

  entryCount(): number {
    let n = 0;
    for (const d of this.#domains.values()) n += d.entry.count;
    return n;
  }

  /** Somebody holds an entry lock on this very name. */
  nameLocked(name: string): boolean {
    if (name === '') return false;
    const isIt = (lock: EntryLock): boolean => lock.name === name;
    for (const d of this.#domains.values()) if (d.entry.findHeld({ name }, isIt) !== undefined) return true;
    return false;
  }

  // --- locks that have gone -----------------------------------------------------------------------------------------

  /** Inode locks of a domain were released: waiting removals continue, then waiting lock requests. */
  inodeLocksFreed(domain: Domain): void {
    this.#grantInodeLocks(domain);
    this.tidy(domain);
  }

  #grantInodeLocks(domain: Domain): void {
    this.#removals.release((client) => !this.heldByOthers(client));
    domain.inode.grant();
  }

  entryLocksFreed(domain: Domain): void {
    domain.entry.grant();
    this.tidy(domain);
  }

  /** Takes old or much wanted inode locks of a domain away, if a request meets them and options say so. The domain stays for the request. */
  revokeInodeLocks(domain: Domain, request: InodeLock): void {
    const { revocation } = this.#host;
    const revoked = revocation === null ? null : revoke(domain.inode, request, revocation);
    if (revoked === null) return;
    this.#grantInodeLocks(domain);
    this.#logRevoked('Inode', domain, revoked);
  }

  /** As {@link revokeInodeLocks}, for entry locks. */
  revokeEntryLocks(domain: Domain, request: EntryLock): void {
    const { revocation } = this.#host;
    const revoked = revocation === null ? null : revoke(domain.entry, request, revocation);
    if (revoked === null) return;
    domain.entry.grant();
    this.#logRevoked('Entry', domain, revoked);
  }

  #logRevoked(kind: string, domain: Domain, { reason, ageSec, granted, blocked }: Revoked): void {
    const where = `gfid: ${gfidText(this.#inode.gfid)}; domain: ${domain.name}; age: ${ageSec} sec`;
    const what = `${kind} lock revoked:  ${granted} granted & ${blocked} blocked locks cleared`;
    this.#host.log.warning(0, `Lock revocation [reason: ${reason}; ${where}] - ${what}`);
  }

  /** Ends everything that a client has or awaits here. */
  clientGone(client: Client): void {
    for (const domain of this.all()) {
      domain.inode.dropClient(client);
      domain.entry.dropClient(client);
      this.inodeLocksFreed(domain);
      this.entryLocksFreed(domain);
    }
  }

  // --- removal ------------------------------------------------------------------------------------------------------

  /** Inode locks of applications that other clients than this hold: what a removal has to wait for. */
  heldByOthers(client: Client): boolean {
    for (const domain of this.#domains.values()) if (domain.inode.heldForOthers(client)) return true;
    return false;
  }

  /** Resolves when {@link heldByOthers} has become false for the client. */
  waitForRemoval(client: Client): Promise<void> {
    if (this.#contention.noticesSent) {
      for (const { name, inode } of this.#domains.values()) {
        for (const lock of inode.granted) {
          if (lock.client !== client && lock.pid >= 0) this.#contention.inodeLockWanted(lock, name);
        }
      }
    }
    return this.#removals.wait(client);
  }

  /** A new inode lock of an application waits while the inode is being removed, or about to be, by somebody else. */
  #heldUp(lock: InodeLock): boolean {
    if (lock.pid < 0) return false;
    if (this.#removals.running > 0) return true;
    if (this.#removals.waiting === 0) return false;
    // A client that has a lock here goes on with its operation: it can't let go before it is done.
    for (const domain of this.#domains.values()) if (domain.inode.holds(lock.client)) return false;
    return true;
  }

  /** No removal is left: grants what they held up. */
  removalsEnded(): void {
    for (const domain of this.all()) domain.inode.grant();
  }
}
