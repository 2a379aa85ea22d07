/** The fops mknod, mkdir and symlink: new entries that are not opened. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { EntryReply, MkdirArgs, MknodArgs, SymlinkArgs } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { refuseMisplaced, refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT, EPERM } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { S_IALLUGO, S_ISGID } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart } from '../../disk/batch-parts.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { HANDLE_DIR, handleName, unlinkName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { InodeState } from '../../disk/inode-state.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { TimeStore } from '../../disk/times/time-stores.js';
import { directoryMode, fileMode, refuseDeviceNode } from '../attr/file-mode.js';
import { checkSpace } from '../data/space-check.js';
import { EntryCreation } from './entry-creation.js';
import { isHeal, requiredGfid, statHandle } from './gfid-request.js';
import { preopFails } from './layout-precheck.js';
import { replaceStaleLinkto } from './linkto.js';
import { ParentDir } from './parent-dir.js';
import { RequestedXattrs } from './requested-xattrs.js';

class DirectoryCreation extends EntryCreation {
  protected override readonly isDirectory = true;

  protected override makeOp(b: Batch, dir: number, name: string): number {
    return b.mkdir(dir, name, this.mode);
  }
}

class SymlinkCreation extends EntryCreation {
  readonly #target: string;

  constructor(parentDir: ParentDir, name: string, gfid: Gfid, requested: RequestedXattrs, target: string) {
    super(parentDir, name, gfid, 0, requested);
    this.#target = target;
  }
  protected override makeOp(b: Batch, dir: number, name: string): number {
    return b.symlink(this.#target, dir, name);
  }
}

class NodeCreation extends EntryCreation {
  readonly #rdev: number;

  constructor(parentDir: ParentDir, name: string, gfid: Gfid, mode: number, requested: RequestedXattrs, rdev: number) {
    super(parentDir, name, gfid, mode, requested);
    this.#rdev = rdev;
  }
  protected override makeOp(b: Batch, dir: number, name: string): number {
    return b.mknod(dir, name, this.mode, this.#rdev);
  }
}

/** Makes an entry. EEXIST when the name is taken. */
async function makeEntry(creation: EntryCreation, heal: boolean): Promise<EntryReply> {
  const stat = await creation.make(heal);
  if (stat === null) throw failure(EEXIST);
  const { pre, post } = creation.parentDir;
  return { stat, preparent: pre, postparent: post, xdata: null };
}

/** The xattrs that the new entry is to have; force-replace is none of them. */
function requestedXattrs(call: Call, xdata: Dict | null): RequestedXattrs {
  return new RequestedXattrs(call, xdata, [key.FORCE_REPLACE]);
}

export async function mkdir(store: BrickDir, call: Call, args: MkdirArgs): Promise<EntryReply> {
  const { parent, name } = args.loc;
  assert(parent !== null, 'the name of a new directory is resolved with its parent');
  if (parent.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const gfid = requiredGfid(args.xdata);
  const heal = isHeal(call, args.xdata);
  refuseMisplaced(gfid, parent, name, heal);
  checkSpace(store, call, args.xdata);
  const parentDir = await ParentDir.open(store, call, args.loc);
  try {
    let mode = directoryMode(store.options, args.mode) & S_IALLUGO;
    if ((parentDir.pre.mode & S_ISGID) !== 0) mode |= S_ISGID;
    if (args.xdata?.has(key.PREOP_PARENT) === true) {
      const errno = await preopFails(store, parentDir.fd, args.xdata);
      if (errno === EIO) throw new FopError(EIO, new Dict().setInt(key.PREOP_FAILED, 1));
      if (errno !== 0) throw failure(errno);
    }
    const requested = requestedXattrs(call, args.xdata);
    return await makeEntry(new DirectoryCreation(parentDir, name, gfid, mode, requested), heal);
  } finally {
    parentDir.release();
  }
}

export async function symlink(store: BrickDir, call: Call, args: SymlinkArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  const parentDir = await ParentDir.open(store, call, args.loc);
  try {
    const requested = requestedXattrs(call, args.xdata);
    const creation = new SymlinkCreation(parentDir, args.loc.name, gfid, requested, args.target);
    return await makeEntry(creation, isHeal(call, args.xdata));
  } finally {
    parentDir.release();
  }
}

export async function mknod(store: BrickDir, call: Call, args: MknodArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  refuseDeviceNode(call, args.mode, args.rdev);
  checkSpace(store, call, args.xdata);
  const { name } = args.loc;
  const parentDir = await ParentDir.open(store, call, args.loc);
  try {
    const mode = fileMode(store.options, args.mode) & 0o177777;
    if (args.xdata?.has(key.INTERNAL_FOP) === true) {
      const linked = await linkExisting(store, call, args, parentDir, gfid);
      if (linked !== null) return linked;
    }
    const node = new NodeCreation(parentDir, name, gfid, mode, requestedXattrs(call, args.xdata), args.rdev);
    const heal = isHeal(call, args.xdata);
    try {
      return await makeEntry(node, heal);
    } catch (error) {
      const blocked =
        error instanceof FopError && error.errno === EEXIST && args.xdata?.has(key.FORCE_REPLACE) === true;
      if (!blocked || !(await replaceStaleLinkto(store, parentDir, name))) throw error;
      return await makeEntry(node, heal);
    }
  } finally {
    parentDir.release();
  }
}

/**
 * Distribute makes link files for files with hard links under the same gfid: if this brick has the gfid already, the new
 * entry is one more link of that file. Null when it has not, or the link can't be made; EEXIST when it is a directory's.
 */
async function linkExisting(
  store: BrickDir,
  call: Call,
  args: MknodArgs,
  parentDir: ParentDir,
  gfid: Gfid,
): Promise<EntryReply | null> {
  const name = args.loc.name;
  if ((await statHandle(store, gfid))?.ofDirectory === true) throw failure(EEXIST);
  const inode = store.brick.findInode(gfidKey(gfid)) ?? null;
  const linking = new ExistingLinking(store, call, args, parentDir, gfid, inode);
  await parentDir.change(linking, store.priority(call, Priority.normal));
  const { errno, linked, stat } = linking;
  if (!linked) return null;
  if (stat === null) throw failure(errno === 0 ? ENOENT : errno);
  if (store.options['update-link-count-parent']) await countLink(store, parentDir.fd, name, parentDir.inode.gfid, 1);
  return { stat, preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}

class ExistingLinking extends BatchPart {
  readonly #store: BrickDir;
  readonly #call: Call;
  readonly #args: MknodArgs;
  readonly #parentDir: ParentDir;
  readonly #gfid: Gfid;
  readonly #inode: Inode | null;
  readonly #times: TimeStore;
  /** State of an inode whose file has no name, and lives on because it is open. */
  readonly #unlinked: InodeState | null;
  #at = 0;
  #linkOp = -1;
  #statOp = -1;
  errno = 0;
  linked = false;
  stat: Iatt | null = null;

  constructor(store: BrickDir, call: Call, args: MknodArgs, parentDir: ParentDir, gfid: Gfid, inode: Inode | null) {
    super();
    this.#store = store;
    this.#call = call;
    this.#args = args;
    this.#parentDir = parentDir;
    this.#gfid = gfid;
    this.#inode = inode;
    this.#times = new TimeStore(store.timeStores, inode, gfid, true);
    const state = inode === null ? null : store.state(inode);
    this.#unlinked = state?.unlinked === true ? state : null;
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    const store = this.#store;
    const gfid = this.#gfid;
    const inode = this.#inode;
    const { fd } = this.#parentDir;
    const { loc, xdata } = this.#args;
    const glusterfs = store.glusterfsFd;
    if (this.#unlinked !== null) {
      // It gets its handle back along with a name.
      this.#linkOp = b.link(glusterfs, unlinkName(gfid), fd, loc.name);
      b.rename(glusterfs, unlinkName(gfid), glusterfs, handleName(gfid));
    } else {
      this.#linkOp = b.link(glusterfs, handleName(gfid), fd, loc.name);
    }
    // The file may be another's: only root, as which distribute does this, adds xattrs to it. A pid is no proof of anything.
    if (this.#call.uid === 0) requestedXattrs(this.#call, xdata).ops(b, fd, loc.name);
    if (store.options.gfid2path) gfid2pathOp(b, fd, loc.name, this.#parentDir.inode.gfid, loc.name);
    const known = inode !== null && !store.mdata.unread(inode);
    this.#times.op(b, fd, loc.name, known ? store.mdata.plan(inode, this.#call) : null);
    this.#statOp = b.statx(fd, loc.name, this.#at);
  }
  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    this.errno = b.errno;
    this.linked = b.result(this.#linkOp) === 0;
    if (!this.linked) return;
    if (this.#unlinked !== null) this.#unlinked.unlinked = false;
    if (b.result(this.#statOp) !== 0) return;
    const mdata = this.#inode === null ? null : this.#store.mdata.of(this.#inode);
    this.stat = iattOf(b.f64, this.#at, this.#gfid, mdata);
  }
}
