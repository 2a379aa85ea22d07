/**
 * features/locks: POSIX locks of applications, inode and entry locks of Gluster's clients, and the counts of them that
 * replies carry. All in memory: a client that loses its connection loses its locks.
 */
import type { Call } from '../../../../posix/contract/call.js';
import { ClientPid } from '../../../../posix/contract/call.js';
import { Dict } from '../../../../posix/contract/dict.js';
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP, EREMOTE } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type {
  DictReply,
  EntrylkArgs,
  FdArgs,
  FentrylkArgs,
  FgetxattrArgs,
  FinodelkArgs,
  Flock,
  FopName,
  FremovexattrArgs,
  FsetxattrArgs,
  GetactivelkReply,
  GetxattrArgs,
  InodeArgs,
  InodelkArgs,
  LkArgs,
  LkReply,
  LookupArgs,
  LookupReply,
  MaybePromise,
  OpenArgs,
  ReaddirArgs,
  ReaddirReply,
  RemoveReply,
  RemovexattrArgs,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SetactivelkArgs,
  SetxattrArgs,
  UnlinkArgs,
  Xdata,
} from '../../../../posix/contract/fops.js';
import { gfidKey, gfidText } from '../../../../posix/contract/gfid.js';
import type { Client, Fd, Inode } from '../../../../posix/contract/inode.js';
import { loggerFor } from '../../../../posix/contract/log.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../posix/contract/translator.js';
import { then } from '../../../../posix/maybe.js';
import { CLEAR_PREFIX, clearLocks, INTERRUPT_PREFIX, parseClear } from './clear.js';
import { answer, answerEntry, takeRequest, writable } from './counts.js';
import { dumpLocks } from './dump.js';
import { InodeLocks, type LocksHost } from './inode-locks.js';
import { EntryLock, InodeLock } from './internal-locks.js';
import { LLONG_MAX, LockType, ownerText } from './lock-text.js';
import { decodeLockinfo, encodeLockinfo, LOCKINFO_KEY, lockinfoBrick, summaryBrick } from './lockinfo.js';
import { IoQueue, type IoRegion, ioAllowed, type MandatoryMode, mandatoryMode } from './mandatory.js';
import type { Options } from './options.js';
import { activeLocks, checkOwner, FdLocks, lk, moveLocks, setActiveLocks } from './record-locks.js';

const META_LOCK_KEY = 'glusterfs.lock-migration-meta-lock';
const META_UNLOCK_KEY = 'glusterfs.lock-migration-meta-unlock';
const ENFORCE_KEY = 'trusted.glusterfs.enforce-mandatory-lock';
const PATHINFO_KEY = 'trusted.glusterfs.pathinfo';

const DONE: Xdata = Object.freeze({ xdata: null });
const O_NONBLOCK = 0o4000;
const O_TRUNC = 0o1000;

/** Fops whose replies only get counts. By what tells the inode that the counts are of. */
const COUNTED = {
  fd: ['fstat', 'fallocate', 'fsync', 'fsyncdir', 'opendir', 'readdir', 'fsetattr', 'fxattrop', 'rchecksum', 'seek'],
  inode: ['stat', 'access', 'readlink', 'setattr', 'xattrop', 'statfs'],
  parent: ['mkdir', 'mknod', 'create', 'symlink'],
} as const satisfies Record<string, readonly FopName[]>;

/** Fops that mandatory locks hold back. */
const IO_FOPS = [
  'readv',
  'writev',
  'ftruncate',
  'discard',
  'zerofill',
  'truncate',
] as const satisfies readonly FopName[];

export class LocksTranslator extends Translator<Options> implements LocksHost {
  readonly busy = new Set<InodeLocks>();
  noticeEveryMs: number | null;
  readonly #log;
  #mode: MandatoryMode;
  /** This brick in lockinfo values; null until first asked for. */
  #brickKey: string | null = null;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
    refuse(init.options);
    this.noticeEveryMs = noticeEveryMs(init.options);
    this.#mode = mandatoryMode(init.options['mandatory-locking']);
  }

  override async reconfigure(options: Options): Promise<void> {
    refuse(options);
    this.options = options;
    this.noticeEveryMs = noticeEveryMs(options);
    this.#mode = mandatoryMode(options['mandatory-locking']);
    for (const locks of this.busy) if (locks.posix !== null) locks.io?.wake(locks.posix, this.#mode);
  }

  override wants(fop: FopName): boolean {
    return fop !== 'open' || this.#mode !== 'off';
  }

  /** The locks of an inode that ever had one. */
  peek(inode: Inode): InodeLocks | undefined {
    return inode.ctx[this.slot] as InodeLocks | undefined;
  }

  #locks(inode: Inode): InodeLocks {
    return (inode.ctx[this.slot] ??= new InodeLocks(inode, this)) as InodeLocks;
  }

  // --- POSIX locks --------------------------------------------------------------------------------------------------

  lk(call: Call, args: LkArgs): MaybePromise<LkReply> {
    return lk(this.#locks(args.fd.inode), call, args, this.slot);
  }

  flush(call: Call, args: FdArgs): MaybePromise<Xdata> {
    const locks = this.peek(args.fd.inode);
    if (locks !== undefined) {
      if (locks.migrated) throw failure(EREMOTE);
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
    setActiveLocks(this.#locks(args.inode), call.client, args.locks);
    return DONE;
  }

  // --- inode and entry locks ----------------------------------------------------------------------------------------

  inodelk(call: Call, args: InodelkArgs): MaybePromise<Xdata> {
    return this.#inodelk(call, args.inode, args);
  }
  finodelk(call: Call, args: FinodelkArgs): MaybePromise<Xdata> {
    return this.#inodelk(call, args.fd.inode, args);
  }

  #inodelk(call: Call, inode: Inode, args: { domain: string; cmd: number; flock: Flock } & Xdata): MaybePromise<Xdata> {
    const { flock, cmd } = args;
    if (flock.start < 0n || flock.len < 0n) throw failure(EINVAL);
    checkOwner(call);
    if (cmd !== 1 && cmd !== 2) throw failure(EOPNOTSUPP);
    const locks = this.#locks(inode);
    const domain = locks.domain(inodelkDomain(args.domain, flock));
    const request = new InodeLock(call.client, call.lkOwner, call.pid, connectionId(call, args.xdata), flock);
    if (flock.type === LockType.unlock) {
      const had = domain.inode.unlock(request);
      if (!had) {
        locks.tidy(domain);
        const range = `${flock.start}-${request.end}`;
        this.#log.error(
          0,
          `Matching lock not found for unlock ${range}, by ${ownerText(call.lkOwner)} on ${call.client.uid} for gfid:${gfidText(inode.gfid)}`,
        );
        throw failure(EINVAL);
      }
      locks.inodeLocksFreed(domain);
      return DONE;
    }
    if (!call.client.alive) throw failure(ENOTCONN);
    try {
      return domain.inode.lock(request, cmd === 2)?.then(done) ?? DONE;
    } finally {
      locks.tidy(domain);
    }
  }

  entrylk(call: Call, args: EntrylkArgs): MaybePromise<Xdata> {
    return this.#entrylk(call, args.inode, args);
  }
  fentrylk(call: Call, args: FentrylkArgs): MaybePromise<Xdata> {
    return this.#entrylk(call, args.fd.inode, args);
  }

  #entrylk(
    call: Call,
    inode: Inode,
    args: { domain: string; cmd: number; name: string; type: number } & Xdata,
  ): MaybePromise<Xdata> {
    const { cmd, name } = args;
    checkOwner(call);
    if (cmd < 0 || cmd > 2) throw failure(EINVAL);
    const locks = this.#locks(inode);
    const domain = locks.domain(args.domain);
    const request = new EntryLock(call.client, call.lkOwner, call.pid, connectionId(call, args.xdata), name, args.type);
    if (cmd === 1) {
      const had = domain.entry.unlock(request);
      if (!had) {
        this.#log.error(0, `unlock on ${name === '' ? '(null)' : name} attempted but no matching lock found`);
        locks.tidy(domain);
        throw failure(EINVAL);
      }
      domain.entry.grant();
      locks.tidy(domain);
      return DONE;
    }
    if (!call.client.alive) throw failure(ENOTCONN);
    try {
      return domain.entry.lock(request, cmd === 0)?.then(done) ?? DONE;
    } finally {
      locks.tidy(domain);
    }
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
    if (this.peek(inode)?.heldByOthers(call.client) === true) return this.#removeLater(call, inode, wind);
    const reply = wind();
    if (!(reply instanceof Promise)) return reply;
    const locks = this.#locks(inode);
    locks.removing++;
    call.hold(inode);
    return reply.finally(() => locks.removalDone());
  }

  async #removeLater<R>(call: Call, inode: Inode, wind: () => MaybePromise<R>): Promise<R> {
    const locks = this.#locks(inode);
    call.hold(inode);
    await locks.waitForRemoval(call.client);
    try {
      return await wind();
    } finally {
      locks.removalDone();
    }
  }

  // --- counts -------------------------------------------------------------------------------------------------------

  /** Winds a fop, and puts the counts that its xdata asks for into its reply. other: a second directory. */
  withCounts<R extends Xdata>(
    xdata: Dict | null,
    inode: Inode | null,
    wind: () => MaybePromise<R>,
    other: Inode | null = null,
  ): MaybePromise<R> {
    const request = takeRequest(xdata);
    if (request === null) return wind();
    return then(wind(), (reply) => {
      const counted = { ...reply };
      const into = writable(counted);
      if (inode !== null) answer(request, this.peek(inode), into);
      if (other !== null) answer(request, this.peek(other), into, true);
      return counted;
    });
  }

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const request = takeRequest(args.xdata);
    if (request === null) return this.next.lookup(call, args);
    const { parent, name } = args.loc;
    return then(this.next.lookup(call, args), (reply) => {
      const counted = { ...reply };
      const into = writable(counted);
      const inode = this.brick.findInode(gfidKey(reply.stat.gfid));
      answer(request, inode === undefined ? undefined : this.peek(inode), into);
      answerEntry(request, parent, name, null, into, (i) => this.peek(i));
      return counted;
    });
  }

  readdirp(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    const request = takeRequest(args.xdata);
    if (request === null) return this.next.readdirp(call, args);
    const parent = args.fd.inode;
    return then(this.next.readdirp(call, args), (reply) => {
      const counted = { ...reply };
      for (const entry of counted.entries) {
        const inode = entry.stat.mode === 0 ? undefined : this.brick.findInode(gfidKey(entry.stat.gfid));
        entry.dict ??= new Dict();
        answerEntry(request, parent, entry.name, inode, entry.dict, (i) => this.peek(i));
      }
      answer(request, this.peek(parent), writable(counted));
      return counted;
    });
  }

  link(call: Call, args: Parameters<Translator['next']['link']>[1]): ReturnType<Translator['next']['link']> {
    return this.withCounts(args.xdata, args.newLoc.parent, () => this.next.link(call, args));
  }

  // --- extended attributes ------------------------------------------------------------------------------------------

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    // The original takes an interruption by way of an fd only.
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
    const cleared = clearLocks(this.peek(inode), request, { uid: call.client.uid, pid: call.pid });
    if (cleared === null) throw failure(EINVAL);
    let summary = 'No locks cleared.';
    if (cleared.blocked > 0 || cleared.granted > 0) {
      const brick = await this.#pathinfo(call, inode).then(summaryBrick, () => null);
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

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    const { dict, inode } = args;
    if (dict.has(META_LOCK_KEY)) return this.#startMove(call, inode);
    if (dict.has(META_UNLOCK_KEY)) {
      const locks = this.peek(inode);
      if (locks !== undefined && locks.mover === call.client) locks.moveEnded(dict.has('status'));
      return DONE;
    }
    if (dict.has(ENFORCE_KEY)) throw failure(EINVAL);
    return this.withCounts(args.xdata, inode, () => this.next.setxattr(call, args));
  }

  #startMove(call: Call, inode: Inode): Xdata {
    const locks = this.#locks(inode);
    if (call.pid !== ClientPid.defrag || locks.mover !== null) throw failure(EINVAL);
    locks.moveStarted(call.client);
    return DONE;
  }

  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    const { dict, fd } = args;
    if (dict.has(ENFORCE_KEY)) throw failure(EINVAL);
    const lockinfo = dict.bytes(LOCKINFO_KEY);
    const wind = (): MaybePromise<Xdata> =>
      this.withCounts(args.xdata, fd.inode, () => this.next.fsetxattr(call, args));
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
    if (args.name === ENFORCE_KEY) throw failure(EINVAL);
    return this.withCounts(args.xdata, args.inode, () => this.next.removexattr(call, args));
  }

  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    if (args.name === ENFORCE_KEY) throw failure(EINVAL);
    return this.withCounts(args.xdata, args.fd.inode, () => this.next.fremovexattr(call, args));
  }

  // --- mandatory locks ----------------------------------------------------------------------------------------------

  /** Implemented under mandatory locking only: cutting a file short on opening it fails when there are locks. */
  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    const posix = this.peek(args.inode)?.posix ?? null;
    if (posix !== null && (args.flags & O_TRUNC) !== 0) {
      const everything = { client: null as unknown as Client, owner: '', start: 0n, end: LLONG_MAX, reading: false };
      if (!ioAllowed(posix, everything, this.#mode === 'optimal')) throw failure(EAGAIN);
    }
    return this.next.open(call, args);
  }

  /** Null: go on. Else a promise of leave to, or EAGAIN. */
  holdIo(
    call: Call,
    inode: Inode,
    fd: Fd | null,
    start: number,
    length: number | null,
    reading: boolean,
  ): Promise<void> | null {
    if (this.#mode === 'off' || call.pid < 0) return null;
    const locks = this.peek(inode);
    const posix = locks?.posix ?? null;
    if (locks === undefined || posix === null || posix.holders.size === 0) return null;
    const end = length === null ? LLONG_MAX : BigInt(start) + BigInt(length) - 1n;
    const io: IoRegion = { client: call.client, owner: call.lkOwner, start: BigInt(start), end, reading };
    if (ioAllowed(posix, io, this.#mode === 'optimal')) return null;
    if (fd === null || (fd.flags & O_NONBLOCK) !== 0) throw failure(EAGAIN);
    const queue = (locks.io ??= new IoQueue());
    posix.onFreed = () => queue.wake(posix, this.#mode);
    return queue.wait(io);
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  override release(fd: Fd): void {
    this.peek(fd.inode)?.posix?.dropFd(fd);
  }

  override clientGone(client: Client): void {
    const had = client.ctx[this.slot] as Set<InodeLocks> | undefined;
    if (had === undefined) return;
    for (const locks of [...had]) {
      this.#log.warning(0, `releasing locks on ${gfidText(locks.inode.gfid)} of {client=${client.uid}}`);
      locks.clientGone(client);
    }
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override dump(): DumpSection[] {
    return [...this.busy].map((locks) => dumpLocks(this.name, locks));
  }
}

const done = (): Xdata => DONE;

function connectionId(call: Call, xdata: Dict | null): string {
  return xdata?.text('connection-id') ?? call.client.uid;
}

/** A range at the very end of what offsets can tell locks metadata: it has a domain of its own. */
function inodelkDomain(domain: string, flock: Flock): string {
  if (flock.start !== LLONG_MAX - 1n || flock.len !== 0n || domain.endsWith(':metadata')) return domain;
  return `${domain}:metadata`;
}

function noticeEveryMs(options: Options): number | null {
  return options['notify-contention'] ? options['notify-contention-delay'] * 1000 : null;
}

/** Throws for options that ask for what is not done here. */
function refuse(options: Options): void {
  const asked =
    (options['enforce-mandatory-lock'] && 'enforce-mandatory-lock') ||
    (options['revocation-secs'] > 0 && 'revocation-secs') ||
    (options['monkey-unlocking'] && 'monkey-unlocking');
  if (asked !== false) throw new Error(`option ${asked} is not supported by this brick server`);
}

// The fops that are the same but for their names.

type AnyFop = (call: Call, args: never) => MaybePromise<Xdata>;
type Methods = Record<string, (this: LocksTranslator, call: Call, args: never) => MaybePromise<Xdata>>;

/** The fop of that name of the translator below. */
const below = (t: LocksTranslator, name: FopName): AnyFop => t.next[name] as AnyFop;
const methods = LocksTranslator.prototype as unknown as Methods;

for (const name of COUNTED.fd) {
  methods[name] = function (call, args: FdArgs) {
    if (args.xdata === null) return below(this, name)(call, args as never);
    return this.withCounts(args.xdata, args.fd.inode, () => below(this, name)(call, args as never));
  };
}
for (const name of COUNTED.inode) {
  methods[name] = function (call, args: InodeArgs) {
    if (args.xdata === null) return below(this, name)(call, args as never);
    return this.withCounts(args.xdata, args.inode, () => below(this, name)(call, args as never));
  };
}
for (const name of COUNTED.parent) {
  methods[name] = function (call, args: LookupArgs) {
    if (args.xdata === null) return below(this, name)(call, args as never);
    return this.withCounts(args.xdata, args.loc.parent, () => below(this, name)(call, args as never));
  };
}
for (const name of IO_FOPS) {
  methods[name] = function (
    call,
    args: { fd?: Fd; inode?: Inode; offset: number; size?: number; length?: number } & Xdata,
  ) {
    const fd = args.fd ?? null;
    const inode = fd?.inode ?? args.inode!;
    const length = name === 'truncate' || name === 'ftruncate' ? null : (args.size ?? args.length ?? 0);
    const held = this.holdIo(call, inode, fd, args.offset, length, name === 'readv');
    const wind = (): MaybePromise<Xdata> => below(this, name)(call, args as never);
    if (args.xdata === null) return held === null ? wind() : held.then(wind);
    return this.withCounts(args.xdata, inode, () => (held === null ? wind() : held.then(wind)));
  };
}
