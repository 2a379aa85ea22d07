/** Xattr requests about locks: clearing them, moving them between fds and bricks, enforcing them. */
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { failure, nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type {
  DictReply,
  FgetxattrArgs,
  FremovexattrArgs,
  FsetxattrArgs,
  GetxattrArgs,
  MaybePromise,
  RemovexattrArgs,
  SetxattrArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { EINVAL, EPERM } from '../../../../native/errno.js';
import { copyDict } from '../../copy-dict.js';
import { CLEAR_PREFIX, clearLocks, INTERRUPT_PREFIX, parseClear } from './clear.js';
import { ENFORCE_KEY, GuardedIo } from './guarded-io.js';
import { decodeLockinfo, encodeLockinfo, LOCKINFO_KEY, lockinfoBrick, summaryBrick } from './lockinfo.js';
import { FdLocks, moveLocks } from './record-locks.js';

const META_LOCK_KEY = 'glusterfs.lock-migration-meta-lock';
const META_UNLOCK_KEY = 'glusterfs.lock-migration-meta-unlock';
const PATHINFO_KEY = 'trusted.glusterfs.pathinfo';

const DONE: Xdata = Object.freeze({ xdata: null });

/** What a request to set xattrs leaves to be stored: lockinfo moves locks and is no xattr of the file. Null: nothing. */
function storedPart<T extends { dict: Dict }>(args: T): T | null {
  if (!args.dict.has(LOCKINFO_KEY)) return args;
  if (args.dict.size === 1) return null;
  const dict = copyDict(args.dict);
  dict.delete(LOCKINFO_KEY);
  return { ...args, dict };
}

export abstract class LockXattrs extends GuardedIo {
  /** This brick in lockinfo values; null until first asked for. */
  #brickKey: string | null = null;

  // --- reading ------------------------------------------------------------------------------------------------------

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    // glusterfsd takes an interruption by way of an fd only.
    if (args.name.startsWith(CLEAR_PREFIX)) return this.#clear(call, args.inode, args.name);
    return this.withCounts(args.xdata, args.inode, () => this.next.getxattr(call, args));
  }

  fgetxattr(call: Call, args: FgetxattrArgs): MaybePromise<DictReply> {
    const { name, fd } = args;
    if (name === LOCKINFO_KEY) return this.#lockinfo(call, fd);
    const interrupt = name.startsWith(INTERRUPT_PREFIX);
    if (interrupt && call.pid < 0) throw failure(EINVAL);
    if (interrupt || name.startsWith(CLEAR_PREFIX)) return this.#clear(call, fd.inode, name);
    return this.withCounts(args.xdata, fd.inode, () => this.next.fgetxattr(call, args));
  }

  async #pathinfo(call: Call, inode: Inode): Promise<string> {
    const reply = await this.next.getxattr(call, { inode, name: PATHINFO_KEY, xdata: null });
    const text = reply.dict?.text(PATHINFO_KEY);
    if (text === undefined) throw failure(EINVAL);
    return text;
  }

  async #clear(call: Call, inode: Inode, name: string): Promise<DictReply> {
    const request = parseClear(name);
    if (request === null) throw failure(EINVAL);
    // Everybody may interrupt own requests; what takes others' locks away is the administrator's.
    if (!request.own && !call.privileged) throw failure(EPERM);
    const cleared = clearLocks(this.peek(inode), request, call);
    if (cleared === null) throw failure(EINVAL);
    let summary = 'No locks cleared.';
    if (cleared.blocked > 0 || cleared.granted > 0) {
      const brick = await this.#pathinfo(call, inode).then(summaryBrick, nullOnFailure);
      summary = `${brick ?? this.name}: ${request.type} blocked locks=${cleared.blocked} granted locks=${cleared.granted}`;
    }
    return { ret: 0, dict: new Dict().setText(name, summary), xdata: null };
  }

  async #lockinfo(call: Call, fd: Fd): Promise<DictReply> {
    const dict = new Dict();
    if (this.peek(fd.inode)?.posix?.hasFd(fd) !== true) return { ret: 0, dict, xdata: null };
    const brick = await this.#lockinfoBrick(call, fd.inode);
    dict.setBytes(LOCKINFO_KEY, encodeLockinfo(brick, FdLocks.of(fd, this.slot).number));
    return { ret: 0, dict, xdata: null };
  }

  async #lockinfoBrick(call: Call, inode: Inode): Promise<string> {
    if (this.#brickKey === null) {
      const brick = lockinfoBrick(await this.#pathinfo(call, inode));
      if (brick === null) throw failure(EINVAL);
      this.#brickKey = brick;
    }
    return this.#brickKey;
  }

  // --- setting ------------------------------------------------------------------------------------------------------

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    const { dict, inode } = args;
    if (dict.has(META_LOCK_KEY)) return this.#startMove(call, inode);
    if (dict.has(META_UNLOCK_KEY)) {
      const locks = this.peek(inode);
      if (locks !== undefined && locks.move?.mover === call.client) locks.moveEnded(dict.has('status'));
      return DONE;
    }
    const stored = storedPart(args);
    const wind = (): MaybePromise<Xdata> =>
      stored === null ? DONE : this.withCounts(args.xdata, inode, () => this.next.setxattr(call, stored));
    return dict.has(ENFORCE_KEY) ? this.#enforce(inode, true, wind) : wind();
  }

  #startMove(call: Call, inode: Inode): Xdata {
    const move = this.locksOf(inode).fileMove();
    if (call.pid !== ClientPid.defrag || move.mover !== null) throw failure(EINVAL);
    move.start(call.client);
    return DONE;
  }

  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    const { dict, fd } = args;
    const stored = storedPart(args);
    const wind = (): MaybePromise<Xdata> =>
      stored === null ? DONE : this.withCounts(args.xdata, fd.inode, () => this.next.fsetxattr(call, stored));
    if (dict.has(ENFORCE_KEY)) return this.#enforce(fd.inode, true, wind);
    const lockinfo = dict.bytes(LOCKINFO_KEY);
    if (lockinfo === undefined) return wind();
    return this.#lockinfoBrick(call, fd.inode).then((brick) => {
      const number = decodeLockinfo(lockinfo, brick);
      if (number === undefined) throw failure(EINVAL);
      if (number !== 0) {
        FdLocks.of(fd, this.slot);
        moveLocks(this.peek(fd.inode), number, fd, this.slot);
      }
      return wind();
    });
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    const wind = (): MaybePromise<Xdata> =>
      this.withCounts(args.xdata, args.inode, () => this.next.removexattr(call, args));
    return args.name === ENFORCE_KEY ? this.#enforce(args.inode, false, wind) : wind();
  }

  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    const wind = (): MaybePromise<Xdata> =>
      this.withCounts(args.xdata, args.fd.inode, () => this.next.fremovexattr(call, args));
    return args.name === ENFORCE_KEY ? this.#enforce(args.fd.inode, false, wind) : wind();
  }

  /** Turns enforcement of a file's locks on or off; answers when I/O that began before has ended. */
  #enforce(inode: Inode, on: boolean, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (this.mode === 'off' || !this.options['enforce-mandatory-lock']) throw failure(EINVAL);
    return then(wind(), (reply) => {
      const io = this.locksOf(inode).mandatoryIo();
      io.enforced = on;
      return then(io.drained(), () => reply);
    });
  }
}
