/** The fops icreate (a file with a gfid but no name) and namelink (its first name). */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { IcreateArgs, NamelinkArgs, RemoveReply, StatReply } from '../../../mux/xlator/fops.js';
import { type Gfid, isNullGfid } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import { refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENOENT, EPERM } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart, runParts } from '../../disk/batch-parts.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { timesOp } from '../../disk/times/time-stores.js';
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
  const file = new NamelessCreation(store, call, gfid, fileMode(store.options, args.mode) & 0o177777);
  await runParts(store.queue, 0, store.priority(call, Priority.normal), [file], call);
  const { errno, stat } = file;
  if (errno !== 0) {
    if (file.exists) {
      const undo = batch();
      store.handles.removeOp(undo, gfid);
      await store.run(undo, 0, Priority.normal);
      undo.release();
    }
    throw failure(errno);
  }
  return { stat, xdata: null };
}

/** A file that has nothing but its handle. */
class NamelessCreation extends BatchPart {
  readonly #store: BrickDir;
  readonly #call: Call;
  readonly #gfid: Gfid;
  readonly #mode: number;
  #at = 0;
  #makeOp = -1;
  #times: Mdata | null = null;
  errno = 0;
  /** It was made, whatever failed afterwards. */
  exists = false;
  stat: Iatt = NO_IATT;

  constructor(store: BrickDir, call: Call, gfid: Gfid, mode: number) {
    super();
    this.#store = store;
    this.#call = call;
    this.#gfid = gfid;
    this.#mode = mode;
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    const store = this.#store;
    const { uid, gid } = this.#call;
    const gfid = this.#gfid;
    const fd = store.glusterfsFd;
    const name = handleName(gfid);
    store.handles.levelOps(b, gfid);
    this.#makeOp = b.mknod(fd, name, this.#mode, 0);
    b.chown(fd, name, uid, gid);
    b.setxattr(fd, name, GFID_KEY, gfid, XATTR_CREATE);
    this.#times = store.mdata.plan(null, this.#call);
    if (this.#times !== null) timesOp(b, fd, name, this.#times);
    b.statx(fd, name, this.#at);
  }
  /** Nothing was created. */
  protected override takeNothing(): void {}
  protected override takeResults(b: Batch): void {
    this.errno = b.errno;
    this.exists = b.result(this.#makeOp) === 0;
    if (this.errno !== 0) return;
    this.#store.handles.made(this.#gfid);
    this.#store.mdata.born(this.#gfid, this.#times);
    this.stat = iattOf(b.f64, this.#at, this.#gfid, this.#times);
  }
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
  const parentDir = await ParentDir.open(store, call, loc);
  try {
    const naming = new FirstName(store, parentDir, loc.name, gfid);
    await parentDir.change(naming, store.priority(call, Priority.normal));
    if (naming.errno !== 0) throw failure(naming.errno);
    return { preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
  } finally {
    parentDir.release();
  }
}

class FirstName extends BatchPart {
  readonly #store: BrickDir;
  readonly #parentDir: ParentDir;
  readonly #name: string;
  readonly #gfid: Gfid;
  errno = 0;

  constructor(store: BrickDir, parentDir: ParentDir, name: string, gfid: Gfid) {
    super();
    this.#store = store;
    this.#parentDir = parentDir;
    this.#name = name;
    this.#gfid = gfid;
  }
  protected override takeRoom(): void {}
  protected override addOps(b: Batch): void {
    const store = this.#store;
    const { fd, inode } = this.#parentDir;
    b.link(store.glusterfsFd, handleName(this.#gfid), fd, this.#name);
    if (store.options.gfid2path) gfid2pathOp(b, fd, this.#name, inode.gfid, this.#name, IGNORE);
  }
  protected override takeResults(b: Batch): void {
    this.errno = b.errno;
  }
}
