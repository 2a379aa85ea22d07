/** The fops unlink and rmdir. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { RemoveReply, RmdirArgs, UnlinkArgs } from '../../../mux/xlator/fops.js';
import { gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import type { Batch } from '../../../native/batch.js';
import { EBUSY, EEXIST, EISDIR, ENODATA, ENOTEMPTY, EPERM, ESTALE } from '../../../native/errno.js';
import { ALWAYS, IGNORE, Priority, reg } from '../../../native/layout.js';
import { AT_REMOVEDIR, O_NOFOLLOW, O_PATH } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart } from '../../disk/batch-parts.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { gfid2pathKey, gfid2pathText } from '../../disk/format/gfid2path.js';
import { HANDLE_DIR, handleName, LANDFILL_DIR } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import { TimeStore } from '../../disk/times/time-stores.js';
import { EntryChanged, inodeAt, withEntryLocked } from './entry-lock.js';
import { isLinkto, LINKTO_WANTS } from './linkto.js';
import { ParentDir } from './parent-dir.js';

const NO_WANTS = new XattrWants(null);
const LINKTO = new XattrWants(null, LINKTO_WANTS);

export async function unlink(store: BrickDir, call: Call, args: UnlinkArgs): Promise<RemoveReply> {
  const parentDir = await ParentDir.open(store, call, args.loc);
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
  const query = await new EntryQuery(
    store,
    parentDir.directory,
    parentDir.inode,
    name,
    onlyLinkto ? LINKTO : NO_WANTS,
  ).run(Priority.normal);
  if (query.errno !== 0) throw failure(query.errno);
  if (query.stat.isDirectory) throw failure(EISDIR);
  const inode = inodeAt(store, call, query);
  if (inode !== null && inode !== locked) return new EntryChanged(inode);
  const open = inode !== null && inode.fdCount > 0;
  if (open && asked(xdata, key.SKIP_OPEN_FD_UNLINK)) throw failure(EBUSY);
  if (onlyLinkto && !isLinkto(query)) throw failure(EBUSY);

  const names = query.stat.nlink;
  const last = names === 1;
  const wantsStat = query.stat.isRegular && xdata?.has(key.IATT_IN_XDATA) === true;
  if (!last && store.options['update-link-count-parent']) {
    const r = await countLink(store, parentDir.fd, name, parentDir.inode.gfid, -1);
    if (r < 0 && r !== -ENODATA) throw failure(r);
  }

  const removal = new FileRemoval(store, call, parentDir, name, query, inode, wantsStat);
  await parentDir.change(removal, store.priority(call, Priority.normal));
  if (removal.changed) return new EntryChanged(locked);
  if (removal.errno !== 0) throw failure(removal.errno);

  let reply: Dict | null = null;
  if (xdata !== null) {
    if (xdata.has(key.FILE_BLOCK_COUNT)) (reply ??= new Dict()).setUint(key.FILE_BLOCK_COUNT, query.stat.blocks);
    if (xdata.has(key.GET_LINK_COUNT)) (reply ??= new Dict()).setUint(key.GET_LINK_COUNT, names);
    if (xdata.has(key.REQUEST_LINK_COUNT)) (reply ??= new Dict()).setUint(key.RESPONSE_LINK_COUNT, names);
    if (wantsStat)
      (reply ??= new Dict()).setIatt(key.IATT_IN_XDATA, removal.after).setIatt(key.POST_STAT, removal.after);
  }
  return { preparent: parentDir.pre, postparent: parentDir.post, xdata: reply };
}

class FileRemoval extends BatchPart {
  readonly #store: BrickDir;
  readonly #call: Call;
  readonly #parentDir: ParentDir;
  readonly #name: string;
  readonly #query: EntryQuery;
  /** Inode of the file, if it has a gfid. */
  readonly #inode: Inode | null;
  readonly #wantsStat: boolean;
  readonly #times: TimeStore;
  #at = 0;
  #expectOp = -1;
  #parkOp = -1;
  #statOp = -1;
  errno = 0;
  /** The name has come to stand for another file. */
  changed = false;
  /** Attributes of the file without the name, if they are wanted. */
  after: Iatt = NO_IATT;

  constructor(
    store: BrickDir,
    call: Call,
    parentDir: ParentDir,
    name: string,
    query: EntryQuery,
    inode: Inode | null,
    wantsStat: boolean,
  ) {
    super();
    this.#store = store;
    this.#call = call;
    this.#parentDir = parentDir;
    this.#name = name;
    this.#query = query;
    this.#inode = inode;
    this.#wantsStat = wantsStat;
    this.#times = new TimeStore(store.timeStores, inode, query.stat.gfid, true);
  }

  get #isLast(): boolean {
    return this.#query.stat.nlink === 1;
  }

  protected override takeRoom(b: Batch): void {
    if (this.#wantsStat) this.#at = b.statOut();
  }

  protected override addOps(b: Batch): void {
    const store = this.#store;
    const { handles } = store;
    const query = this.#query;
    const { gfid } = query.found;
    const { fd, inode: parent } = this.#parentDir;
    const name = this.#name;
    this.#expectOp = b.expect(fd, name, query.inoHigh, query.inoLow);
    const file = this.#wantsStat ? b.open(fd, name, O_PATH | O_NOFOLLOW) : -1;
    if (gfid !== null && this.#isLast) {
      if (this.#inode !== null && this.#inode.fdCount > 0) this.#parkOp = handles.parkOp(b, gfid);
      else handles.removeOp(b, gfid);
    }
    if (!this.#isLast && store.options.gfid2path) {
      b.removexattr(fd, name, gfid2pathKey(gfid2pathText(parent.gfid, name)), IGNORE);
    }
    b.unlink(fd, name);
    if (!this.#isLast && gfid !== null) this.#times.op(b, store.glusterfsFd, handleName(gfid), this.#plan());
    if (!this.#wantsStat) return;
    this.#statOp = b.statx(reg(file), null, this.#at, IGNORE);
    b.close(reg(file), ALWAYS);
  }

  #plan(): Mdata | null {
    const { mdata } = this.#store;
    const inode = this.#inode;
    return inode !== null ? mdata.plan(inode, this.#call) : mdata.planFrom(this.#query.found.mdata, this.#call);
  }

  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    const { files, mdata } = this.#store;
    const inode = this.#inode;
    this.errno = b.errno;
    this.changed = this.errno === ESTALE && b.failedOp === this.#expectOp;
    if (inode !== null && this.#parkOp >= 0 && b.result(this.#parkOp) === 0) files.parked(inode);
    else if (inode !== null && this.#isLast && this.errno === 0) files.shared.drop(inode.key);
    if (this.#statOp < 0 || b.result(this.#statOp) !== 0) return;
    this.after = iattOf(b.f64, this.#at, this.#query.stat.gfid, inode === null ? null : mdata.of(inode));
  }
}

export async function rmdir(store: BrickDir, call: Call, args: RmdirArgs): Promise<RemoveReply> {
  const { parent, name } = args.loc;
  if (parent?.isRoot === true && name === HANDLE_DIR) throw failure(EPERM);
  const parentDir = await ParentDir.open(store, call, args.loc);
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
  const query = await new EntryQuery(store, parentDir.directory, parentDir.inode, name, NO_WANTS).run(Priority.normal);
  if (query.errno !== 0) throw failure(query.errno);
  const inode = inodeAt(store, call, query);
  if (inode !== null && inode !== locked) return new EntryChanged(inode);
  const gfid = query.found.gfid;
  const ours =
    gfid !== null && query.stat.isDirectory && (await handlePointsTo(store, gfid, parentDir.inode.gfid, name));
  const removal = new DirectoryRemoval(store, parentDir, name, query, args.flags !== 0, ours);
  await parentDir.change(removal, store.priority(call, Priority.normal));
  const { errno } = removal;
  if (removal.changed) return new EntryChanged(locked);
  if (errno !== 0) throw failure(errno === EEXIST ? ENOTEMPTY : errno);
  if (gfid !== null) store.dirs.drop(gfidKey(gfid));
  if (args.flags !== 0) store.landfill.filled();
  return { preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}

class DirectoryRemoval extends BatchPart {
  readonly #store: BrickDir;
  readonly #parentDir: ParentDir;
  readonly #name: string;
  readonly #query: EntryQuery;
  /** With all that is in it. */
  readonly #whole: boolean;
  /** The handle of its gfid leads to it. */
  readonly #hasHandle: boolean;
  #expectOp = -1;
  errno = 0;
  /** The name has come to stand for another file. */
  changed = false;

  constructor(
    store: BrickDir,
    parentDir: ParentDir,
    name: string,
    query: EntryQuery,
    whole: boolean,
    hasHandle: boolean,
  ) {
    super();
    this.#store = store;
    this.#parentDir = parentDir;
    this.#name = name;
    this.#query = query;
    this.#whole = whole;
    this.#hasHandle = hasHandle;
  }
  protected override takeRoom(): void {}
  protected override addOps(b: Batch): void {
    const { glusterfsFd, handles } = this.#store;
    const { found, inoHigh, inoLow, stat } = this.#query;
    const { fd } = this.#parentDir;
    this.#expectOp = b.expect(fd, this.#name, inoHigh, inoLow);
    if (this.#whole) {
      b.mkdir(glusterfsFd, LANDFILL_DIR, 0o755, IGNORE);
      b.rename(fd, this.#name, glusterfsFd, `${LANDFILL_DIR}/${gfidText(stat.gfid)}`);
    } else {
      b.unlink(fd, this.#name, AT_REMOVEDIR);
    }
    if (this.#hasHandle && found.gfid !== null) handles.removeOp(b, found.gfid);
  }
  protected override takeResults(b: Batch): void {
    this.errno = b.errno;
    this.changed = this.errno === ESTALE && b.failedOp === this.#expectOp;
  }
}
