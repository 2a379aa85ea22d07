/**
 * features/bitrot-stub: the brick's part in bit-rot detection. Files have versions, which rise before a file is changed for the first
 * time after it was signed; the signer (bitd) is notified of changed files when they are closed, and has a hash stored with the version
 * that it has read. What the scrubber finds not to match is bad: nobody reads or changes it until the file was removed and healed.
 */
import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../../mux/xlator/fop-error.js';
import type * as F from '../../../../mux/xlator/fops.js';
import { isNullGfid } from '../../../../mux/xlator/gfid.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import {
  type DumpSection,
  type LayerNumbers,
  Translator,
  type TranslatorInit,
} from '../../../../mux/xlator/translator.js';
import { NODE_UUID, REQUEST_LINK_COUNT, RESPONSE_LINK_COUNT } from '../../../../mux/xlator/xdata-keys.js';
import { assert } from '../../../../native/assert.js';
import type { ByteString } from '../../../../native/bytes.js';
import { EINVAL, EIO, ENODATA } from '../../../../native/errno.js';
import { O_ACCMODE, O_RDONLY, O_TRUNC, S_IFREG } from '../../../../native/linux.js';
import { copyDict } from '../../copy-dict.js';
import { Detection } from './detection.js';
import {
  asking,
  asksForAll,
  hide,
  isDaemon,
  listed,
  refuseReading,
  refuseRemoving,
  refuseSetting,
  setsInternal,
  shown,
  WHILE_OFF,
  withoutHidden,
} from './internal-xattrs.js';
import { ObjectState } from './object-state.js';
import { isNew, type Objects } from './objects.js';
import type { Options } from './options.js';
import { Quarantine } from './quarantine.js';
import { BootTime, encodeStubInit, GET_SIGNATURE, STUB_INIT } from './xattr-formats.js';

/** Tells clients that the file is bad. */
const BAD_INODE = 'glusterfs.bad-inode';
/** The brick holds no data: there is nothing to sign. */
const ARBITER = 'features/arbiter';

type Outcome<R> = F.MaybePromise<R>;

export class BitrotStubTranslator extends Translator<Options> {
  readonly #log: Logger;
  readonly #boot = new BootTime(Date.now());
  /** Open from the first time that it is on. */
  #quarantine: Quarantine | null = null;
  /** Since it was last switched on; null before the first time. */
  #detection: Detection | null = null;
  /** The same while it is on. */
  #active: Detection | null = null;
  #arbiter = false;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
  }

  override async init(): Promise<void> {
    this.#arbiter = this.brick.hasLayer(ARBITER);
    await this.#apply(this.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    await this.#apply(options);
    this.options = options;
  }

  async #apply(options: Options): Promise<void> {
    if (!options.bitrot) {
      this.#active = null;
      return;
    }
    if (this.#active !== null) return;
    if (this.#quarantine === null) await this.#openQuarantine(options.export ?? this.brick.name);
    else await this.#quarantine.read();
    assert(this.#quarantine !== null, 'the quarantine is open from now on');
    this.#detection = new Detection(this, this.#quarantine, this.#boot, this.#log);
    this.#active = this.#detection;
  }

  async #openQuarantine(brickPath: ByteString): Promise<void> {
    const quarantine = new Quarantine(this.brick, this.#log);
    try {
      await quarantine.open(brickPath);
    } catch (error) {
      await quarantine.close();
      throw error;
    }
    this.#quarantine = quarantine;
  }

  override async fini(): Promise<void> {
    await this.#quarantine?.close();
    this.#quarantine = null;
    this.#detection = null;
    this.#active = null;
  }

  override wants(fop: F.FopName): boolean {
    return WHILE_OFF.has(fop) || (this.#active !== null && !this.#arbiter);
  }

  /** What keeps states of files; null on a brick without data. */
  get #tracking(): Detection | null {
    return this.#arbiter ? null : this.#active;
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override count(numbers: LayerNumbers): void {
    numbers.badFiles = this.#active?.quarantine.size ?? null;
  }

  override dump(): DumpSection[] {
    const detection = this.#active;
    if (detection === null) return [];
    return [{ title: `features/bitrot-stub.${this.name}`, lines: [`bad-files=${detection.quarantine.size}`] }];
  }

  // --- states of files ----------------------------------------------------------------------------------------------

  /** Runs what needs a file that is not bad. */
  #unlessBad<R>(inode: Inode, wind: (object: ObjectState) => Outcome<R>): Outcome<R> {
    const { objects } = this.#on;
    return then(objects.of(inode), (object) => {
      if (object.bad) throw failure(EIO);
      return wind(object);
    });
  }

  /** The detection as seen by fops that started while it was on; they continue when it is switched off. */
  get #on(): Detection {
    const detection = this.#detection;
    if (detection === null) throw failure(EIO);
    return detection;
  }

  /** An open file may change its contents: the signer may have to be notified of its close. */
  #join(fd: Fd, object: ObjectState): void {
    const before = fd.ctx[this.slot];
    if (before === object) return;
    if (before instanceof ObjectState) before.closed();
    object.opened();
    fd.ctx[this.slot] = object;
  }

  /** Runs a fop that changes an open file's contents, once its version says so. */
  #change<R>(fd: Fd, wind: () => Outcome<R>): Outcome<R> {
    return this.#unlessBad(fd.inode, (object) => {
      this.#join(fd, object);
      return object.changed ? wind() : this.#on.objects.raise(fd.inode, fd, object).then(wind);
    });
  }

  /** As {@link #change}, by no open file: the fop itself counts as one. */
  async #changeClosed<R>(inode: Inode, wind: () => Outcome<R>): Promise<R> {
    const { objects, signer } = this.#on;
    return this.#unlessBad(inode, async (object) => {
      object.opened();
      try {
        if (!object.changed) await objects.raise(inode, null, object);
        return await wind();
      } finally {
        object.closed();
        signer.closed(inode, object);
      }
    });
  }

  override release(fd: Fd): void {
    const joined = fd.ctx[this.slot];
    fd.ctx[this.slot] = undefined;
    if (joined instanceof ObjectState) joined.closed();
    const detection = this.#tracking;
    const object = detection?.objects.known(fd.inode);
    if (object !== undefined) detection?.signer.closed(fd.inode, object);
  }

  // --- contents -----------------------------------------------------------------------------------------------------

  writev(call: Call, args: F.WriteArgs): Outcome<F.WriteReply> {
    const { fd } = args;
    const object = this.#on.objects.known(fd.inode);
    // All but the first write to a file.
    if (object?.changed === true && !object.bad && fd.ctx[this.slot] === object) return this.next.writev(call, args);
    return this.#change(fd, () => this.next.writev(call, args));
  }
  ftruncate(call: Call, args: F.FtruncateArgs): Outcome<F.PrePostReply> {
    return this.#change(args.fd, () => this.next.ftruncate(call, args));
  }
  fallocate(call: Call, args: F.FallocateArgs): Outcome<F.PrePostReply> {
    return this.#change(args.fd, () => this.next.fallocate(call, args));
  }
  discard(call: Call, args: F.RangeArgs): Outcome<F.PrePostReply> {
    return this.#change(args.fd, () => this.next.discard(call, args));
  }
  zerofill(call: Call, args: F.RangeArgs): Outcome<F.PrePostReply> {
    return this.#change(args.fd, () => this.next.zerofill(call, args));
  }
  copyFileRange(call: Call, args: F.CopyFileRangeArgs): Outcome<F.CopyFileRangeReply> {
    return this.#unlessBad(args.fdIn.inode, () => this.#change(args.fdOut, () => this.next.copyFileRange(call, args)));
  }
  truncate(call: Call, args: F.TruncateArgs): Outcome<F.PrePostReply> {
    return this.#changeClosed(args.inode, () => this.next.truncate(call, args));
  }

  open(call: Call, args: F.OpenArgs): Outcome<F.Xdata> {
    const { fd, flags } = args;
    return this.#unlessBad(args.inode, (object) => {
      const empties = (flags & O_TRUNC) !== 0;
      // The scrubber opens files for writing to mark them; it changes none.
      const mayChange = empties || ((flags & O_ACCMODE) !== O_RDONLY && call.pid !== ClientPid.scrub);
      if (mayChange) this.#join(fd, object);
      const wind = (): Outcome<F.Xdata> => this.next.open(call, args);
      return empties && !object.changed ? this.#on.objects.raise(fd.inode, null, object).then(wind) : wind();
    });
  }

  readv(call: Call, args: F.ReadArgs): Outcome<F.ReadReply> {
    const object = this.#on.objects.known(args.fd.inode);
    if (object?.bad === false) return this.next.readv(call, args);
    return this.#unlessBad(args.fd.inode, () => this.next.readv(call, args));
  }
  rchecksum(call: Call, args: F.RchecksumArgs): Outcome<F.RchecksumReply> {
    return this.#unlessBad(args.fd.inode, () => this.next.rchecksum(call, args));
  }
  stat(call: Call, args: F.InodeArgs): Outcome<F.StatReply> {
    if (args.inode.type !== S_IFREG) return this.next.stat(call, args);
    return this.#unlessBad(args.inode, () => this.next.stat(call, args));
  }
  fstat(call: Call, args: F.FdArgs): Outcome<F.StatReply> {
    if (args.fd.inode.type !== S_IFREG) return this.next.fstat(call, args);
    return this.#unlessBad(args.fd.inode, () => this.next.fstat(call, args));
  }

  // --- names --------------------------------------------------------------------------------------------------------

  lookup(call: Call, args: F.LookupArgs): Outcome<F.LookupReply> {
    const detection = this.#tracking;
    if (detection !== null) return this.#lookup(detection, call, args);
    const reply = this.next.lookup(call, asking(args, withoutHidden(args.xdata)));
    return asksForAll(args.xdata) ? then(reply, shown) : reply;
  }

  #lookup(detection: Detection, call: Call, args: F.LookupArgs): Outcome<F.LookupReply> {
    const { objects, quarantine, directory } = detection;
    const { inode, parent, name } = args.loc;
    if (parent !== null && directory.is(parent.gfid)) throw failure(EINVAL);
    const gfid = args.gfid ?? inode?.gfid;
    if (name === '' && gfid !== undefined && directory.is(gfid)) return directory.lookup();
    const known = inode === null ? undefined : objects.known(inode);
    const asks = known === undefined && (inode === null || inode.type === S_IFREG || inode.type === 0);
    const xdata = asks ? objects.asking(args.xdata) : withoutHidden(args.xdata);
    const found = (reply: F.LookupReply): F.LookupReply => this.#found(reply, asks ? objects : null, known);
    const lower = (): Outcome<F.LookupReply> => then(this.next.lookup(call, asking(args, xdata)), found);
    if (inode === null || !quarantine.has(inode.key)) return lower();
    return this.#lookupBad(detection, inode, lower);
  }

  /** asked: where the state is kept if the file's xattrs were asked for: only they show one that is not known. */
  #found(reply: F.LookupReply, asked: Objects | null, known: ObjectState | undefined): F.LookupReply {
    const { stat, xdata } = reply;
    if (!stat.isRegular || isNullGfid(stat.gfid)) return shown(reply);
    const object = asked?.found(this.brick.adoptInode(stat.gfid, stat.mode), xdata ?? new Dict()) ?? known;
    if (object?.bad !== true) return shown(reply);
    const marked = xdata ?? new Dict();
    hide(marked);
    return { ...reply, xdata: marked.setInt(BAD_INODE, 1) };
  }

  /** A bad file without a name was removed on the brick, to be healed. */
  async #lookupBad({ objects }: Detection, inode: Inode, lower: () => Outcome<F.LookupReply>): Promise<F.LookupReply> {
    try {
      return await lower();
    } catch (error) {
      if (error instanceof FopError) await objects.nameLost(inode);
      throw error;
    }
  }

  create(call: Call, args: F.CreateArgs): Outcome<F.CreateReply> {
    const { inode } = args.loc;
    const wind = (): Outcome<F.CreateReply> =>
      then(this.next.create(call, args), (reply) => this.#created(call, args, reply));
    return inode === null || (args.flags & O_TRUNC) === 0 ? wind() : this.#changeClosed(inode, wind);
  }

  #created(call: Call, args: F.CreateArgs, reply: F.CreateReply): Outcome<F.CreateReply> {
    const { objects } = this.#on;
    const { stat } = reply;
    const inode = this.brick.adoptInode(stat.gfid, stat.mode);
    call.hold(inode);
    const joining = (object: ObjectState): F.CreateReply => ({
      ...reply,
      bind: (fd) => {
        reply.bind(fd);
        this.#join(fd, object);
      },
    });
    if (isNew(call, args, stat)) return joining(objects.made(inode));
    // It was there, or a heal has made it again.
    if (objects.known(inode)?.bad === true) objects.forget(inode);
    const emptied = (args.flags & O_TRUNC) !== 0;
    return this.#existing(inode, emptied, joining).catch((error: unknown) => {
      reply.abandon();
      throw error;
    });
  }

  async #existing(
    inode: Inode,
    emptied: boolean,
    joining: (object: ObjectState) => F.CreateReply,
  ): Promise<F.CreateReply> {
    return this.#unlessBad(inode, async (object) => {
      if (emptied && !object.changed) await this.#on.objects.raise(inode, null, object);
      return joining(object);
    });
  }

  mknod(call: Call, args: F.MknodArgs): Outcome<F.EntryReply> {
    return then(this.next.mknod(call, args), (reply) => {
      const { stat } = reply;
      if (!stat.isRegular) return reply;
      const { objects } = this.#on;
      const inode = this.brick.adoptInode(stat.gfid, stat.mode);
      if (isNew(call, args, stat)) objects.made(inode);
      else if (objects.known(inode)?.bad === true) objects.forget(inode);
      return reply;
    });
  }

  unlink(call: Call, args: F.UnlinkArgs): Outcome<F.RemoveReply> {
    return this.#losing(args.loc.inode, args, (asked) => this.next.unlink(call, asked));
  }
  rename(call: Call, args: F.RenameArgs): Outcome<F.RenameReply> {
    const victim = args.newLoc.inode;
    if (victim === args.oldLoc.inode) return this.next.rename(call, args);
    return this.#losing(victim, args, (asked) => this.next.rename(call, asked));
  }

  /** Takes a bad file off the list when its last name goes. */
  #losing<A extends F.Xdata, R extends F.Xdata>(
    inode: Inode | null,
    args: A,
    wind: (args: A) => Outcome<R>,
  ): Outcome<R> {
    const { quarantine } = this.#on;
    if (inode === null || !quarantine.has(inode.key)) return wind(args);
    return then(wind({ ...args, xdata: copyDict(args.xdata).setUint(REQUEST_LINK_COUNT, 1) }), async (reply) => {
      if (reply.xdata?.number(RESPONSE_LINK_COUNT) === 1) await quarantine.remove(inode.gfid);
      return reply;
    });
  }

  opendir(call: Call, args: F.OpendirArgs): Outcome<F.Xdata> {
    const { directory } = this.#on;
    if (!directory.is(args.inode.gfid)) return this.next.opendir(call, args);
    return directory.opendir(args.fd).then(() => ({ xdata: null }));
  }
  readdir(call: Call, args: F.ReaddirArgs): Outcome<F.ReaddirReply> {
    const { directory } = this.#on;
    return directory.is(args.fd.inode.gfid) ? directory.readdir(call, args) : this.next.readdir(call, args);
  }
  readdirp(call: Call, args: F.ReaddirArgs): Outcome<F.ReaddirReply> {
    const { directory } = this.#on;
    if (directory.is(args.fd.inode.gfid)) return directory.readdir(call, args);
    const reply = this.next.readdirp(call, asking(args, withoutHidden(args.xdata)));
    if (!asksForAll(args.xdata)) return reply;
    return then(reply, (r) => {
      for (const entry of r.entries) hide(entry.dict);
      return r;
    });
  }
  override releasedir(fd: Fd): void {
    const detection = this.#detection;
    if (detection?.directory.is(fd.inode.gfid) === true) detection.directory.releasedir(fd);
  }

  // --- xattrs -------------------------------------------------------------------------------------------------------

  setxattr(call: Call, args: F.SetxattrArgs): Outcome<F.Xdata> {
    refuseSetting(args.dict);
    return this.next.setxattr(call, args);
  }
  fsetxattr(call: Call, args: F.FsetxattrArgs): Outcome<F.Xdata> {
    if (!isDaemon(call)) refuseSetting(args.dict);
    const detection = this.#active;
    if (detection === null || args.fd.inode.type !== S_IFREG) return this.next.fsetxattr(call, args);
    // There is nothing to sign on an arbiter.
    if (this.#arbiter && setsInternal(args.dict)) return { xdata: null };
    return detection.signer.set(call, args) ?? this.next.fsetxattr(call, args);
  }

  removexattr(call: Call, args: F.RemovexattrArgs): Outcome<F.Xdata> {
    refuseRemoving(args.name);
    return this.next.removexattr(call, args);
  }
  fremovexattr(call: Call, args: F.FremovexattrArgs): Outcome<F.Xdata> {
    refuseRemoving(args.name);
    return this.next.fremovexattr(call, args);
  }

  getxattr(call: Call, args: F.GetxattrArgs): Outcome<F.DictReply> {
    return this.#getxattr(call, args.inode, args.name, () => this.next.getxattr(call, args));
  }
  fgetxattr(call: Call, args: F.FgetxattrArgs): Outcome<F.DictReply> {
    return this.#getxattr(call, args.fd.inode, args.name, () => this.next.fgetxattr(call, args));
  }

  #getxattr(call: Call, inode: Inode, name: string, wind: () => Outcome<F.DictReply>): Outcome<F.DictReply> {
    if (name === '') return then(wind(), listed);
    refuseReading(name);
    if (this.#active === null) return wind();
    if (inode.isRoot && name.startsWith(STUB_INIT)) return this.#stubInit();
    if (inode.type !== S_IFREG) return wind();
    const detection = this.#tracking;
    if (name.startsWith(GET_SIGNATURE)) {
      if (detection === null) throw failure(ENODATA);
      return detection.signer.signature(call, inode, wind);
    }
    if (detection === null) return wind();
    // The client shall find out which node has a copy that is good.
    return name.startsWith(NODE_UUID) ? this.#unlessBad(inode, wind) : wind();
  }

  #stubInit(): F.DictReply {
    const answer = encodeStubInit(this.#boot, this.options.export ?? this.brick.name);
    return { ret: answer.length, dict: new Dict().setBytes(STUB_INIT, answer), xdata: null };
  }
}
