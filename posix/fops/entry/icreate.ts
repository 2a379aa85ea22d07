/** icreate: a file that has a gfid but no name yet; namelink: its first name. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { IcreateArgs, NamelinkArgs, RemoveReply, StatReply } from '../../../mux/xlator/fops.js';
import { isNullGfid } from '../../../mux/xlator/gfid.js';
import { refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import { batch } from '../../../native/batch.js';
import { EINVAL, ENOENT, EPERM } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { S_IALLUGO, S_IFMT, XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { fileMode, refuseDeviceNode } from '../attr/file-mode.js';
import { checkSpace } from '../data/space-check.js';
import { gfidRequest, statHandle } from './gfid-request.js';
import { ParentDir } from './parent-dir.js';

export async function icreate(store: BrickDir, call: Call, args: IcreateArgs): Promise<StatReply> {
  const { gfid } = args;
  if (isNullGfid(gfid)) throw failure(EINVAL);
  refuseReserved(gfid);
  refuseDeviceNode(call, args.mode, 0);
  checkSpace(store, call, args.xdata);
  const mode = fileMode(store.options, args.mode) & (S_IFMT | S_IALLUGO);
  const name = handleName(gfid);
  const b = batch();
  const at = b.statOut();
  store.handles.levelOps(b, gfid);
  const made = b.mknod(store.glusterfsFd, name, mode, 0);
  b.chown(store.glusterfsFd, name, call.uid, call.gid);
  b.setxattr(store.glusterfsFd, name, GFID_KEY, gfid, XATTR_CREATE);
  const times = store.mdata.plan(null, call);
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, store.glusterfsFd, name, times, null);
  b.statx(store.glusterfsFd, name, at);
  await store.run(b, 0, store.priority(call, Priority.normal));
  const errno = b.errno;
  const exists = b.result(made) === 0;
  if (errno === 0) {
    store.handles.made(gfid);
    store.mdata.born(gfid, timesOp < 0 ? null : times);
  }
  const stat = iattOf(b.f64, at, gfid, times);
  b.release();
  if (errno !== 0) {
    if (exists) {
      const undo = batch();
      store.handles.removeOp(undo, gfid);
      await store.run(undo, 0, Priority.normal);
      undo.release();
    }
    throw failure(errno);
  }
  return { stat, xdata: null };
}

export async function namelink(store: BrickDir, call: Call, args: NamelinkArgs): Promise<RemoveReply> {
  const { loc } = args;
  const gfid = loc.inode?.gfid ?? gfidRequest(args.xdata);
  if (gfid === null || isNullGfid(gfid)) throw failure(EINVAL);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  if (loc.parent === null) throw failure(ENOENT);
  const handle = await statHandle(store, gfid);
  if (handle === null) throw failure(ENOENT);
  if (handle.ofDirectory) throw failure(EPERM);
  const parentDir = await ParentDir.open(store, call, loc.parent);
  try {
    const b = batch();
    parentDir.reserve(b);
    b.link(store.glusterfsFd, handleName(gfid), parentDir.fd, loc.name);
    if (store.options.gfid2path) gfid2pathOp(b, parentDir.fd, loc.name, parentDir.inode.gfid, loc.name, IGNORE);
    parentDir.endOps(b);
    await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
    parentDir.ended(b);
    const errno = b.errno;
    b.release();
    if (errno !== 0) throw failure(errno);
    return { preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
  } finally {
    parentDir.release();
  }
}
