/**
 * features/worm: write once, read many. For the volume, what exists can be read only: a new file is written by the descriptor that
 * made it. File by file, each has a retention of its own (worm-files.ts).
 *
 * As in glusterfsd, fallocate, discard and zerofill of a retained file pass, and so do changes of its owner and of its xattrs, even
 * of those that hold its state: they are for administrators of the volume.
 */

import { background, describeThrown } from '../../../../mux/base/fault.js';
import { loggerFor } from '../../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import { valueBytes } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type {
  CopyFileRangeArgs,
  CopyFileRangeReply,
  CreateArgs,
  CreateReply,
  DictReply,
  EntryReply,
  FopName,
  FremovexattrArgs,
  FsetattrArgs,
  FsyncArgs,
  FtruncateArgs,
  LinkArgs,
  MaybePromise,
  OpenArgs,
  PrePostReply,
  RemoveReply,
  RemovexattrArgs,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SetattrArgs,
  TruncateArgs,
  UnlinkArgs,
  WriteArgs,
  WriteReply,
  XattropArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { isNullGfid } from '../../../../mux/xlator/gfid.js';
import { Iatt, SetAttr } from '../../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { assert } from '../../../../native/assert.js';
import { EROFS } from '../../../../native/errno.js';
import { O_APPEND, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR } from '../../../../native/linux.js';
import type { Options } from './options.js';
import { WormFiles } from './worm-files.js';

const WRITE_BITS = 0o222;
const WRITING_FLAGS = O_WRONLY | O_RDWR | O_APPEND | O_TRUNC;

/** Healing and rebalance bring a copy into the state that the file has elsewhere. */
const COPYING: ReadonlySet<number> = new Set([ClientPid.defrag, ClientPid.selfHeald, ClientPid.glfsHeal]);

/** Books that replication and dispersal keep with every change of a directory: a new file is such a change. */
const BOOKS = ['trusted.afr.', 'trusted.ec.'];

const BY_VOLUME: ReadonlySet<FopName> = new Set([
  'open',
  'create',
  'rename',
  'link',
  'unlink',
  'rmdir',
  'truncate',
  'ftruncate',
  'removexattr',
  'fremovexattr',
  'fsyncdir',
  'xattrop',
]);
const BY_FILE: ReadonlySet<FopName> = new Set([
  'open',
  'create',
  'rename',
  'link',
  'unlink',
  'truncate',
  'ftruncate',
  'writev',
  'copyFileRange',
  'setattr',
  'fsetattr',
]);

/** Clocks of clients are not behind by more than that. */
const CLOCK_TOLERANCE_SEC = 1;

export class WormTranslator extends Translator<Options> {
  readonly #log;
  readonly #files: WormFiles;

  constructor(init: TranslatorInit<Options>, now?: () => number) {
    super(init);
    this.#log = loggerFor(init.name);
    this.#files = new WormFiles(this, this.#log, now);
  }

  override wants(fop: FopName): boolean {
    const { options } = this;
    return (options.worm && BY_VOLUME.has(fop)) || (options['worm-file-level'] && BY_FILE.has(fop));
  }

  override async fini(): Promise<void> {
    await this.#files.settled();
  }

  // --- the volume ---------------------------------------------------------------------------------------------------

  #protectsVolume(call: Call): boolean {
    return this.options.worm && call.pid >= 0;
  }
  #refuseForVolume(call: Call): void {
    if (this.#protectsVolume(call)) throw failure(EROFS);
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    this.#refuseForVolume(call);
    return this.next.rmdir(call, args);
  }
  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    this.#refuseForVolume(call);
    return this.next.removexattr(call, args);
  }
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    this.#refuseForVolume(call);
    return this.next.fremovexattr(call, args);
  }
  fsyncdir(call: Call, args: FsyncArgs): MaybePromise<Xdata> {
    this.#refuseForVolume(call);
    return this.next.fsyncdir(call, args);
  }
  xattrop(call: Call, args: XattropArgs): MaybePromise<DictReply> {
    if (!keepsBooksOnly(args)) this.#refuseForVolume(call);
    return this.next.xattrop(call, args);
  }

  // --- changes of files ---------------------------------------------------------------------------------------------

  /** Winds a fop that changes a file, unless the file is protected. */
  #change<R>(call: Call, inode: Inode | null, wind: () => MaybePromise<R>, unlinking = false): MaybePromise<R> {
    if (!this.options['worm-file-level'] || call.pid < 0 || inode === null) return wind();
    return then(this.#files.allows(inode, unlinking), (allowed) => {
      if (!allowed) throw failure(EROFS);
      return wind();
    });
  }

  /** The same for a fop on a descriptor: the one that made the file may go on until it is closed. */
  #changeByFd<R>(call: Call, fd: Fd, wind: () => MaybePromise<R>): MaybePromise<R> {
    return fd.ctx[this.slot] === true ? wind() : this.#change(call, fd.inode, wind);
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    return this.#changeByFd(call, args.fd, () => this.next.writev(call, args));
  }
  copyFileRange(call: Call, args: CopyFileRangeArgs): MaybePromise<CopyFileRangeReply> {
    return this.#changeByFd(call, args.fdOut, () => this.next.copyFileRange(call, args));
  }
  ftruncate(call: Call, args: FtruncateArgs): MaybePromise<PrePostReply> {
    this.#refuseForVolume(call);
    return this.#changeByFd(call, args.fd, () => this.next.ftruncate(call, args));
  }
  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    this.#refuseForVolume(call);
    return this.#change(call, args.inode, () => this.next.truncate(call, args));
  }
  link(call: Call, args: LinkArgs): MaybePromise<EntryReply> {
    this.#refuseForVolume(call);
    return this.#change(call, args.inode, () => this.next.link(call, args));
  }
  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    this.#refuseForVolume(call);
    return this.#change(call, args.loc.inode, () => this.next.unlink(call, args), true);
  }
  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    this.#refuseForVolume(call);
    return this.#change(call, args.oldLoc.inode, () =>
      this.#change(call, args.newLoc.inode, () => this.next.rename(call, args)),
    );
  }
  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if ((args.flags & WRITING_FLAGS) !== 0) this.#refuseForVolume(call);
    const wind = (): MaybePromise<Xdata> => this.next.open(call, args);
    // The content must stay if the file turns out to be protected.
    return (args.flags & O_TRUNC) === 0 ? wind() : this.#change(call, args.inode, wind);
  }

  // --- making files -------------------------------------------------------------------------------------------------

  create(call: Call, args: CreateArgs): Promise<CreateReply> {
    return this.#create(call, args, this.options['worm-file-level'] && call.pid >= 0);
  }

  async #create(call: Call, args: CreateArgs, protectsFiles: boolean): Promise<CreateReply> {
    const attempt = new CreateAttempt(args, this.#protectsVolume(call), protectsFiles);
    let reply: CreateReply;
    try {
      reply = await this.next.create(call, attempt.args);
    } catch (error) {
      const { toCheck } = attempt;
      if (toCheck === null) throw error;
      const inode = this.brick.adoptInode(toCheck.gfid, toCheck.mode);
      call.hold(inode);
      return await this.#change(call, inode, () => this.#create(call, args, false));
    }
    if (attempt.existed || !this.options['worm-file-level'] || COPYING.has(call.pid)) return reply;
    return await this.#created(call, reply);
  }

  async #created(call: Call, reply: CreateReply): Promise<CreateReply> {
    const inode = this.brick.adoptInode(reply.stat.gfid, reply.stat.mode);
    call.hold(inode);
    try {
      await this.#files.created(inode);
    } catch (error) {
      // It is made: a failure would have the client believe that it is not. The end of its descriptor tries again.
      const what = `${this.brick.name}: ${pathOf(inode)}: noting when it was made has failed`;
      this.#log.error(0, `${what}: ${describeThrown(error)}`);
    }
    const { slot } = this;
    return {
      ...reply,
      bind: (fd) => {
        fd.ctx[slot] = true;
        fd.inode.ctx[slot] = this.#makers(fd.inode) + 1;
        reply.bind(fd);
      },
    };
  }

  /** Descriptors that have made the file and are open still. */
  #makers(inode: Inode): number {
    return (inode.ctx[this.slot] as number | undefined) ?? 0;
  }

  override release(fd: Fd): void {
    if (fd.anonymous) return;
    const { inode } = fd;
    const made = fd.ctx[this.slot] === true;
    if (made) {
      const makers = this.#makers(inode);
      assert(makers > 0, 'no more descriptors that made a file end than there were');
      inode.ctx[this.slot] = makers - 1;
    }
    if (!this.options['worm-file-level'] || (!made && (fd.pid < 0 || (fd.flags & (O_WRONLY | O_RDWR)) === 0))) return;
    if (this.#makers(inode) > 0) return;
    const what = `${this.brick.name}: committing a file to WORM has failed`;
    background(this.#files.commit(inode, made), this.#log, what);
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  // --- attributes: the access time is the end of the retention ------------------------------------------------------

  setattr(call: Call, args: SetattrArgs): MaybePromise<PrePostReply> {
    return this.#attributes(call, args.inode, args, (stat) => this.next.setattr(call, { ...args, stat }));
  }
  fsetattr(call: Call, args: FsetattrArgs): MaybePromise<PrePostReply> {
    return this.#attributes(call, args.fd.inode, args, (stat) => this.next.fsetattr(call, { ...args, stat }));
  }

  #attributes(
    call: Call,
    inode: Inode,
    { stat, valid }: { stat: Iatt; valid: number },
    wind: (stat: Iatt) => MaybePromise<PrePostReply>,
  ): MaybePromise<PrePostReply> {
    const writeProtects = (valid & SetAttr.mode) !== 0 && (stat.mode & WRITE_BITS) === 0;
    const setsAtime = (valid & SetAttr.atime) !== 0;
    if (!writeProtects && !setsAtime) return wind(stat);
    if (COPYING.has(call.pid) || inode.type === S_IFDIR) return wind(stat);
    return this.#files.exclusively(inode, async () => {
      const file = await this.#files.read(inode);
      if (file?.committed !== true) return await wind(stat);
      if (writeProtects) {
        const until = await this.#files.retain(inode, file);
        return await wind(setsAtime ? withTimes(stat, { atime: until, atimeNsec: 0 }) : stat);
      }
      const { retention } = file;
      if (retention === 'malformed') throw failure(EROFS);
      if (retention?.retained !== true) return await wind(stat);
      const earlier = stat.atime < file.stat.atime;
      const past = stat.atime < this.#files.now - CLOCK_TOLERANCE_SEC;
      if (earlier && (retention.enterprise || past)) throw failure(EROFS);
      const periodSec = retention.periodSec + stat.atime - file.stat.atime;
      await this.#files.write(inode, { ...retention, periodSec });
      const { mtime, mtimeNsec } = file.stat;
      return await wind(withTimes(stat, { mtime, mtimeNsec }));
    });
  }
}

/**
 * A create that opens an existing file is none: it is refused for the volume, and an existing file is not emptied before its state
 * has been looked at. The file that has the name is known only below.
 */
class CreateAttempt {
  readonly args: CreateArgs;
  existed = false;
  /** The create was stopped because of this existing file, whose state must be checked. */
  toCheck: Iatt | null = null;

  constructor(args: CreateArgs, protectsVolume: boolean, protectsFiles: boolean) {
    const admit: CreateArgs['admit'] = (stat, acl) => {
      args.admit?.(stat, acl);
      this.existed = true;
      if (protectsVolume) throw failure(EROFS);
      if (!protectsFiles || (args.flags & O_TRUNC) === 0 || isNullGfid(stat.gfid)) return;
      this.toCheck = stat;
      throw failure(EROFS);
    };
    this.args = { ...args, admit };
  }
}

const withTimes = (stat: Iatt, times: Partial<Iatt>): Iatt => Object.assign(new Iatt(), stat, times);

function keepsBooksOnly({ dict }: XattropArgs): boolean {
  for (const [name, value] of dict.map) {
    if (BOOKS.some((prefix) => name.startsWith(prefix))) continue;
    if (valueBytes(value)?.some((byte) => byte !== 0) === true) return false;
  }
  return true;
}
