/** The fop lk: POSIX locks, and what the migration of files does to them. */
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { ActiveLock, Flock, LkArgs, LkReply, MaybePromise } from '../../../../mux/xlator/fops.js';
import type { Client, Fd } from '../../../../mux/xlator/inode.js';
import { E2BIG, EAGAIN, EBUSY, EINVAL, ENOTCONN, EREMOTE } from '../../../../native/errno.js';
import type { InodeLocks } from './inode-locks.js';
import { rangeHolder } from './lock-holder.js';
import { isNullOwner, LLONG_MAX, LockType, now } from './lock-text.js';
import { flockOf, type Holder, type Range } from './posix/posix-lock.js';

const Cmd = { getlk: 0, setlk: 1, setlkw: 2, reserve: 3, reserveWait: 4, unreserve: 5, getlkFd: 6 } as const;

/** Clients from this operating version on always name an owner: without one they are refused. */
const OP_VERSION_OWNER = 70000;

/** EINVAL for a lock request without an owner. */
export function checkOwner(call: Call): void {
  if (call.client.opVersion >= OP_VERSION_OWNER && isNullOwner(call.lkOwner)) throw failure(EINVAL);
}

/** What the translator keeps of an fd. */
export class FdLocks {
  static #last = 0;
  /** Names the fd in lockinfo; never 0. */
  readonly number = ++FdLocks.#last;
  /** Locks still to be listed to a client that lists them one by one (GETLK_FD); null: not started. */
  listed: Flock[] | null = null;

  static of(fd: Fd, slot: number): FdLocks {
    return (fd.ctx[slot] ??= new FdLocks()) as FdLocks;
  }
}

/** The range of a request. EINVAL for one that begins before the start of the file or ends beyond what offsets can tell. */
function rangeOf(call: Call, fd: Fd, flock: Flock, mode: number): Range {
  let { start, len } = flock;
  if (start < 0n || start + len < 0n || start + len - 1n > LLONG_MAX) throw failure(EINVAL);
  if (len < 0n) {
    start += len;
    len = -len;
  }
  return {
    type: flock.type,
    start,
    end: len === 0n ? LLONG_MAX : start + len - 1n,
    whence: flock.whence,
    lockPid: flock.pid,
    pid: call.pid,
    mode,
    fd,
    clientUid: call.client.uid,
    grantedAt: 0,
    blockedAt: 0,
  };
}

const answer = (flock: Flock): LkReply => ({ flock, xdata: null });

/** Runs an lk request; `slot` is that of the translator's state of fds. enforced: only who has locks may do I/O. */
export function lk(locks: InodeLocks, call: Call, args: LkArgs, slot: number, enforced = false): MaybePromise<LkReply> {
  const mode = args.xdata?.number('glusterfs.lk.lkmode') ?? 0;
  const range = rangeOf(call, args.fd, args.flock, mode);
  checkOwner(call);
  const holder = locks.posixLocks().holder(call.client, call.lkOwner);
  switch (args.cmd) {
    case Cmd.getlk:
      return answer(getlk(locks, holder, range));
    case Cmd.setlk:
    case Cmd.setlkw:
      if (enforced && range.type !== LockType.unlock) return preempt(locks, holder, range);
      return setlk(locks, call, holder, range, args.cmd === Cmd.setlkw);
    case Cmd.reserve:
    case Cmd.reserveWait: {
      const done = locks.reserveLocks().reserve(reservation(holder, range), args.cmd === Cmd.reserveWait);
      const reply = (): LkReply => answer(getlk(locks, holder, range));
      return done === null ? reply() : call.awaits('lock', () => RESERVED, done).then(reply);
    }
    case Cmd.unreserve:
      locks.reserveLocks().release(reservation(holder, range));
      return answer(args.flock);
    case Cmd.getlkFd:
      return answer(nextOfFd(locks, args.fd, args.flock, slot));
    default:
      throw failure(EINVAL);
  }
}

const reservation = (holder: Holder, range: Range) => ({
  client: holder.client,
  owner: holder.owner,
  start: range.start,
  end: range.end,
});

function getlk(locks: InodeLocks, holder: Holder, range: Range): Flock {
  const conflict = locks.posix?.conflict(holder, range) ?? null;
  if (conflict === null) return { ...flockOf(range, holder.owner), type: LockType.unlock };
  return { ...flockOf(conflict, conflict.holder.owner), whence: range.whence };
}

const RESERVED = 'a reservation';

function setlk(locks: InodeLocks, call: Call, holder: Holder, range: Range, mayWait: boolean): MaybePromise<LkReply> {
  if (range.type < LockType.read || range.type > LockType.unlock) throw failure(EINVAL);
  if (locks.move?.migrated) throw failure(EREMOTE);
  const pass = locks.reserved?.pass(reservation(holder, range)) ?? null;
  if (pass !== null) {
    return call.awaits('lock', () => RESERVED, pass).then(() => set(locks, call, holder, range, mayWait));
  }
  return set(locks, call, holder, range, mayWait);
}

/**
 * Under enforcement the latest request wins: it comes from whom the application has made the new owner. Others lose what
 * overlaps, and all that waits fails.
 */
function preempt(locks: InodeLocks, holder: Holder, range: Range): LkReply {
  if (locks.move?.migrated) throw failure(EREMOTE);
  if (!holder.client.alive) throw failure(ENOTCONN);
  const posix = locks.posixLocks();
  posix.refuse(() => true, EBUSY);
  posix.drop((held) => {
    const own = held.holder.client === holder.client && held.holder.owner === holder.owner;
    return !own && held.start <= range.end && held.end >= range.start;
  });
  posix.apply(holder, range);
  locks.io?.refuse(EBUSY);
  return answer(flockOf(range, holder.owner));
}

const isMoving = (locks: InodeLocks): boolean => locks.move !== null && locks.move.mover !== null;

function set(locks: InodeLocks, call: Call, holder: Holder, range: Range, mayWait: boolean): MaybePromise<LkReply> {
  const unlocking = range.type === LockType.unlock;
  if (!unlocking && !holder.client.alive) throw failure(ENOTCONN);
  const posix = locks.posixLocks();
  const conflict = posix.conflict(holder, range);
  if (conflict !== null) {
    if (!mayWait) throw failure(EAGAIN);
    // Who waits releases what it has there: two owners that both want to make a read lock a write lock would wait for ever.
    posix.apply(holder, { ...range, type: LockType.unlock });
    posix.grant();
    if (isMoving(locks)) return locks.fileMove().hold(holder.client);
    return call
      .awaits('lock', () => rangeHolder(posix.conflict(holder, range) ?? conflict), posix.wait(holder, range))
      .then(answer);
  }
  if (isMoving(locks)) return locks.fileMove().hold(holder.client);
  posix.apply(holder, range);
  posix.grant();
  // Tells the lock manager of NFS whether this was the fd's last lock.
  const left = unlocking && range.fd !== null && posix.hasFd(range.fd);
  return answer({ ...flockOf(range, holder.owner), type: left ? LockType.read : range.type });
}

/** The next lock of an fd; type {@link LockType.endOfList} after the last one. */
function nextOfFd(locks: InodeLocks, fd: Fd, asked: Flock, slot: number): Flock {
  const { posix } = locks;
  if (posix === null || !posix.hasFd(fd)) return asked;
  const state = FdLocks.of(fd, slot);
  if (state.listed === null) {
    state.listed = [];
    for (const holder of posix.holders.values()) {
      for (const range of holder.ranges) if (range.fd === fd) state.listed.push(flockOf(range, holder.owner));
    }
  }
  const next = state.listed.shift();
  if (next !== undefined) return next;
  state.listed = null;
  return { ...asked, type: LockType.endOfList };
}

/** Locks that one reply reports at most. A file with more stays where it is. */
export const MAX_ACTIVE = 32768;

/** The locks held, for migration of the file to another brick. E2BIG when there are too many. */
export function activeLocks(locks: InodeLocks | undefined): ActiveLock[] {
  const active: ActiveLock[] = [];
  if (locks === undefined || locks.posix === null) return active;
  if (locks.posix.heldCount > MAX_ACTIVE) throw failure(E2BIG);
  for (const holder of locks.posix.holders.values()) {
    for (const range of holder.ranges) {
      active.push({ flock: flockOf(range, holder.owner), clientUid: range.clientUid, flags: range.mode });
    }
  }
  return active;
}

/** Takes over the locks that a file had on another brick. EINVAL when the list is empty or there are locks already. */
export function setActiveLocks(locks: InodeLocks, client: Client, active: readonly ActiveLock[]): void {
  const posix = locks.posixLocks();
  if (!posix.empty || active.length === 0) throw failure(EINVAL);
  for (const { flock, clientUid, flags } of active) {
    posix.apply(posix.holder(client, flock.owner), {
      type: flock.type,
      start: flock.start,
      end: flock.len === 0n ? LLONG_MAX : flock.start + flock.len - 1n,
      whence: flock.whence,
      lockPid: flock.pid,
      pid: flock.pid,
      mode: flags,
      fd: null,
      clientUid,
      grantedAt: now(),
      blockedAt: 0,
    });
  }
}

/** Moves what the fd of a number has locked, or waits for, to another fd and its client. */
export function moveLocks(locks: InodeLocks | undefined, oldNumber: number, fd: Fd, slot: number): void {
  const posix = locks?.posix ?? null;
  if (posix === null) return;
  const meant = (range: Range): boolean =>
    range.fd !== null && (range.fd.ctx[slot] as FdLocks | undefined)?.number === oldNumber;
  const moved: { owner: string; range: Range }[] = [];
  posix.drop((range) => {
    if (!meant(range)) return false;
    moved.push({ owner: range.holder.owner, range });
    return true;
  });
  for (const { owner, range } of moved) {
    posix.apply(posix.holder(fd.client, owner), { ...range, fd, clientUid: fd.client.uid });
  }
  posix.moveWaiting(meant, fd);
  posix.grant();
}
