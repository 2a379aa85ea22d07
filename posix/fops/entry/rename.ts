/** rename: a new name for an entry, in the same or another directory, replacing what has that name. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { RenameArgs, RenameReply } from '../../../mux/xlator/fops.js';
import { gfidKey, sameGfid } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENODATA, ENOENT, ESTALE } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { gfid2pathKey, gfid2pathOp, gfid2pathText } from '../../disk/format/gfid2path.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { exclusively } from '../../disk/inode-state.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
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
  const from = await ParentDir.open(store, call, args.oldLoc.parent!, !same);
  try {
    const to = same ? from : await ParentDir.open(store, call, args.newLoc.parent!);
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
  const probe = await new EntryQuery(store, to.directory, to.inode, newName, NO_WANTS).run(Priority.normal);
  if (probe.errno !== 0 && probe.errno !== ENOENT) throw failure(probe.errno);
  const present = probe.errno === 0;
  const victimGfid = probe.found.gfid;
  const victimIsDirectory = present && probe.stat.isDirectory;
  if (victimIsDirectory) {
    const expected = args.newLoc.inode;
    if (expected === null || victimGfid === null || !sameGfid(expected.gfid, victimGfid)) throw failure(EEXIST);
  }
  const victim = inodeAt(store, call, probe);
  if (victim !== null && victim !== locked && victim !== inode) return new EntryChanged(victim);
  const isDirectory = inode.type === S_IFDIR;
  // rename(2) leaves two names of one file alone.
  const noop = present && !isDirectory && victimGfid !== null && sameGfid(victimGfid, inode.gfid);
  const counted = !isDirectory && !noop && store.options['update-link-count-parent'];
  const noted = !isDirectory && !noop && store.options.gfid2path;
  if (store.mdata.unread(inode)) await store.mdata.load(inode);
  if (counted) await uncount(store, from, oldName);

  const b = batch();
  from.reserve(b);
  if (to !== from) to.reserve(b);
  const at = b.statOut();
  const expected = b.expect(to.fd, newName, probe.inoHigh, probe.inoLow);
  const moved = b.rename(from.fd, oldName, to.fd, newName);
  const lastName = present && !noop && !victimIsDirectory && probe.stat.nlink === 1;
  let parked = -1;
  if (victimGfid !== null && (victimIsDirectory || lastName)) {
    if (lastName && victim !== null && victim.fdCount > 0) parked = store.handles.parkOp(b, victimGfid);
    else store.handles.removeOp(b, victimGfid);
  }
  // A file that loses this name and keeps others: stock leaves the name among its gfid2path xattrs.
  if (noted && present && !victimIsDirectory && victimGfid !== null && probe.stat.nlink > 1) {
    const lost = gfid2pathKey(gfid2pathText(to.inode.gfid, newName));
    b.removexattr(store.glusterfsFd, handleName(victimGfid), lost, IGNORE);
  }
  if (isDirectory) {
    store.state(inode).hasHandle = false;
    store.handles.removeOp(b, inode.gfid);
    store.handles.symlinkOp(b, to.inode.gfid, newName, inode.gfid, IGNORE);
  }
  if (noted) {
    b.removexattr(to.fd, newName, gfid2pathKey(gfid2pathText(from.inode.gfid, oldName)), IGNORE);
    gfid2pathOp(b, to.fd, newName, to.inode.gfid, newName);
  }
  const times = store.mdata.plan(inode, call);
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, to.fd, newName, times, inode, true);
  const statOp = b.statx(to.fd, newName, at, IGNORE);
  from.endOps(b);
  if (to !== from) to.endOps(b);
  await store.run(b, to.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, inode.gfid, true);
  from.ended(b);
  if (to !== from) to.ended(b);
  const errno = b.errno;
  const changed = errno === ESTALE && b.failedOp === expected;
  const done = b.result(moved) === 0;
  if (done && lastName && victim !== null) {
    if (parked >= 0 && b.result(parked) === 0) store.files.parked(victim);
    else store.files.shared.drop(victim.key);
  }
  const stat = b.result(statOp) === 0 ? iattOf(b.f64, at, inode.gfid, store.mdata.of(inode)) : null;
  b.release();
  if (!done) {
    if (counted) await countLink(store, from.fd, oldName, from.inode.gfid, 1);
    if (changed) return new EntryChanged(locked);
    throw failure(errno);
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
    xdata: answer(args, xdata, present, probe),
  };
}

/** One link less in the old directory, before the entry leaves it. */
async function uncount(store: BrickDir, from: ParentDir, name: string): Promise<void> {
  const r = await countLink(store, from.fd, name, from.inode.gfid, -1);
  if (r < 0 && r !== -ENODATA) throw failure(r);
}

function answer(args: RenameArgs, xdata: Dict | null, present: boolean, probe: EntryQuery): Dict | null {
  if (xdata === null || !present) return null;
  let reply: Dict | null = null;
  if (xdata.has(key.GET_LINK_COUNT) && args.newLoc.inode !== null) {
    (reply ??= new Dict()).setUint(key.GET_LINK_COUNT, probe.stat.nlink);
  }
  if (xdata.has(key.FILE_BLOCK_COUNT)) (reply ??= new Dict()).setUint(key.FILE_BLOCK_COUNT, probe.stat.blocks);
  if (xdata.has(key.REQUEST_LINK_COUNT)) (reply ??= new Dict()).setUint(key.RESPONSE_LINK_COUNT, probe.stat.nlink);
  return reply;
}
