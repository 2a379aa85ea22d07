/** The fop rename: moves an entry within or between directories, replacing an existing one. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { RenameArgs, RenameReply } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, sameGfid } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import type { Batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENODATA, ENOENT, ESTALE } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart, runParts } from '../../disk/batch-parts.js';
import { gfid2pathKey, gfid2pathOp, gfid2pathText } from '../../disk/format/gfid2path.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { exclusively } from '../../disk/inode-state.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import { TimeStore } from '../../disk/times/time-stores.js';
import { EntryChanged, inodeAt, withEntryLocked } from './entry-lock.js';
import { ParentDir } from './parent-dir.js';

const NO_WANTS = new XattrWants(null);

export async function rename(store: BrickDir, call: Call, args: RenameArgs): Promise<RenameReply> {
  const inode = args.oldLoc.inode;
  if (inode === null) throw failure(ENOENT);
  return withEntryLocked(
    store,
    args.newLoc.inode,
    (victim) => renameBetween(store, call, args, inode, victim),
    (victim, run) => withBothLocked(store, inode, victim, run),
  );
}

function withBothLocked<T>(store: BrickDir, inode: Inode, victim: Inode | null, run: () => Promise<T>): Promise<T> {
  if (victim === null || victim === inode) return exclusively(store.state(inode), run);
  // Always in the same order, lest two renames wait for each other.
  const [first, second] = inode.lane < victim.lane ? [inode, victim] : [victim, inode];
  return exclusively(store.state(first), () => exclusively(store.state(second), run));
}

async function renameBetween(
  store: BrickDir,
  call: Call,
  args: RenameArgs,
  inode: Inode,
  victim: Inode | null,
): Promise<RenameReply | EntryChanged> {
  const same = args.oldLoc.parent === args.newLoc.parent;
  // It runs in the lane of the new name's directory: nothing is made under that name between the look and the rename.
  const from = await ParentDir.open(store, call, args.oldLoc, !same);
  try {
    const to = same ? from : await ParentDir.open(store, call, args.newLoc);
    try {
      return await renameAt(store, call, args, inode, victim, from, to);
    } finally {
      if (!same) to.release();
    }
  } finally {
    from.release();
  }
}

async function renameAt(
  store: BrickDir,
  call: Call,
  args: RenameArgs,
  inode: Inode,
  locked: Inode | null,
  from: ParentDir,
  to: ParentDir,
): Promise<RenameReply | EntryChanged> {
  const { xdata } = args;
  const oldName = args.oldLoc.name;
  const newName = args.newLoc.name;
  const query = await new EntryQuery(store, to.directory, to.inode, newName, NO_WANTS).run(Priority.normal);
  if (query.errno !== 0 && query.errno !== ENOENT) throw failure(query.errno);
  const present = query.errno === 0;
  const victimGfid = query.found.gfid;
  const victimIsDirectory = present && query.stat.isDirectory;
  if (victimIsDirectory) {
    const expected = args.newLoc.inode;
    if (expected === null || victimGfid === null || !sameGfid(expected.gfid, victimGfid)) throw failure(EEXIST);
  }
  const victim = inodeAt(store, call, query);
  if (victim !== null && victim !== locked && victim !== inode) return new EntryChanged(victim);
  const isDirectory = inode.type === S_IFDIR;
  // rename(2) leaves two names of one file alone.
  const noop = present && !isDirectory && victimGfid !== null && sameGfid(victimGfid, inode.gfid);
  const counted = !isDirectory && !noop && store.options['update-link-count-parent'];
  const noted = !isDirectory && !noop && store.options.gfid2path;
  if (store.mdata.unread(inode)) await store.mdata.load(inode);
  const otherNames = present && !victimIsDirectory && query.stat.nlink > 1;
  // A file that loses the name and keeps others in the directory, or elsewhere, has one link less here.
  const victimCounted = !noop && otherNames && store.options['update-link-count-parent'];
  if (counted) await uncount(store, from, oldName);
  if (victimCounted) await uncount(store, to, newName);

  const found: Found = {
    query,
    gfid: victimGfid,
    inode: victim,
    isDirectory: victimIsDirectory,
    lastName: present && !noop && !victimIsDirectory && query.stat.nlink === 1,
    otherNames,
  };
  const renaming = new Renaming(store, call, inode, from, oldName, to, newName, found, noted);
  const priority = store.priority(call, Priority.normal);
  await runParts(store.queue, to.lane, priority, from === to ? [renaming, to] : [renaming, from, to], call);
  const { done, stat } = renaming;
  if (!done) {
    if (counted) await countLink(store, from.fd, oldName, from.inode.gfid, 1);
    if (victimCounted) await countLink(store, to.fd, newName, to.inode.gfid, 1);
    if (renaming.changed) return new EntryChanged(locked);
    throw failure(renaming.errno);
  }
  if (victimIsDirectory && victimGfid !== null) store.dirs.drop(gfidKey(victimGfid));
  if (counted) await countLink(store, to.fd, newName, to.inode.gfid, 1);
  if (stat === null) throw failure(EIO);
  return {
    stat,
    preOldParent: from.pre,
    postOldParent: from.post,
    preNewParent: to.pre,
    postNewParent: to.post,
    xdata: answer(args, xdata, present, query),
  };
}

/** What has the new name before the rename. */
interface Found {
  readonly query: EntryQuery;
  readonly gfid: Gfid | null;
  readonly inode: Inode | null;
  readonly isDirectory: boolean;
  /** A file that loses its last name to the rename. */
  readonly lastName: boolean;
  /** A file that keeps other names. */
  readonly otherNames: boolean;
}

class Renaming extends BatchPart {
  readonly #store: BrickDir;
  readonly #call: Call;
  readonly #inode: Inode;
  readonly #from: ParentDir;
  readonly #oldName: string;
  readonly #to: ParentDir;
  readonly #newName: string;
  readonly #victim: Found;
  /** The file's names are noted on it. */
  readonly #noted: boolean;
  readonly #times: TimeStore;
  #at = 0;
  #expectOp = -1;
  #renameOp = -1;
  #parkOp = -1;
  #statOp = -1;
  errno = 0;
  done = false;
  /** The new name has come to stand for another file. */
  changed = false;
  stat: Iatt | null = null;

  constructor(
    store: BrickDir,
    call: Call,
    inode: Inode,
    from: ParentDir,
    oldName: string,
    to: ParentDir,
    newName: string,
    victim: Found,
    noted: boolean,
  ) {
    super();
    this.#store = store;
    this.#call = call;
    this.#inode = inode;
    this.#from = from;
    this.#oldName = oldName;
    this.#to = to;
    this.#newName = newName;
    this.#victim = victim;
    this.#noted = noted;
    this.#times = new TimeStore(store.timeStores, inode, inode.gfid, true);
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    const inode = this.#inode;
    const { fd } = this.#to;
    const name = this.#newName;
    const { mdata } = this.#store;
    const { query } = this.#victim;
    this.#expectOp = b.expect(fd, name, query.inoHigh, query.inoLow);
    this.#renameOp = b.rename(this.#from.fd, this.#oldName, fd, name);
    this.#victimOps(b);
    if (inode.type === S_IFDIR) this.#handleOps(b);
    if (this.#noted) this.#noteOps(b);
    this.#times.op(b, fd, name, mdata.plan(inode, this.#call));
    this.#statOp = b.statx(fd, name, this.#at, IGNORE);
  }

  #victimOps(b: Batch): void {
    const { gfid, inode, isDirectory, lastName, otherNames } = this.#victim;
    const { handles, glusterfsFd } = this.#store;
    if (gfid === null) return;
    if (isDirectory || lastName) {
      if (lastName && inode !== null && inode.fdCount > 0) this.#parkOp = handles.parkOp(b, gfid);
      else handles.removeOp(b, gfid);
    }
    // A file that loses this name and keeps others: stock leaves the name among its gfid2path xattrs.
    if (this.#noted && otherNames) {
      const lost = gfid2pathKey(gfid2pathText(this.#to.inode.gfid, this.#newName));
      b.removexattr(glusterfsFd, handleName(gfid), lost, IGNORE);
    }
  }

  #handleOps(b: Batch): void {
    const { handles } = this.#store;
    const { gfid } = this.#inode;
    this.#store.state(this.#inode).hasHandle = false;
    handles.removeOp(b, gfid);
    handles.symlinkOp(b, this.#to.inode.gfid, this.#newName, gfid, IGNORE);
  }

  #noteOps(b: Batch): void {
    const { fd, inode } = this.#to;
    const name = this.#newName;
    b.removexattr(fd, name, gfid2pathKey(gfid2pathText(this.#from.inode.gfid, this.#oldName)), IGNORE);
    gfid2pathOp(b, fd, name, inode.gfid, name);
  }

  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    const { files, mdata } = this.#store;
    const inode = this.#inode;
    const victim = this.#victim;
    this.errno = b.errno;
    this.changed = this.errno === ESTALE && b.failedOp === this.#expectOp;
    this.done = b.result(this.#renameOp) === 0;
    if (this.done && victim.lastName && victim.inode !== null) {
      if (this.#parkOp >= 0 && b.result(this.#parkOp) === 0) files.parked(victim.inode);
      else files.shared.drop(victim.inode.key);
    }
    if (b.result(this.#statOp) === 0) this.stat = iattOf(b.f64, this.#at, inode.gfid, mdata.of(inode));
  }
}

/** One link less in the old directory, before the entry leaves it. */
async function uncount(store: BrickDir, from: ParentDir, name: string): Promise<void> {
  const r = await countLink(store, from.fd, name, from.inode.gfid, -1);
  if (r < 0 && r !== -ENODATA) throw failure(r);
}

function answer(args: RenameArgs, xdata: Dict | null, present: boolean, query: EntryQuery): Dict | null {
  if (xdata === null || !present) return null;
  let reply: Dict | null = null;
  if (xdata.has(key.GET_LINK_COUNT) && args.newLoc.inode !== null) {
    (reply ??= new Dict()).setUint(key.GET_LINK_COUNT, query.stat.nlink);
  }
  if (xdata.has(key.FILE_BLOCK_COUNT)) (reply ??= new Dict()).setUint(key.FILE_BLOCK_COUNT, query.stat.blocks);
  if (xdata.has(key.REQUEST_LINK_COUNT)) (reply ??= new Dict()).setUint(key.RESPONSE_LINK_COUNT, query.stat.nlink);
  return reply;
}
