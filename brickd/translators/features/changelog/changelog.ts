/**
 * features/changelog: records what changes on the brick in journals, from which geo-replication, glusterfind and others learn what to
 * copy, and tells them (and bit-rot detection) of events.
 */
import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import { fopByNumber } from '../../../../mux/xlator/fop-table.js';
import type * as F from '../../../../mux/xlator/fops.js';
import type { Fd, Inode, Loc } from '../../../../mux/xlator/inode.js';
import { directoryOf } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import {
  type DumpSection,
  type LayerNumbers,
  Translator,
  type TranslatorInit,
} from '../../../../mux/xlator/translator.js';
import { EOPNOTSUPP } from '../../../../native/errno.js';
import { S_IFDIR, S_IFREG } from '../../../../native/linux.js';
import { ChangelogEvent, IPC_CHANGELOG, kindOf, openEvent, releaseEvent } from '../changelog-events.js';
import { makeChangelogFolders } from './changelog-folder.js';
import { SOCKET_DIRECTORY } from './consumers.js';
import type { Journal } from './journal.js';
import type { Options } from './options.js';
import * as recorded from './recorded-fops.js';
import { Recording } from './recording.js';
import { Letter } from './records.js';

/** Has geo-replication send a file or directory once more. */
const TRIGGER_SYNC = 'glusterfs.geo-rep.trigger-sync';

const NO_LOC: Loc = { inode: null, parent: null, name: '' };

/** The number that a call's fop has in records; 0 for none of a client's. */
const numberOf = (call: Call): number => fopByNumber(call.fop)?.internal ?? 0;

const CHANGELOG = (): string => 'the changelog';

export class ChangelogTranslator extends Translator<Options> {
  readonly #log: Logger;
  readonly #recording: Recording;

  constructor(init: TranslatorInit<Options>, socketDirectory = SOCKET_DIRECTORY) {
    super(init);
    this.#log = loggerFor(init.name);
    this.#recording = new Recording(this, this.#log, socketDirectory);
  }

  override async init(): Promise<void> {
    const dir = this.options['changelog-dir'];
    if (dir === undefined) return;
    await makeChangelogFolders(this.brick, dir);
    await this.#recording.start(this.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    const before = this.options;
    this.options = options;
    await this.#recording.reconfigure(before, options);
  }

  override closing(): void {
    this.#recording.liftBarrier();
  }

  override async fini(): Promise<void> {
    await this.#recording.end();
  }

  /** While it is off nothing but events of translators above comes by. */
  override wants(fop: F.FopName): boolean {
    return fop === 'ipc' || this.options.changelog;
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  override setBarrier(enable: boolean): Promise<void> {
    return this.#recording.setBarrier(enable);
  }

  override count(numbers: LayerNumbers): void {
    numbers.changelog = this.#recording.numbers();
  }

  override dump(): DumpSection[] {
    return [{ title: `xlator.features.changelog.${this.name}`, lines: this.#recording.dump() }];
  }

  // --- entries --------------------------------------------------------------------------------------------------------

  /** Whether a call's changes are recorded at all. */
  #records(call: Call): boolean {
    return this.#recording.journal !== null && !recorded.isExcluded(call);
  }

  /** A change of an entry: it waits while a snapshot is taken, and its record is always written. other: the second name of a rename. */
  #entry<R>(
    call: Call,
    loc: Loc,
    wind: () => F.MaybePromise<R>,
    record: (journal: Journal, reply: R) => void,
    other: Loc = NO_LOC,
  ): F.MaybePromise<R> {
    const { barrier, names } = this.#recording;
    if (barrier.up)
      return call
        .awaits('barrier', CHANGELOG, barrier.lifted())
        .then(() => this.#entry(call, loc, wind, record, other));
    const use = names.begin(loc.parent, loc.name, other.parent, other.name);
    const recordIt = (journal: Journal, reply: R): number => {
      record(journal, reply);
      return journal.latest;
    };
    const run = (): F.MaybePromise<R> =>
      barrier.up
        ? call.awaits('barrier', CHANGELOG, barrier.lifted()).then(run)
        : this.#recording.record(wind, recordIt, use);
    return use.before === null ? run() : use.before.then(run);
  }

  create(call: Call, args: F.CreateArgs): F.MaybePromise<F.CreateReply> {
    if (!this.#records(call) || !recorded.hasGfid(args.xdata)) return this.next.create(call, args);
    return this.#entry(
      call,
      args.loc,
      () => this.next.create(call, args),
      (journal, { stat }) => {
        const { consumers } = this.#recording;
        if (consumers?.wants(ChangelogEvent.create) === true) {
          consumers.tell(ChangelogEvent.create, openEvent(ChangelogEvent.create, stat.gfid, args.flags));
        }
        recorded.recordCreate(journal, call, args, stat.gfid);
      },
    );
  }
  mkdir(call: Call, args: F.MkdirArgs): F.MaybePromise<F.EntryReply> {
    if (!this.#records(call) || !recorded.hasGfid(args.xdata)) return this.next.mkdir(call, args);
    return this.#entry(
      call,
      args.loc,
      () => this.next.mkdir(call, args),
      (journal, { stat }) => recorded.recordMkdir(journal, call, args, stat.gfid),
    );
  }
  mknod(call: Call, args: F.MknodArgs): F.MaybePromise<F.EntryReply> {
    if (this.#recording.journal === null || !recorded.isRecordedMknod(call, args.xdata)) {
      return this.next.mknod(call, args);
    }
    return this.#entry(
      call,
      args.loc,
      () => this.next.mknod(call, args),
      (journal, { stat }) => recorded.recordMknod(journal, call, args, stat.gfid),
    );
  }
  symlink(call: Call, args: F.SymlinkArgs): F.MaybePromise<F.EntryReply> {
    if (!this.#records(call) || !recorded.hasGfid(args.xdata)) return this.next.symlink(call, args);
    return this.#entry(
      call,
      args.loc,
      () => this.next.symlink(call, args),
      (journal, { stat }) => recorded.recordSymlink(journal, args, stat.gfid),
    );
  }
  link(call: Call, args: F.LinkArgs): F.MaybePromise<F.EntryReply> {
    if (!this.#records(call) || recorded.isInternal(call, args.xdata)) return this.next.link(call, args);
    return this.#entry(
      call,
      args.newLoc,
      () => this.next.link(call, args),
      (journal) => recorded.recordLink(journal, args),
    );
  }
  unlink(call: Call, args: F.UnlinkArgs): F.MaybePromise<F.RemoveReply> {
    if (!this.#records(call)) return this.next.unlink(call, args);
    const names = recorded.renameOf(args.xdata);
    const { inode } = args.loc;
    if (names !== null && inode !== null) {
      return this.#entry(
        call,
        args.loc,
        () => this.next.unlink(call, args),
        (journal) => recorded.recordRename(journal, inode.gfid, names),
      );
    }
    if (inode === null || recorded.isInternal(call, args.xdata)) return this.next.unlink(call, args);
    return this.#removal(call, 'unlink', args, () => this.next.unlink(call, args));
  }
  rmdir(call: Call, args: F.RmdirArgs): F.MaybePromise<F.RemoveReply> {
    if (!this.#records(call) || args.loc.inode === null) return this.next.rmdir(call, args);
    return this.#removal(call, 'rmdir', args, () => this.next.rmdir(call, args));
  }

  #removal(
    call: Call,
    fop: 'unlink' | 'rmdir',
    { loc }: F.LocArgs,
    wind: () => F.MaybePromise<F.RemoveReply>,
  ): F.MaybePromise<F.RemoveReply> {
    const path = this.options['capture-del-path'] ? this.#recording.removedPath(directoryOf(loc), loc.name) : '';
    return then(path, (known) =>
      this.#entry(call, loc, wind, (journal) => recorded.recordRemoval(journal, fop, loc, known)),
    );
  }

  rename(call: Call, args: F.RenameArgs): F.MaybePromise<F.RenameReply> {
    const { oldLoc, newLoc } = args;
    const { inode } = oldLoc;
    if (!this.#records(call) || inode === null || !recorded.isRecordedRename(args)) return this.next.rename(call, args);
    const names = {
      oldParent: directoryOf(oldLoc).gfid,
      oldName: oldLoc.name,
      newParent: directoryOf(newLoc).gfid,
      newName: newLoc.name,
    };
    return this.#entry(
      call,
      oldLoc,
      () => this.next.rename(call, args),
      (journal) => recorded.recordRename(journal, inode.gfid, names),
      newLoc,
    );
  }

  // --- data -----------------------------------------------------------------------------------------------------------

  /** A change of data: named first where a snapshot is being taken. */
  #data<R>(call: Call, inode: Inode, wind: () => F.MaybePromise<R>, changed: (reply: R) => boolean): F.MaybePromise<R> {
    if (!this.#records(call)) return wind();
    const run = (): F.MaybePromise<R> =>
      this.#recording.record(wind, (journal, reply) => (changed(reply) ? this.#recordData(journal, inode) : 0));
    const named = this.#recording.nameForSnapshot(inode.gfid);
    return named === null ? run() : named.then(run);
  }

  #recordData(journal: Journal, inode: Inode): number {
    return this.#once(journal, inode, 'data', () => journal.begin(Letter.data, inode.gfid).end());
  }

  /** Records something of an inode unless the present slice has it. Returns the set of records that has it. */
  #once(journal: Journal, inode: Inode, mark: recorded.Mark, record: () => void): number {
    let marks = inode.ctx[this.slot] as recorded.SliceMarks | undefined;
    if (marks === undefined) {
      marks = new recorded.SliceMarks();
      inode.ctx[this.slot] = marks;
    }
    if (marks[mark] !== journal.slice) {
      record();
      marks[mark] = journal.slice;
      marks.set = journal.latest;
    }
    return marks.set;
  }

  writev(call: Call, args: F.WriteArgs): F.MaybePromise<F.WriteReply> {
    return this.#data(call, args.fd.inode, () => this.next.writev(call, args), wroteSome);
  }
  truncate(call: Call, args: F.TruncateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#data(call, args.inode, () => this.next.truncate(call, args), always);
  }
  ftruncate(call: Call, args: F.FtruncateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#data(call, args.fd.inode, () => this.next.ftruncate(call, args), always);
  }
  fallocate(call: Call, args: F.FallocateArgs): F.MaybePromise<F.PrePostReply> {
    return this.#data(call, args.fd.inode, () => this.next.fallocate(call, args), always);
  }
  discard(call: Call, args: F.RangeArgs): F.MaybePromise<F.PrePostReply> {
    return this.#data(call, args.fd.inode, () => this.next.discard(call, args), always);
  }
  zerofill(call: Call, args: F.RangeArgs): F.MaybePromise<F.PrePostReply> {
    return this.#data(call, args.fd.inode, () => this.next.zerofill(call, args), always);
  }
  copyFileRange(call: Call, args: F.CopyFileRangeArgs): F.MaybePromise<F.CopyFileRangeReply> {
    return this.#data(call, args.fdOut.inode, () => this.next.copyFileRange(call, args), wroteSome);
  }

  // --- metadata -------------------------------------------------------------------------------------------------------

  #metadata<R>(call: Call, inode: Inode, mark: recorded.Mark, wind: () => F.MaybePromise<R>): F.MaybePromise<R> {
    const fop = numberOf(call);
    if (fop === 0 || !this.#records(call)) return wind();
    return this.#recording.record(wind, (journal) =>
      this.#once(journal, inode, mark, () => journal.begin(Letter.metadata, inode.gfid).number(fop).end()),
    );
  }

  setattr(call: Call, args: F.SetattrArgs): F.MaybePromise<F.PrePostReply> {
    if (recorded.isInternal(call, args.xdata) || recorded.isShardFolder(args.inode)) {
      return this.next.setattr(call, args);
    }
    return this.#metadata(call, args.inode, 'metadata', () => this.next.setattr(call, args));
  }
  fsetattr(call: Call, args: F.FsetattrArgs): F.MaybePromise<F.PrePostReply> {
    return this.#metadata(call, args.fd.inode, 'metadata', () => this.next.fsetattr(call, args));
  }
  setxattr(call: Call, args: F.SetxattrArgs): F.MaybePromise<F.Xdata> {
    if (args.dict.has(TRIGGER_SYNC) && this.#records(call) && numberOf(call) !== 0)
      return this.#triggerSync(call, args);
    return this.#metadata(call, args.inode, 'xattrs', () => this.next.setxattr(call, args));
  }
  fsetxattr(call: Call, args: F.FsetxattrArgs): F.MaybePromise<F.Xdata> {
    if (recorded.isInternal(call, args.xdata)) return this.next.fsetxattr(call, args);
    return this.#metadata(call, args.fd.inode, 'xattrs', () => this.next.fsetxattr(call, args));
  }
  removexattr(call: Call, args: F.RemovexattrArgs): F.MaybePromise<F.Xdata> {
    return this.#metadata(call, args.inode, 'xattrs', () => this.next.removexattr(call, args));
  }
  fremovexattr(call: Call, args: F.FremovexattrArgs): F.MaybePromise<F.Xdata> {
    return this.#metadata(call, args.fd.inode, 'xattrs', () => this.next.fremovexattr(call, args));
  }
  xattrop(call: Call, args: F.XattropArgs): F.MaybePromise<F.DictReply> {
    if (!recorded.setsShardSize(args.dict)) return this.next.xattrop(call, args);
    return this.#metadata(call, args.inode, 'metadata', () => this.next.xattrop(call, args));
  }
  fxattrop(call: Call, args: F.FxattropArgs): F.MaybePromise<F.DictReply> {
    if (!recorded.setsShardSize(args.dict)) return this.next.fxattrop(call, args);
    return this.#metadata(call, args.fd.inode, 'xattrs', () => this.next.fxattrop(call, args));
  }

  /** Records a file as new and written to, a directory as new. Nothing is changed. */
  #triggerSync(call: Call, { inode, dict }: F.SetxattrArgs): F.MaybePromise<F.Xdata> {
    const known = inode.type === S_IFDIR || inode.type === S_IFREG;
    if (dict.number(TRIGGER_SYNC) !== 1 || !known) throw failure(EOPNOTSUPP);
    return this.#recording.record<F.Xdata>(
      () => ({ xdata: null }),
      (journal) => {
        const named = recorded.recordAsNew(journal, call, inode);
        if (!named) this.#log.info(0, `${pathOf(inode)}: its name is not known: not recorded as new`);
        const set = named ? journal.latest : 0;
        return inode.type === S_IFREG ? Math.max(set, this.#recordData(journal, inode)) : set;
      },
    );
  }

  // --- events ---------------------------------------------------------------------------------------------------------

  open(call: Call, args: F.OpenArgs): F.MaybePromise<F.Xdata> {
    const { consumers } = this.#recording;
    if (consumers?.wants(ChangelogEvent.open) !== true || !this.#records(call)) return this.next.open(call, args);
    return then(this.next.open(call, args), (reply) => {
      consumers.tell(ChangelogEvent.open, openEvent(ChangelogEvent.open, args.inode.gfid, args.flags));
      return reply;
    });
  }

  override release(fd: Fd): void {
    const { consumers } = this.#recording;
    if (fd.anonymous || consumers?.wants(ChangelogEvent.release) !== true) return;
    consumers.tell(ChangelogEvent.release, releaseEvent(fd.inode.gfid));
  }

  /** Events of translators above; clients have none to send. */
  ipc(call: Call, args: F.IpcArgs): F.MaybePromise<F.Xdata> {
    if (args.op !== IPC_CHANGELOG || call.client.memory !== null) return this.next.ipc(call, args);
    const { consumers } = this.#recording;
    if (consumers === null || args.xdata === null) return { xdata: null };
    for (const key of args.xdata.map.keys()) {
      const event = args.xdata.bytes(key);
      if (event !== undefined) consumers.tell(kindOf(event), event);
    }
    return { xdata: null };
  }
}

const always = (): boolean => true;
const wroteSome = (reply: { count: number }): boolean => reply.count > 0;
