/** The fop create: a new regular file, opened. Without O_EXCL it opens an existing one. */

import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { CreateArgs, CreateReply } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, NULL_GFID } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT } from '../../../native/errno.js';
import { doubleAt, IGNORE, Priority, reg, STAT } from '../../../native/layout.js';
import {
  FMODE_EXEC,
  O_ACCMODE,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  XATTR_CREATE,
} from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart } from '../../disk/batch-parts.js';
import { handleName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { type XattrFound, XattrRoom, XattrWants } from '../../disk/query/xattr-reply.js';
import { TimeStore } from '../../disk/times/time-stores.js';
import { fileMode } from '../attr/file-mode.js';
import { checkSpace } from '../data/space-check.js';
import { EntryCreation } from './entry-creation.js';
import { isFreeFor, requiredGfid } from './gfid-request.js';
import { preopFails } from './layout-precheck.js';
import { ParentDir } from './parent-dir.js';
import { RequestedXattrs } from './requested-xattrs.js';

/** Open flags that openat2 takes for a regular file; it refuses others, which open(2) has always ignored (0o20 has no name). */
const USABLE_FLAGS = ~(O_DIRECTORY | O_PATH | O_CREAT | O_EXCL | O_TMPFILE | FMODE_EXEC | 0o20);

class FileCreation extends EntryCreation {
  protected override readonly opens = true;
  readonly #flags: number;

  constructor(parentDir: ParentDir, name: string, gfid: Gfid, mode: number, requested: RequestedXattrs, flags: number) {
    super(parentDir, name, gfid, mode, requested);
    this.#flags = flags;
  }
  protected override makeOp(b: Batch, dir: number, name: string): number {
    return b.open(dir, name, this.#flags | O_CREAT | O_EXCL, this.mode);
  }
}

export async function create(store: BrickDir, call: Call, args: CreateArgs): Promise<CreateReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  const parentDir = await ParentDir.open(store, call, args.loc);
  try {
    const wanted = args.flags === 0 ? O_RDWR | O_EXCL : args.flags;
    const flags = (wanted & USABLE_FLAGS) | (store.options['o-direct'] ? O_DIRECT : 0);
    const exclusive = (wanted & O_EXCL) !== 0;
    if (args.xdata?.has(key.PREOP_PARENT) === true) await checkLayout(store, parentDir, args, args.xdata);
    const made = await makeFile(store, call, args, parentDir, gfid, flags);
    if (made !== null) return made;
    if (exclusive) throw failure(EEXIST);
    return await openExisting(store, call, args, parentDir, flags);
  } finally {
    parentDir.release();
  }
}

/** The client's idea of the directory's layout must hold if the file is new: EIO otherwise. */
async function checkLayout(store: BrickDir, parentDir: ParentDir, args: CreateArgs, xdata: Dict): Promise<void> {
  const { directory, inode } = parentDir;
  const query = await new EntryQuery(store, directory, inode, args.loc.name, new XattrWants(null)).run(Priority.high);
  if (query.errno !== ENOENT || (await preopFails(store, parentDir.fd, xdata)) === 0) return;
  xdata.setInt(key.PREOP_FAILED, 1);
  throw new FopError(EIO, xdata);
}

/** Makes the file; null when the name exists. */
async function makeFile(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  gfid: Gfid,
  flags: number,
): Promise<CreateReply | null> {
  const mode = fileMode(store.options, args.mode) & 0o7777;
  const requested = new RequestedXattrs(call, args.xdata);
  const creation = new FileCreation(parentDir, args.loc.name, gfid, mode, requested, flags);
  try {
    const stat = await creation.make(false);
    return stat === null ? null : reply(store, args, parentDir, stat, creation.descriptor);
  } catch (error) {
    if (creation.descriptor >= 0) store.closing.close(creation.descriptor);
    throw error;
  }
}

function reply(store: BrickDir, args: CreateArgs, parentDir: ParentDir, stat: Iatt, descriptor: number): CreateReply {
  return {
    stat,
    preparent: parentDir.pre,
    postparent: parentDir.post,
    xdata: args.xdata,
    bind(fd: Fd) {
      store.files.attach(fd, descriptor, args.flags);
    },
    abandon() {
      store.closing.close(descriptor);
    },
  };
}

/** Opens the file that has the name, if it is a regular one; gives it a gfid and a handle if it lacks them. */
async function openExisting(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  flags: number,
): Promise<CreateReply> {
  const found = await ExistingFile.open(store, call, parentDir, args.loc.name, flags & ~O_TRUNC);
  try {
    // Of the open file, whatever has its name by now.
    args.admit?.(found.stat, found.xattrs.aclAccess);
    return await takeExisting(store, call, args, parentDir, flags, found);
  } catch (error) {
    store.closing.close(found.fd);
    throw error;
  }
}

/** A file that was opened by its name, and what it is. */
class ExistingFile {
  readonly fd: number;
  readonly stat: Iatt;
  readonly xattrs: XattrFound;
  /** Links as the file system counts them, the handle included. */
  readonly links: number;
  /** The table's inode of its gfid. */
  readonly inode: Inode | null;

  constructor(fd: number, stat: Iatt, xattrs: XattrFound, links: number, inode: Inode | null) {
    this.fd = fd;
    this.stat = stat;
    this.xattrs = xattrs;
    this.links = links;
    this.inode = inode;
  }

  static async open(
    store: BrickDir,
    call: Call,
    parentDir: ParentDir,
    name: string,
    flags: number,
  ): Promise<ExistingFile> {
    const wants = new XattrWants(null, [key.ACL_ACCESS_XATTR]);
    const room = new XattrRoom();
    for (;;) {
      const b = batch();
      room.reserve(b);
      const at = b.statOut();
      const open = b.openRegular(parentDir.fd, name, flags, false);
      b.statx(reg(open), null, at);
      const read = room.op(b, wants, reg(open), null);
      await store.run(b, parentDir.lane, store.priority(call, Priority.normal), call);
      const fd = b.result(open);
      const length = b.result(read);
      const { errno } = b;
      if (errno === 0) {
        const xattrs = room.read(b, wants, length);
        room.release();
        const { gfid } = xattrs;
        const inode = gfid === null ? null : (store.brick.findInode(gfidKey(gfid)) ?? null);
        const kept = store.mdata.enabled ? xattrs.mdata : null;
        const mdata = gfid === null ? kept : store.mdata.read(inode, gfidKey(gfid), kept);
        const stat = iattOf(b.f64, at, gfid ?? NULL_GFID, mdata);
        const links = doubleAt(b.f64, at + STAT.nlink);
        b.release();
        return new ExistingFile(fd, stat, xattrs, links, inode);
      }
      b.release();
      if (fd >= 0) store.closing.close(fd);
      if (!room.grow(length)) {
        room.release();
        throw failure(errno);
      }
    }
  }
}

async function takeExisting(
  store: BrickDir,
  call: Call,
  args: CreateArgs,
  parentDir: ParentDir,
  flags: number,
  file: ExistingFile,
): Promise<CreateReply> {
  const { xattrs } = file;
  const gfid = xattrs.gfid ?? requiredGfid(args.xdata);
  const { directory, inode } = parentDir;
  if (xattrs.gfid === null && !(await isFreeFor(store, gfid, directory, inode.gfid, args.loc.name))) {
    throw failure(EEXIST);
  }
  const taking = new ExistingFileTaking(store, call, file, gfid, flags);
  await parentDir.change(taking, store.priority(call, Priority.normal));
  const { errno, stat } = taking;
  if (errno !== 0 || stat === null) throw failure(errno);
  return reply(store, args, parentDir, stat, file.fd);
}

/** Makes a file that was opened the one that create returns: gfid and handle if it lacks them, truncated if that is asked. */
class ExistingFileTaking extends BatchPart {
  readonly #store: BrickDir;
  readonly #call: Call;
  readonly #file: ExistingFile;
  readonly #gfid: Gfid;
  readonly #flags: number;
  readonly #times: TimeStore;
  #planned: Mdata | null = null;
  #at = 0;
  #statOp = -1;
  errno = 0;
  stat: Iatt | null = null;

  constructor(store: BrickDir, call: Call, file: ExistingFile, gfid: Gfid, flags: number) {
    super();
    this.#store = store;
    this.#call = call;
    this.#file = file;
    this.#gfid = gfid;
    this.#flags = flags;
    this.#times = new TimeStore(store.timeStores, file.inode, gfid, true);
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    const store = this.#store;
    const gfid = this.#gfid;
    const { fd, xattrs, links, inode } = this.#file;
    store.handles.levelOps(b, gfid);
    if (xattrs.gfid === null) b.setxattr(fd, null, GFID_KEY, gfid, XATTR_CREATE);
    if (links === 1) b.linkFd(fd, store.glusterfsFd, handleName(gfid), IGNORE);
    const writable = (this.#flags & O_ACCMODE) !== O_RDONLY;
    if ((this.#flags & O_TRUNC) !== 0 && writable) b.truncate(fd, 0);
    const call = this.#call;
    this.#planned = inode !== null ? store.mdata.plan(inode, call) : store.mdata.planFrom(xattrs.mdata, call);
    this.#times.op(b, fd, null, this.#planned);
    this.#statOp = b.statx(fd, null, this.#at);
  }
  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    const store = this.#store;
    const gfid = this.#gfid;
    this.errno = b.errno;
    if (b.result(this.#statOp) !== 0) return;
    const holder = store.brick.findInode(gfidKey(gfid));
    const mdata = holder !== undefined ? store.mdata.of(holder) : (this.#planned ?? this.#file.xattrs.mdata);
    this.stat = iattOf(b.f64, this.#at, gfid, store.mdata.enabled ? mdata : null);
  }
}
