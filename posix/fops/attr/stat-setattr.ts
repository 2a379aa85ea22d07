/** The fops stat, fstat, setattr, fsetattr, access. */

import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type {
  AccessArgs,
  AccessReply,
  FdArgs,
  FsetattrArgs,
  InodeArgs,
  MaybePromise,
  PrePostReply,
  SetattrArgs,
  StatReply,
} from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { type Iatt, SetAttr } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import { nanosecondsInRange } from '../../../mux/xlator/time-range.js';
import type { Batch } from '../../../native/batch.js';
import { EACCES, EROFS } from '../../../native/errno.js';
import { type FdRef, IGNORE, Priority } from '../../../native/layout.js';
import { S_IALLUGO, S_IFDIR, S_IFLNK, S_IXUGO, ST_RDONLY, UTIME_OMIT } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { type FileRef, unheld } from '../../disk/file-ref.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { FileChange } from '../../disk/query/data-change.js';
import type { QueryContext } from '../../disk/query/query-context.js';
import { type InodeStat, statInode } from '../../disk/query/stat-inode.js';
import { statvfs } from '../../disk/query/statvfs.js';
import { refuseCloud } from '../data/data-refusal.js';
import { directoryMode, fileMode } from './file-mode.js';

function statReply(seen: InodeStat): StatReply {
  return { stat: seen.stat, xdata: seen.dict };
}

export function stat(store: BrickDir, call: Call, args: InodeArgs): MaybePromise<StatReply> {
  refuseCloud(store, args.xdata);
  return then(store.fileRef(args.inode), (file) =>
    then(statInode(store, call, args.inode, file, args.xdata), statReply),
  );
}

export function fstat(store: BrickDir, call: Call, args: FdArgs): MaybePromise<StatReply> {
  refuseCloud(store, args.xdata);
  return then(store.files.fileRef(args.fd), (file) =>
    then(statInode(store, call, args.fd.inode, file, args.xdata), statReply),
  );
}

export async function setattr(store: BrickDir, call: Call, args: SetattrArgs): Promise<PrePostReply> {
  return change(store, call, args.inode, await store.fileRef(args.inode), args.stat, args.valid, args.xdata);
}

export async function fsetattr(store: BrickDir, call: Call, args: FsetattrArgs): Promise<PrePostReply> {
  return change(store, call, args.fd.inode, await store.files.fileRef(args.fd), args.stat, args.valid, args.xdata);
}

class AttrChange extends FileChange {
  readonly #wanted: Iatt;
  readonly #valid: number;

  constructor(store: BrickDir, call: Call, inode: Inode, file: FileRef, wanted: Iatt, valid: number) {
    super(store, call, inode, file);
    this.#wanted = wanted;
    this.#valid = valid;
  }
  protected override changeOps(b: Batch, fd: FdRef, name: string | null): void {
    const wanted = this.#wanted;
    const valid = this.#valid;
    const { disk, inode } = this;
    if ((valid & (SetAttr.uid | SetAttr.gid)) !== 0 || valid === 0) {
      b.chown(fd, name, (valid & SetAttr.uid) !== 0 ? wanted.uid : -1, (valid & SetAttr.gid) !== 0 ? wanted.gid : -1);
    }
    // Links have no mode of their own: nothing to do, and no failure.
    const flags = inode.type === S_IFLNK ? IGNORE : 0;
    if ((valid & SetAttr.mode) !== 0) b.chmod(fd, name, modeFor(disk, inode, wanted.mode), flags);
    if ((valid & (SetAttr.atime | SetAttr.mtime)) !== 0) {
      const atimeNsec = (valid & SetAttr.atime) !== 0 ? wanted.atimeNsec : UTIME_OMIT;
      const mtimeNsec = (valid & SetAttr.mtime) !== 0 ? wanted.mtimeNsec : UTIME_OMIT;
      b.utimens(fd, name, wanted.atime, atimeNsec, wanted.mtime, mtimeNsec);
    }
  }
  protected override plan(): Mdata | null {
    return timesAfter(this.disk, this.call, this.inode, this.#wanted, this.#valid);
  }
  protected override replaceRecord(): void {
    this.disk.state(this.inode).mdata = this.plan();
  }
}

/** Changes owner, mode and times, in this order; the first failure ends it, and what was done stays. */
async function change(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  wanted: Iatt,
  valid: number,
  xdata: Dict | null,
): Promise<PrePostReply> {
  try {
    await store.mdata.load(inode);
    const change = new AttrChange(store, call, inode, file, wanted, valid);
    await change.run(Priority.normal);
    const { errno, pre, post } = change;
    if (errno !== 0) {
      store.fopFailed(`setattr on ${gfidText(inode.gfid)} failed`, errno);
      throw failure(errno);
    }
    if (xdata === null) return { pre, post, xdata: null };
    const seen = await statInode(store, call, inode, unheld(file), xdata, Priority.normal);
    return { pre, post, xdata: seen.dict };
  } finally {
    file.release();
  }
}

function modeFor(disk: QueryContext, inode: Inode, mode: number): number {
  return (inode.type === S_IFDIR ? directoryMode(disk.options, mode) : fileMode(disk.options, mode)) & S_IALLUGO;
}

/** The time record after a setattr; null when it sets no time. Times given by the client go into a record that exists only. */
function timesAfter(disk: QueryContext, call: Call, inode: Inode, wanted: Iatt, valid: number): Mdata | null {
  const { mdata } = disk;
  let m = mdata.planUtimes(inode, call, valid, wanted.atime, wanted.atimeNsec, wanted.mtime, wanted.mtimeNsec);
  if ((valid & SetAttr.ctime) !== 0) {
    m ??= mdata.of(inode)?.copy() ?? null;
    m?.advance(TimeFlag.ctime, wanted.ctime, nanosecondsInRange(wanted.ctimeNsec));
  }
  if (m === null) return mdata.plan(inode, call);
  m.advance(call.timeFlags, call.timeSec, call.timeNsec);
  return m;
}

/** Answers as access(2) does for root: usually the access-control translator above has answered before. */
export function access(store: BrickDir, call: Call, args: AccessArgs): MaybePromise<AccessReply> {
  const { inode } = args;
  return then(store.fileRef(inode), (file) =>
    then(statInode(store, call, inode, file, null), async ({ stat }) => {
      if ((args.mask & 1) !== 0 && !stat.isDirectory && (stat.mode & S_IXUGO) === 0) throw failure(EACCES);
      if ((args.mask & 2) !== 0 && ((await statvfs(store)).flag & ST_RDONLY) !== 0) throw failure(EROFS);
      return { errno: 0, xdata: null };
    }),
  );
}
