/** Reads and writes under mandatory locking: delayed or refused where another owner has a lock. */

import type { Call } from '../../../../mux/xlator/call.js';
import { failure, fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type {
  FopName,
  MaybePromise,
  OpenArgs,
  PrePostReply,
  TruncateArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { below, type FopArgs, intercept } from '../../../../mux/xlator/intercept.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { EAGAIN, EBUSY, ENODATA } from '../../../../native/errno.js';
import { O_NONBLOCK, O_TRUNC } from '../../../../native/linux.js';
import { CountedFops } from './counted-fops.js';
import type { InodeLocks } from './inode-locks.js';
import { LLONG_MAX } from './lock-text.js';
import { type IoRegion, ioAllowed, ioCovered } from './posix/mandatory.js';

/** Set on files that may be read and written only by who has them locked. */
export const ENFORCE_KEY = 'trusted.glusterfs.enforce-mandatory-lock';

const FD_IO = ['readv', 'writev', 'ftruncate', 'discard', 'zerofill'] as const satisfies readonly FopName[];

export abstract class GuardedIo extends CountedFops {
  override wants(fop: FopName): boolean {
    return fop !== 'open' || this.mode !== 'off';
  }

  /** Linked under mandatory locking only: cutting a file short on opening it fails when there are locks. */
  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    const posix = this.peek(args.inode)?.posix ?? null;
    if (posix !== null && (args.flags & O_TRUNC) !== 0) {
      const everything = { client: null, owner: '', start: 0n, end: LLONG_MAX, reads: false, writes: false };
      if (!ioAllowed(posix, everything, this.mode === 'optimal')) throw failure(EAGAIN);
    }
    return this.next.open(call, args);
  }

  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    const guarded = this.mode !== 'off' && call.pid >= 0;
    if (!guarded && args.xdata === null) return this.next.truncate(call, args);
    const { inode, offset, xdata } = args;
    const wind = () => this.next.truncate(call, args);
    if (!guarded) return this.withCounts(xdata, inode, wind);
    const io = regionOf('truncate', call, offset, null);
    return this.withCounts(xdata, inode, () => this.guard(call, inode, null, io, wind));
  }

  /** Whether locks of a file are enforced: read from its xattr once. False where mandatory locking is off. */
  enforced(call: Call, inode: Inode): MaybePromise<boolean> {
    if (this.mode === 'off') return false;
    const locks = this.locksOf(inode);
    return locks.io?.enforced ?? this.#readEnforced(call, locks);
  }

  async #readEnforced(call: Call, locks: InodeLocks): Promise<boolean> {
    const io = locks.mandatoryIo();
    try {
      await this.next.getxattr(call, { inode: locks.inode, name: ENFORCE_KEY, xdata: null });
      io.enforced = true;
    } catch (error) {
      // Anything but a clear no is asked again.
      if (fopErrorOf(error).errno !== ENODATA) return false;
      io.enforced ??= false;
    }
    return io.enforced;
  }

  /** Winds I/O once no lock forbids it. fd: null if the file is not open: such I/O does not wait. */
  guard<R>(call: Call, inode: Inode, fd: Fd | null, io: IoRegion, wind: () => MaybePromise<R>): MaybePromise<R> {
    return then(this.enforced(call, inode), () => {
      const locks = this.locksOf(inode);
      const mandatory = locks.mandatoryIo();
      const counted = (): MaybePromise<R> => {
        mandatory.started();
        return settled(wind, () => mandatory.ended());
      };
      // As it is now: it may have been turned on since the question.
      if (mandatory.enforced === true) {
        if (!ioCovered(locks.posixLocks(), io)) throw failure(io.writes ? EBUSY : EAGAIN);
        return counted();
      }
      const { posix } = locks;
      if (posix === null || ioAllowed(posix, io, this.mode === 'optimal')) return counted();
      if (fd === null || (fd.flags & O_NONBLOCK) !== 0) throw failure(EAGAIN);
      posix.onFreed = () => mandatory.wake(posix, this.mode);
      return call.awaits('lock', () => 'mandatory locking', mandatory.wait(io)).then(counted);
    });
  }
}

/** Runs `attempt`; `end` follows it, however it ends. */
function settled<R>(attempt: () => MaybePromise<R>, end: () => void): MaybePromise<R> {
  let reply: MaybePromise<R>;
  try {
    reply = attempt();
  } catch (error) {
    end();
    throw error;
  }
  if (reply instanceof Promise) return reply.finally(end);
  end();
  return reply;
}

/** length: null: to the end of the file. */
function regionOf(name: FopName, call: Call, offset: number, length: number | null): IoRegion {
  const start = BigInt(offset);
  const end = length === null ? LLONG_MAX : start + BigInt(length) - 1n;
  return { client: call.client, owner: call.lkOwner, start, end, reads: name === 'readv', writes: name === 'writev' };
}

type FdIoArgs = FopArgs[(typeof FD_IO)[number]];
const lengthOf = (args: FdIoArgs): number | null =>
  'size' in args ? args.size : 'length' in args ? args.length : null;

intercept(
  GuardedIo,
  FD_IO,
  (name) =>
    function (call, args) {
      const guarded = this.mode !== 'off' && call.pid >= 0;
      if (!guarded && args.xdata === null) return below(this, name)(call, args);
      const { fd, offset, xdata } = args;
      const wind = () => below(this, name)(call, args);
      if (!guarded) return this.withCounts(xdata, fd.inode, wind);
      const io = regionOf(name, call, offset, lengthOf(args));
      return this.withCounts(xdata, fd.inode, () => this.guard(call, fd.inode, fd, io, wind));
    },
);
