/** unlink and rmdir. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { RemoveReply, RmdirArgs, UnlinkArgs } from '../../../mux/xlator/fops.js';
import { gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EBUSY, EEXIST, EISDIR, ENODATA, ENOTEMPTY, EPERM, ESTALE } from '../../../native/errno.js';
import { ALWAYS, IGNORE, Priority, reg } from '../../../native/layout.js';
import { AT_REMOVEDIR, O_NOFOLLOW, O_PATH } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { gfid2pathKey, gfid2pathText } from '../../disk/format/gfid2path.js';
import { HANDLE_DIR, handleName, LANDFILL_DIR } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import { EntryChanged, inodeAt, withEntryLocked } from './entry-lock.js';
import { isLinkto, LINKTO_WANTS } from './linkto.js';
import { ParentDir } from './parent-dir.js';

const NO_WANTS = new XattrWants(null);
const LINKTO = new XattrWants(null, LINKTO_WANTS);

export async function unlink(store: BrickDir, call: Call, args: UnlinkArgs): Promise<RemoveReply> {
  const parentDir = await ParentDir.open(store, call, args.loc.parent!);
  try {
    return await withEntryLocked(store, args.loc.inode, (locked) => unlinkAt(store, call, args, parentDir, locked));
  } finally {
    parentDir.release();
  }
}

/** Whether a request has a key with a number other than 0. */
function asked(xdata: Dict | null, name: string): boolean {
  return (xdata?.number(name) ?? 0) !== 0;
}

async function unlinkAt(
  store: BrickDir,
  call: Call,
  args: UnlinkArgs,
  parentDir: ParentDir,
  locked: Inode | null,
): Promise<RemoveReply | EntryChanged> {
  const { xdata } = args;
  const name = args.loc.name;
  const onlyLinkto = asked(xdata, key.SKIP_NON_LINKTO_UNLINK);
  const probe = await new EntryQuery(
    store,
    parentDir.directory,
    parentDir.inode,
    name,
    onlyLinkto ? LINKTO : NO_WANTS,
  ).run(Priority.normal);
  if (probe.errno !== 0) throw failure(probe.errno);
  if (probe.stat.isDirectory) throw failure(EISDIR);
  const inode = inodeAt(store, call, probe);
  if (inode !== null && inode !== locked) return new EntryChanged(inode);
  const open = inode !== null && inode.fdCount > 0;
  if (open && asked(xdata, key.SKIP_OPEN_FD_UNLINK)) throw failure(EBUSY);
  if (onlyLinkto && !isLinkto(probe)) throw failure(EBUSY);

  const gfid = probe.found.gfid;
  const names = probe.stat.nlink;
  const last = names === 1;
  const wantsStat = probe.stat.isRegular && xdata?.has(key.IATT_IN_XDATA) === true;
  if (!last && store.options['update-link-count-parent']) {
    const r = await countLink(store, parentDir.fd, name, parentDir.inode.gfid, -1);
    if (r < 0 && r !== -ENODATA) throw failure(r);
  }

  const b = batch();
  parentDir.reserve(b);
  const at = wantsStat ? b.statOut() : 0;
  const expected = b.expect(parentDir.fd, name, probe.inoHigh, probe.inoLow);
  const file = wantsStat ? b.open(parentDir.fd, name, O_PATH | O_NOFOLLOW) : -1;
  const handle = gfid === null || !last ? -1 : open ? store.handles.parkOp(b, gfid) : store.handles.removeOp(b, gfid);
  if (!last && store.options.gfid2path) {
    b.removexattr(parentDir.fd, name, gfid2pathKey(gfid2pathText(parentDir.inode.gfid, name)), IGNORE);
  }
  b.unlink(parentDir.fd, name);
  const times =
    last || gfid === null
      ? null
      : inode !== null
        ? store.mdata.plan(inode, call)
        : store.mdata.planFrom(probe.found.mdata, call);
  const timesOp =
    times === null ? -1 : store.mdata.storeOp(b, store.glusterfsFd, handleName(gfid!), times, inode, true);
  const statOp = wantsStat ? b.statx(reg(file), null, at, IGNORE) : -1;
  parentDir.endOps(b);
  if (wantsStat) b.close(reg(file), ALWAYS);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, gfid!, true);
  parentDir.ended(b);
  const errno = b.errno;
  const changed = errno === ESTALE && b.failedOp === expected;
  if (open && handle >= 0 && b.result(handle) === 0) store.files.parked(inode);
  else if (last && errno === 0 && inode !== null) store.files.shared.drop(inode.key);
  const after =
    statOp >= 0 && b.result(statOp) === 0
      ? iattOf(b.f64, at, probe.stat.gfid, inode === null ? null : store.mdata.of(inode))
      : NO_IATT;
  b.release();
  if (changed) return new EntryChanged(locked);
  if (errno !== 0) throw failure(errno);

  let reply: Dict | null = null;
  if (xdata !== null) {
    if (xdata.has(key.FILE_BLOCK_COUNT)) (reply ??= new Dict()).setUint(key.FILE_BLOCK_COUNT, probe.stat.blocks);
    if (xdata.has(key.GET_LINK_COUNT)) (reply ??= new Dict()).setUint(key.GET_LINK_COUNT, names);
    if (xdata.has(key.REQUEST_LINK_COUNT)) (reply ??= new Dict()).setUint(key.RESPONSE_LINK_COUNT, names);
    if (wantsStat) (reply ??= new Dict()).setIatt(key.IATT_IN_XDATA, after).setIatt(key.POST_STAT, after);
  }
  return { preparent: parentDir.pre, postparent: parentDir.post, xdata: reply };
}

export async function rmdir(store: BrickDir, call: Call, args: RmdirArgs): Promise<RemoveReply> {
  const { parent, name } = args.loc;
  if (parent!.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const parentDir = await ParentDir.open(store, call, parent!);
  try {
    return await withEntryLocked(store, args.loc.inode, (locked) => rmdirAt(store, call, args, parentDir, locked));
  } finally {
    parentDir.release();
  }
}

async function rmdirAt(
  store: BrickDir,
  call: Call,
  args: RmdirArgs,
  parentDir: ParentDir,
  locked: Inode | null,
): Promise<RemoveReply | EntryChanged> {
  const { name } = args.loc;
  const probe = await new EntryQuery(store, parentDir.directory, parentDir.inode, name, NO_WANTS).run(Priority.normal);
  if (probe.errno !== 0) throw failure(probe.errno);
  const inode = inodeAt(store, call, probe);
  if (inode !== null && inode !== locked) return new EntryChanged(inode);
  const gfid = probe.found.gfid;
  const ours =
    gfid !== null && probe.stat.isDirectory && (await handlePointsTo(store, gfid, parentDir.inode.gfid, name));
  const b = batch();
  parentDir.reserve(b);
  const expected = b.expect(parentDir.fd, name, probe.inoHigh, probe.inoLow);
  let op: number;
  if (args.flags === 0) {
    op = b.unlink(parentDir.fd, name, AT_REMOVEDIR);
  } else {
    b.mkdir(store.glusterfsFd, LANDFILL_DIR, 0o755, IGNORE);
    op = b.rename(parentDir.fd, name, store.glusterfsFd, `${LANDFILL_DIR}/${gfidText(probe.stat.gfid)}`);
  }
  if (ours) store.handles.removeOp(b, gfid);
  parentDir.endOps(b);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  parentDir.ended(b);
  const errno = b.errno;
  const changed = errno === ESTALE && b.failedOp === expected;
  const removed = b.result(op) === 0;
  b.release();
  if (changed) return new EntryChanged(locked);
  if (!removed || errno !== 0) throw failure(errno === EEXIST ? ENOTEMPTY : errno);
  if (gfid !== null) store.dirs.drop(gfidKey(gfid));
  if (args.flags !== 0) store.landfill.filled();
  return { preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}
