/**
 * features/locks: POSIX locks of applications, inode and entry locks of Gluster's clients, and the counts of them that
 * replies carry. All in memory: a client that loses its connection loses its locks.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type {
  EntrylkArgs,
  FdArgs,
  FentrylkArgs,
  FinodelkArgs,
  Flock,
  GetactivelkReply,
  InodeArgs,
  InodelkArgs,
  LkArgs,
  LkReply,
  MaybePromise,
  RemoveReply,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SetactivelkArgs,
  UnlinkArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Client, Fd, Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import type { DumpSection, LayerNumbers } from '../../../../mux/xlator/translator.js';
import { EINVAL, ENOTCONN, EOPNOTSUPP, EREMOTE } from '../../../../native/errno.js';
import { dumpAll } from './dump.js';
import type { InodeLocks } from './inode-locks.js';
import { EntryLock, InodeLock } from './internal/internal-locks.js';
import { awaitLock } from './lock-holder.js';
import { LLONG_MAX, LockType, ownerText } from './lock-text.js';
import { LockTrace } from './lock-trace.js';
import { LockXattrs } from './lock-xattrs.js';
import { activeLocks, checkOwner, lk, setActiveLocks } from './record-locks.js';

const DONE: Xdata = Object.freeze({ xdata: null });
const done = (): Xdata => DONE;

export class LocksTranslator extends LockXattrs {
  readonly #trace = new LockTrace(this.log);

  // --- POSIX locks --------------------------------------------------------------------------------------------------

  lk(call: Call, args: LkArgs): MaybePromise<LkReply> {
    return then(this.enforced(call, args.fd.inode), (enforced) => {
      if (!this.options.trace) return this.#lk(call, args, enforced);
      return this.#trace.lk(call, args, () => this.#lk(call, args, enforced));
    });
  }

  #lk(call: Call, args: LkArgs, enforced: boolean): MaybePromise<LkReply> {
    return lk(this.locksOf(args.fd.inode), call, args, this.slot, enforced);
  }

  flush(call: Call, args: FdArgs): MaybePromise<Xdata> {
    const locks = this.peek(args.fd.inode);
    if (locks !== undefined) {
      if (this.options.trace) this.#trace.flush(call, args.fd);
      if (locks.move?.migrated === true) throw failure(EREMOTE);
      // No owner: the server closes the file of a client that has gone.
      if (call.lkOwner === '') locks.posix?.dropFd(args.fd);
      else locks.posix?.dropOwner(call.client, call.lkOwner);
    }
    return this.withCounts(args.xdata, args.fd.inode, () => this.next.flush(call, args));
  }

  getactivelk(_call: Call, args: InodeArgs): GetactivelkReply {
    return { locks: activeLocks(this.peek(args.inode)), xdata: null };
  }

  setactivelk(call: Call, args: SetactivelkArgs): Xdata {
    setActiveLocks(this.locksOf(args.inode), call.client, args.locks);
    return DONE;
  }

  // --- inode and entry locks ----------------------------------------------------------------------------------------

  inodelk(call: Call, args: InodelkArgs): MaybePromise<Xdata> {
    if (!this.options.trace) return this.#inodelk(call, args.inode, args);
    return this.#trace.inodelk(call, args, () => this.#inodelk(call, args.inode, args));
  }
  finodelk(call: Call, args: FinodelkArgs): MaybePromise<Xdata> {
    if (!this.options.trace) return this.#inodelk(call, args.fd.inode, args);
    return this.#trace.inodelk(call, args, () => this.#inodelk(call, args.fd.inode, args));
  }

  #inodelk(call: Call, inode: Inode, args: { domain: string; cmd: number; flock: Flock } & Xdata): MaybePromise<Xdata> {
    const { flock, cmd } = args;
    checkDomain(args.domain);
    if (flock.start < 0n || flock.len < 0n) throw failure(EINVAL);
    checkOwner(call);
    if (cmd !== 1 && cmd !== 2) throw failure(EOPNOTSUPP);
    const domains = this.locksOf(inode).domainLocks();
    const domain = domains.domain(inodelkDomain(args.domain, flock));
    const request = new InodeLock(call.client, call.lkOwner, call.pid, connectionId(call, args.xdata), flock);
    if (flock.type === LockType.unlock) {
      if (this.#loses()) return DONE;
      if (!domain.inode.unlock(request)) {
        domains.tidy(domain);
        this.log.debug(
          0,
          `Matching lock not found for unlock ${flock.start}-${request.end}, by ${ownerText(call.lkOwner)} on ${call.client.uid} for gfid:${gfidText(inode.gfid)}`,
        );
        throw failure(EINVAL);
      }
      domains.inodeLocksFreed(domain);
      return DONE;
    }
    if (!call.client.alive) throw failure(ENOTCONN);
    domains.revokeInodeLocks(domain, request);
    try {
      const granted = domain.inode.lock(request, cmd === 2);
      return granted === null ? DONE : awaitLock(call, request, granted).then(done);
    } finally {
      domains.tidy(domain);
    }
  }

  entrylk(call: Call, args: EntrylkArgs): MaybePromise<Xdata> {
    if (!this.options.trace) return this.#entrylk(call, args.inode, args);
    return this.#trace.entrylk(call, args, () => this.#entrylk(call, args.inode, args));
  }
  fentrylk(call: Call, args: FentrylkArgs): MaybePromise<Xdata> {
    if (!this.options.trace) return this.#entrylk(call, args.fd.inode, args);
    return this.#trace.entrylk(call, args, () => this.#entrylk(call, args.fd.inode, args));
  }

  #entrylk(
    call: Call,
    inode: Inode,
    args: { domain: string; cmd: number; name: string; type: number } & Xdata,
  ): MaybePromise<Xdata> {
    const { cmd, name, type } = args;
    checkDomain(args.domain);
    checkOwner(call);
    if (cmd < 0 || cmd > 2) throw failure(EINVAL);
    const domains = this.locksOf(inode).domainLocks();
    const domain = domains.domain(args.domain);
    const request = new EntryLock(call.client, call.lkOwner, call.pid, connectionId(call, args.xdata), name, type);
    if (cmd === 1) {
      if (this.#loses()) return DONE;
      const had = domain.entry.unlock(request);
      if (had) {
        domains.entryLocksFreed(domain);
        return DONE;
      }
      domains.tidy(domain);
      this.log.debug(0, `unlock on ${name === '' ? '(null)' : name} attempted but no matching lock found`);
      throw failure(EINVAL);
    }
    if (!call.client.alive) throw failure(ENOTCONN);
    domains.revokeEntryLocks(domain, request);
    try {
      const granted = domain.entry.lock(request, cmd === 0);
      return granted === null ? DONE : awaitLock(call, request, granted).then(done);
    } finally {
      domains.tidy(domain);
    }
  }

  /** For tests of revocation: one unlock in a hundred goes astray. */
  #loses(): boolean {
    if (this.revocation?.loseUnlocks !== true || Math.random() >= 0.01) return false;
    this.log.warning(0, 'MONKEY LOCKING (forcing stuck lock)!');
    return true;
  }

  // --- removal: waits for inode locks of others, and holds new ones back -------------------------------------------

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    const { inode, parent, name } = args.loc;
    const wind = (): MaybePromise<RemoveReply> => this.next.unlink(call, args);
    return this.withCounts(args.xdata, parent, () => this.#removal(call, inode ?? this.#child(parent, name), wind));
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    const { inode, parent, name } = args.loc;
    const wind = (): MaybePromise<RemoveReply> => this.next.rmdir(call, args);
    return this.withCounts(args.xdata, parent, () => this.#removal(call, inode ?? this.#child(parent, name), wind));
  }

  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    const { inode, parent, name } = args.newLoc;
    const wind = (): MaybePromise<RenameReply> => this.next.rename(call, args);
    const victim = inode ?? this.#child(parent, name);
    return this.withCounts(args.xdata, args.oldLoc.parent, () => this.#removal(call, victim, wind), parent);
  }

  #child(parent: Inode | null, name: string): Inode | undefined {
    return parent === null ? undefined : this.brick.findChild(parent, name);
  }

  #removal<R>(call: Call, inode: Inode | undefined, wind: () => MaybePromise<R>): MaybePromise<R> {
    if (inode === undefined) return wind();
    if (this.peek(inode)?.domains?.heldByOthers(call.client) === true) return this.#removeLater(call, inode, wind);
    const reply = wind();
    if (!(reply instanceof Promise)) return reply;
    const locks = this.locksOf(inode);
    locks.removals.started();
    call.hold(inode);
    return reply.finally(() => locks.removalEnded());
  }

  async #removeLater<R>(call: Call, inode: Inode, wind: () => MaybePromise<R>): Promise<R> {
    const locks = this.locksOf(inode);
    call.hold(inode);
    const inodeLocks = 'inode locks of other clients';
    await call.awaits('lock', () => inodeLocks, locks.domainLocks().waitForRemoval(call.client));
    try {
      return await wind();
    } finally {
      locks.removalEnded();
    }
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  override release(fd: Fd): void {
    if (this.options.trace && !fd.anonymous) this.#trace.release(fd);
    this.peek(fd.inode)?.posix?.dropFd(fd);
  }

  override clientGone(client: Client): void {
    const had = client.ctx[this.slot] as Set<InodeLocks> | undefined;
    if (had === undefined) return;
    for (const locks of [...had]) {
      this.log.warning(0, `releasing locks on ${gfidText(locks.inode.gfid)} of {client=${client.uid}}`);
      locks.clientGone(client);
    }
  }

  override count(numbers: LayerNumbers): void {
    for (const locks of this.busy) {
      const { posix, domains } = locks;
      if (posix !== null) {
        numbers.locksHeld += posix.heldCount;
        numbers.locksWaiting += posix.waiting.length;
      }
      for (const { inode, entry } of domains?.all() ?? []) {
        numbers.locksHeld += inode.granted.length + entry.granted.length;
        numbers.locksWaiting += inode.waiting.length + entry.waiting.length;
      }
    }
  }

  override dump(): DumpSection[] {
    return dumpAll(this.name, this.busy);
  }
}

/** Names of domains and connections, which locks keep, are made of names of volumes and hosts. */
const MAX_NAME = 4096;

function checkDomain(domain: string): void {
  if (domain.length > MAX_NAME) throw failure(EINVAL);
}

function connectionId(call: Call, xdata: Dict | null): string {
  const id = xdata?.text('connection-id');
  return id === undefined || id.length > MAX_NAME ? call.client.uid : id;
}

/** A range at the very end of the offsets locks metadata: it has a domain of its own. */
function inodelkDomain(domain: string, flock: Flock): string {
  if (flock.start !== LLONG_MAX - 1n || flock.len !== 0n || domain.endsWith(':metadata')) return domain;
  return `${domain}:metadata`;
}
