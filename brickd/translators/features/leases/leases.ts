/**
 * features/leases: a client that holds a lease may keep the file in its cache. Before somebody else changes the file (or, under a
 * read-write lease, uses it at all), the brick recalls the lease and has the fop wait until it is given back, or for
 * `lease-lock-recall-timeout` seconds. NFS-Ganesha's delegations and Samba's oplocks are made of it, by libgfapi.
 *
 * Each brick recalls a lease once, however many fops wait for it. What Gluster does by itself breaks no lease.
 */
import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type * as F from '../../../../mux/xlator/fops.js';
import { gfidKey } from '../../../../mux/xlator/gfid.js';
import type { Client, Fd, Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { INTERNAL_FOP } from '../../../../mux/xlator/xdata-keys.js';
import { EAGAIN, EINVAL, ENOSYS, ENOTCONN, EPERM } from '../../../../native/errno.js';
import { O_NONBLOCK, O_RDWR, O_TRUNC, O_WRONLY } from '../../../../native/linux.js';
import { InodeLeases, isGrantedType, type Lease, type LeaseAccess, type LeaseHost } from './inode-leases.js';
import { type LeaseId, leaseIdOf, requestedLeaseId } from './lease-id.js';
import type { Options } from './options.js';

const Command = { get: 1, set: 2, unlock: 3 } as const;
/** Lock types and commands of lk. */
const WRITE_LOCK = 1;
const UNLOCK = 2;
const GETLK = 0;
const SETLKW = 2;

/** Beyond, a client is refused further leases: each keeps its file in the inode table. */
export const MAX_LEASES_OF_CLIENT = 1 << 16;

/** What the translator keeps of a client. */
interface ClientLeases {
  readonly held: Set<Lease>;
  /** Files that fops of it wait for, and how many. */
  readonly waitsFor: Map<InodeLeases, number>;
}

export class LeasesTranslator extends Translator<Options> implements LeaseHost {
  readonly #log;
  /** Files with leases, or with fops that wait. */
  readonly #files = new Set<InodeLeases>();
  #recalls = 0;
  #revoked = 0;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
  }

  override wants(_fop: F.FopName): boolean {
    return this.options.leases;
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    if (options.leases) return;
    // Nobody is recalled any more: fops must not wait for what clients believe to hold.
    for (const file of [...this.#files]) for (const lease of [...file.leases]) file.end(lease);
  }

  override closing(): void {
    for (const file of [...this.#files]) file.abandon(failure(ENOTCONN), null);
  }

  override async fini(): Promise<void> {
    for (const file of [...this.#files]) for (const lease of [...file.leases]) file.end(lease);
    this.#files.clear();
  }

  // --- state --------------------------------------------------------------------------------------------------------

  #peek(inode: Inode): InodeLeases | undefined {
    return inode.ctx[this.slot] as InodeLeases | undefined;
  }
  #of(inode: Inode): InodeLeases {
    const known = this.#peek(inode);
    if (known !== undefined) return known;
    const made = new InodeLeases(inode, this);
    inode.ctx[this.slot] = made;
    return made;
  }
  #tidy(file: InodeLeases): void {
    if (file.leases.length === 0 && file.waiting === 0) this.#files.delete(file);
    if (file.isEmpty) file.inode.ctx[this.slot] = undefined;
  }
  #ofClient(client: Client): ClientLeases {
    return (client.ctx[this.slot] ??= { held: new Set(), waitsFor: new Map() }) as ClientLeases;
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override release(fd: Fd): void {
    const file = this.#peek(fd.inode);
    if (file === undefined) return;
    file.closed(fd);
    this.#tidy(file);
  }

  override clientGone(client: Client): void {
    const own = client.ctx[this.slot] as ClientLeases | undefined;
    if (own === undefined) return;
    for (const file of [...own.waitsFor.keys()]) file.abandon(failure(ENOTCONN), client);
    for (const lease of [...own.held]) lease.leases.end(lease);
    client.ctx[this.slot] = undefined;
  }

  // --- what happens to leases ---------------------------------------------------------------------------------------

  granted(lease: Lease): void {
    lease.leases.inode.ref();
    this.#files.add(lease.leases);
    this.#ofClient(lease.client).held.add(lease);
  }

  ended(lease: Lease): void {
    const { inode } = lease.leases;
    this.#ofClient(lease.client).held.delete(lease);
    this.#tidy(lease.leases);
    inode.unref();
  }

  recall(lease: Lease): void {
    const { inode } = lease.leases;
    const timeoutSec = this.options['lease-lock-recall-timeout'];
    lease.endRecall = this.brick.timer(timeoutSec * 1000, false, () => {
      lease.endRecall = null;
      this.#revoked++;
      const what = `${pathOf(inode)}: the lease of client ${lease.client.uid} is revoked`;
      this.#log.warning(0, `${this.brick.name}: ${what}: it was not returned within ${timeoutSec} s`);
      lease.leases.end(lease);
    });
    this.#recalls++;
    this.brick.upcall(lease.client, { kind: 'lease-recall', inode, leaseType: lease.type });
  }

  // --- LEASE --------------------------------------------------------------------------------------------------------

  lease(call: Call, args: F.LeaseArgs): F.LeaseReply {
    if (isInternal(call, args)) throw failure(ENOSYS);
    const { cmd, leaseType, leaseId, leaseFlags } = args;
    const id = leaseIdOf(leaseId);
    if (id === null) throw failure(EINVAL);
    const reply = { cmd, leaseType, leaseId, leaseFlags, xdata: args.xdata };
    switch (cmd) {
      case Command.get:
        return { ...reply, leaseType: this.#peek(args.inode)?.type ?? 0 };
      case Command.set:
        this.#set(call, args.inode, id, leaseType);
        return reply;
      case Command.unlock:
        this.#peek(args.inode)?.giveBack(call.client, id, leaseType);
        return reply;
      default:
        throw failure(EINVAL);
    }
  }

  #set({ client }: Call, inode: Inode, id: LeaseId, type: number): void {
    if (!isGrantedType(type)) throw failure(EINVAL);
    if (!client.alive) throw failure(ENOTCONN);
    if (this.#ofClient(client).held.size >= MAX_LEASES_OF_CLIENT) throw failure(EPERM);
    const file = this.#of(inode);
    const lease = file.grant(client, id, type);
    this.#tidy(file);
    if (lease === null) throw failure(EPERM);
  }

  // --- fops that may break leases -----------------------------------------------------------------------------------

  /** Winds a fop once no lease is in its way; EAGAIN where it would have to wait and must not. */
  #after<R>(
    call: Call,
    inode: Inode | null,
    xdata: F.Xdata,
    access: Omit<LeaseAccess, 'id'>,
    mayWait: boolean,
    wind: () => F.MaybePromise<R>,
  ): F.MaybePromise<R> {
    const file = inode === null ? undefined : this.#peek(inode);
    if (file === undefined || file.leases.length === 0 || isInternal(call, xdata)) return wind();
    const known: LeaseAccess = { ...access, id: requestedLeaseId(xdata.xdata) };
    if (!file.conflicts(known)) return wind();
    if (!mayWait) throw failure(EAGAIN);
    return this.#wait(call, file, known, wind);
  }

  #wait<R>(call: Call, file: InodeLeases, access: LeaseAccess, wind: () => F.MaybePromise<R>): Promise<R> {
    const { client } = call;
    if (!client.alive) throw failure(ENOTCONN);
    const { waitsFor } = this.#ofClient(client);
    waitsFor.set(file, (waitsFor.get(file) ?? 0) + 1);
    const ended = (): void => {
      const left = (waitsFor.get(file) ?? 1) - 1;
      if (left > 0) waitsFor.set(file, left);
      else waitsFor.delete(file);
    };
    const recalled = new Promise<void>((resolve, reject) => {
      file.wait({
        client,
        access,
        settle: (error) => {
          ended();
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
    return call
      .awaits('lease', () => '', recalled)
      .then(
        () => {
          file.resumed();
          this.#tidy(file);
          return wind();
        },
        (error: unknown) => {
          this.#tidy(file);
          throw error;
        },
      );
  }

  #write<R>(call: Call, fd: Fd, args: F.Xdata, wind: () => F.MaybePromise<R>): F.MaybePromise<R> {
    this.#peek(fd.inode)?.flushed(fd, false);
    return this.#after(call, fd.inode, args, WRITES, (fd.flags & O_NONBLOCK) === 0, wind);
  }
  #read<R>(call: Call, fd: Fd, args: F.Xdata, wind: () => F.MaybePromise<R>): F.MaybePromise<R> {
    this.#peek(fd.inode)?.flushed(fd, false);
    return this.#after(call, fd.inode, args, READS, (fd.flags & O_NONBLOCK) === 0, wind);
  }

  open(call: Call, args: F.OpenArgs): F.MaybePromise<F.Xdata> {
    const { inode, fd, flags } = args;
    const wind = (): F.MaybePromise<F.Xdata> => this.next.open(call, args);
    // From now on it is in the way of leases.
    this.#of(inode).opened(fd, requestedLeaseId(args.xdata), isInternal(call, args));
    const failed = (error: unknown): never => {
      this.release(fd);
      throw error;
    };
    try {
      const access = (flags & (O_WRONLY | O_RDWR | O_TRUNC)) !== 0 ? WRITES : READS;
      const reply = this.#after(call, inode, args, access, (flags & O_NONBLOCK) === 0, wind);
      return reply instanceof Promise ? reply.catch(failed) : reply;
    } catch (error) {
      return failed(error);
    }
  }

  async create(call: Call, args: F.CreateArgs): Promise<F.CreateReply> {
    const internal = isInternal(call, args);
    const { flags } = args;
    const access = (flags & (O_WRONLY | O_RDWR | O_TRUNC)) !== 0 ? WRITES : READS;
    let broken: Inode | undefined;
    const admit: F.CreateArgs['admit'] = (stat, acl) => {
      args.admit?.(stat, acl);
      if (internal) return;
      const inode = this.brick.findInode(gfidKey(stat.gfid));
      const file = inode === undefined ? undefined : this.#peek(inode);
      if (file?.conflicts({ ...access, id: requestedLeaseId(args.xdata) }) !== true) return;
      broken = inode;
      throw failure(EAGAIN);
    };
    let reply: F.CreateReply;
    try {
      reply = await this.next.create(call, { ...args, admit });
    } catch (error) {
      if (broken === undefined || (flags & O_NONBLOCK) !== 0) throw error;
      // It opens a file that exists, and somebody holds a lease on that.
      call.hold(broken);
      return await this.#after(call, broken, args, access, true, () => this.create(call, args));
    }
    const id = requestedLeaseId(args.xdata);
    return {
      ...reply,
      bind: (fd) => {
        this.#of(fd.inode).opened(fd, id, internal);
        reply.bind(fd);
      },
    };
  }

  flush(call: Call, args: F.FdArgs): F.MaybePromise<F.Xdata> {
    this.#peek(args.fd.inode)?.flushed(args.fd, true);
    return this.next.flush(call, args);
  }
  readv(call: Call, args: F.ReadArgs): F.MaybePromise<F.ReadReply> {
    return this.#read(call, args.fd, args, () => this.next.readv(call, args));
  }
  writev(call: Call, args: F.WriteArgs): F.MaybePromise<F.WriteReply> {
    return this.#write(call, args.fd, args, () => this.next.writev(call, args));
  }
  ftruncate(call: Call, args: F.FtruncateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#write(call, args.fd, args, () => this.next.ftruncate(call, args));
  }
  fsetattr(call: Call, args: F.FsetattrArgs): F.MaybePromise<F.PrePostReply> {
    return this.#write(call, args.fd, args, () => this.next.fsetattr(call, args));
  }
  fallocate(call: Call, args: F.FallocateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#write(call, args.fd, args, () => this.next.fallocate(call, args));
  }
  discard(call: Call, args: F.RangeArgs): F.MaybePromise<F.PrePostReply> {
    return this.#write(call, args.fd, args, () => this.next.discard(call, args));
  }
  zerofill(call: Call, args: F.RangeArgs): F.MaybePromise<F.PrePostReply> {
    return this.#write(call, args.fd, args, () => this.next.zerofill(call, args));
  }
  copyFileRange(call: Call, args: F.CopyFileRangeArgs): F.MaybePromise<F.CopyFileRangeReply> {
    return this.#read(call, args.fdIn, args, () =>
      this.#write(call, args.fdOut, args, () => this.next.copyFileRange(call, args)),
    );
  }
  truncate(call: Call, args: F.TruncateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#after(call, args.inode, args, WRITES, true, () => this.next.truncate(call, args));
  }
  setattr(call: Call, args: F.SetattrArgs): F.MaybePromise<F.PrePostReply> {
    return this.#after(call, args.inode, args, WRITES, true, () => this.next.setattr(call, args));
  }
  link(call: Call, args: F.LinkArgs): F.MaybePromise<F.EntryReply> {
    return this.#after(call, args.inode, args, WRITES, true, () => this.next.link(call, args));
  }
  unlink(call: Call, args: F.UnlinkArgs): F.MaybePromise<F.RemoveReply> {
    return this.#after(call, args.loc.inode, args, TAKES_NAME, true, () => this.next.unlink(call, args));
  }
  rename(call: Call, args: F.RenameArgs): F.MaybePromise<F.RenameReply> {
    return this.#after(call, args.oldLoc.inode, args, TAKES_NAME, true, () =>
      this.#after(call, args.newLoc.inode, args, TAKES_NAME, true, () => this.next.rename(call, args)),
    );
  }

  /** A request for a lock that does not wait for locks does not wait for leases either. */
  lk(call: Call, args: F.LkArgs): F.MaybePromise<F.LkReply> {
    const { cmd, fd, flock } = args;
    const wind = (): F.MaybePromise<F.LkReply> => this.next.lk(call, args);
    if (cmd === GETLK || flock.type === UNLOCK) return wind();
    const mayWait = cmd === SETLKW && (fd.flags & O_NONBLOCK) === 0;
    return this.#after(call, fd.inode, args, flock.type === WRITE_LOCK ? WRITES : READS, mayWait, wind);
  }

  override dump(): DumpSection[] {
    let leases = 0;
    let waiting = 0;
    for (const file of this.#files) {
      leases += file.leases.length;
      waiting += file.waiting;
    }
    const lines = [
      `leases.enabled=${this.options.leases ? 1 : 0}`,
      `leases.recall_timeout=${this.options['lease-lock-recall-timeout']}`,
      `leases.held=${leases}`,
      `leases.waiting_fops=${waiting}`,
      `leases.recalls=${this.#recalls}`,
      `leases.revoked=${this.#revoked}`,
    ];
    return [{ title: 'xlator.features.leases.priv', lines }];
  }
}

const READS: Omit<LeaseAccess, 'id'> = { writes: false, takesName: false };
const WRITES: Omit<LeaseAccess, 'id'> = { writes: true, takesName: false };
const TAKES_NAME: Omit<LeaseAccess, 'id'> = { writes: true, takesName: true };

/** Gluster's own work keeps data in order and changes none of its users'. */
function isInternal(call: Call, { xdata }: F.Xdata): boolean {
  return call.pid < 0 || xdata?.has(INTERNAL_FOP) === true;
}
