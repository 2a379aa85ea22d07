/** I/O under mandatory locking: held back, or refused, where somebody else has a lock. */

import type { Call } from '../../../../mux/xlator/call.js';
import { failure, fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type { FopName, MaybePromise, OpenArgs, Xdata } from '../../../../mux/xlator/fops.js';
import type { Client, Fd, Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { EAGAIN, EBUSY, ENODATA } from '../../../../native/errno.js';
import { O_NONBLOCK, O_TRUNC } from '../../../../native/linux.js';
import { below, CountedFops, methodsOf } from './counted-fops.js';
import type { InodeLocks } from './inode-locks.js';
import { LLONG_MAX } from './lock-text.js';
import { type IoRegion, ioAllowed, ioCovered } from './mandatory.js';

/** Set on files that may be read and written only by who has them locked. */
export const ENFORCE_KEY = 'trusted.glusterfs.enforce-mandatory-lock';

const IO_FOPS = [
  'readv',
  'writev',
  'ftruncate',
  'discard',
  'zerofill',
  'truncate',
] as const satisfies readonly FopName[];
type IoFop = (typeof IO_FOPS)[number];

type IoArgs = { fd?: Fd; inode?: Inode; offset: number; size?: number; length?: number } & Xdata;

export abstract class GuardedIo extends CountedFops {
  override wants(fop: FopName): boolean {
    return fop !== 'open' || this.mode !== 'off';
  }

  /** Linked under mandatory locking only: cutting a file short on opening it fails when there are locks. */
  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    const posix = this.peek(args.inode)?.posix ?? null;
    if (posix !== null && (args.flags & O_TRUNC) !== 0) {
      const everything = { client: null as unknown as Client, owner: '', start: 0n, end: LLONG_MAX, reading: false };
      if (!ioAllowed(posix, everything, this.mode === 'optimal')) throw failure(EAGAIN);
    }
    return this.next.open(call, args);
  }

  /** Whether locks of a file are enforced: read from its xattr once. False where mandatory locking is off. */
  enforced(call: Call, inode: Inode): MaybePromise<boolean> {
    if (this.mode === 'off') return false;
    const locks = this.locksOf(inode);
    return locks.enforced ?? this.#readEnforced(call, locks);
  }

  async #readEnforced(call: Call, locks: InodeLocks): Promise<boolean> {
    try {
      await this.next.getxattr(call, { inode: locks.inode, name: ENFORCE_KEY, xdata: null });
      locks.enforced = true;
    } catch (error) {
      // Anything but a clear no is asked again.
      if (fopErrorOf(error).errno !== ENODATA) return false;
      locks.enforced ??= false;
    }
    return locks.enforced;
  }

  guard(name: IoFop, call: Call, args: IoArgs): MaybePromise<Xdata> {
    const inode = args.fd?.inode ?? args.inode!;
    return then(this.enforced(call, inode), () => {
      const locks = this.locksOf(inode);
      // As it is now: it may have been turned on since the question.
      const enforced = locks.enforced === true;
      const wind = (): MaybePromise<Xdata> => {
        locks.ioRunning++;
        return settled(
          () => below(this, name)(call, args as never),
          () => locks.ioEnded(),
        );
      };
      const io = regionOf(name, call, args);
      if (enforced) {
        if (!ioCovered(locks.posixLocks(), io)) throw failure(name === 'writev' ? EBUSY : EAGAIN);
        return wind();
      }
      const { posix } = locks;
      if (posix === null || ioAllowed(posix, io, this.mode === 'optimal')) return wind();
      const fd = args.fd ?? null;
      if (fd === null || (fd.flags & O_NONBLOCK) !== 0) throw failure(EAGAIN);
      posix.onFreed = () => locks.io?.wake(posix, this.mode);
      return locks.ioQueue().wait(io).then(wind);
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

function regionOf(name: IoFop, call: Call, args: IoArgs): IoRegion {
  const start = BigInt(args.offset);
  const cut = name === 'truncate' || name === 'ftruncate';
  const end = cut ? LLONG_MAX : start + BigInt(args.size ?? args.length ?? 0) - 1n;
  return { client: call.client, owner: call.lkOwner, start, end, reading: name === 'readv' };
}

const methods = methodsOf(GuardedIo);
for (const name of IO_FOPS) {
  methods[name] = function (call, args: IoArgs) {
    const guarded = this.mode !== 'off' && call.pid >= 0;
    if (!guarded && args.xdata === null) return below(this, name)(call, args as never);
    const wind = (): MaybePromise<Xdata> =>
      guarded ? this.guard(name, call, args) : below(this, name)(call, args as never);
    return this.withCounts(args.xdata, args.fd?.inode ?? args.inode!, wind);
  };
}
