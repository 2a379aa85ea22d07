/** The fop link: another name for a file, linked from its handle. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { EntryReply, LinkArgs } from '../../../mux/xlator/fops.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EEXIST, EIO, EMLINK, EPERM } from '../../../native/errno.js';
import { doubleAt, IGNORE, Priority, STAT } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { BatchPart } from '../../disk/batch-parts.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { exclusively } from '../../disk/inode-state.js';
import { countLink } from '../../disk/query/parent-link-count.js';
import { TimeStore } from '../../disk/times/time-stores.js';
import { checkSpace } from '../data/space-check.js';
import { undoCreation } from './entry-creation.js';
import { isDirectoryHandle } from './gfid-request.js';
import { replaceStaleLinkto } from './linkto.js';
import { ParentDir } from './parent-dir.js';

/** Links beyond which a file's names are not noted on it any more: its xattrs would not hold them. */
const MAX_NOTED_LINKS = 500;

export async function link(store: BrickDir, call: Call, args: LinkArgs): Promise<EntryReply> {
  checkSpace(store, call, args.xdata);
  if (args.inode.type === S_IFDIR) throw failure(EPERM);
  return exclusively(store.state(args.inode), async () => {
    const parentDir = await ParentDir.open(store, call, args.newLoc);
    try {
      return await linkAt(store, call, args, parentDir);
    } finally {
      parentDir.release();
    }
  });
}

async function linkAt(store: BrickDir, call: Call, args: LinkArgs, parentDir: ParentDir): Promise<EntryReply> {
  const { inode } = args;
  const links = await linkCount(store, args);
  const most = store.options['max-hardlinks'];
  if (most > 0 && links >= most) throw failure(EMLINK);
  if (store.mdata.unread(inode)) await store.mdata.load(inode);
  try {
    return await linkOnce(store, call, args, parentDir, links);
  } catch (error) {
    const blocked = error === failure(EEXIST) && args.xdata?.has(key.FORCE_REPLACE) === true;
    if (!blocked || !(await replaceStaleLinkto(store, parentDir, args.newLoc.name))) throw error;
    return linkOnce(store, call, args, parentDir, links);
  }
}

/** Names that the file has now. EPERM when it is a directory, whatever the inode table holds it for. */
async function linkCount(store: BrickDir, args: LinkArgs): Promise<number> {
  const b = batch();
  const at = b.statOut();
  b.statx(store.glusterfsFd, store.state(args.inode).handle, at);
  await store.run(b, args.inode.lane, Priority.high);
  const errno = b.errno;
  const links = doubleAt(b.f64, at + STAT.nlink);
  const ofDirectory = errno === 0 && isDirectoryHandle(doubleAt(b.f64, at + STAT.mode), links);
  b.release();
  if (errno !== 0) throw failure(errno);
  if (ofDirectory) throw failure(EPERM);
  return links - 1;
}

async function linkOnce(
  store: BrickDir,
  call: Call,
  args: LinkArgs,
  parentDir: ParentDir,
  links: number,
): Promise<EntryReply> {
  const name = args.newLoc.name;
  const noted = store.options.gfid2path && links + 1 <= MAX_NOTED_LINKS;
  const linking = new Linking(store, call, args.inode, parentDir, name, noted);
  await parentDir.change(linking, store.priority(call, Priority.normal));
  const { errno, linked, stat } = linking;
  if ((errno !== 0 && !linking.wasNoted) || (linked && stat === null && errno === 0)) {
    if (linked) await undoCreation(store, parentDir, name);
    throw failure(errno === 0 ? EIO : errno);
  }
  if (store.options['update-link-count-parent']) {
    const r = await countLink(store, parentDir.fd, name, parentDir.inode.gfid, 1);
    if (r < 0) {
      await undoCreation(store, parentDir, name);
      throw failure(r);
    }
  }
  if (stat !== null) return replyOf(parentDir, stat);
  // The batch has stopped at a note that was there already: attributes and times are still to do.
  const rest = new LinkAttributes(store, call, args.inode, parentDir, name, 0);
  await parentDir.change(rest, Priority.normal);
  if (rest.stat === null) throw failure(rest.statErrno);
  return replyOf(parentDir, rest.stat);
}

function replyOf(parentDir: ParentDir, stat: Iatt): EntryReply {
  return { stat, preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}

/** The times and attributes of a file that has just got a name. */
class LinkAttributes extends BatchPart {
  protected readonly store: BrickDir;
  protected readonly inode: Inode;
  protected readonly parentDir: ParentDir;
  protected readonly name: string;
  readonly #call: Call;
  readonly #flags: number;
  readonly #times: TimeStore;
  #at = 0;
  #statOp = -1;
  stat: Iatt | null = null;
  /** Why there are no attributes. */
  statErrno = 0;

  /** flags: of the stat. */
  constructor(store: BrickDir, call: Call, inode: Inode, parentDir: ParentDir, name: string, flags: number) {
    super();
    this.store = store;
    this.inode = inode;
    this.parentDir = parentDir;
    this.name = name;
    this.#call = call;
    this.#flags = flags;
    this.#times = new TimeStore(store.timeStores, inode, inode.gfid, true);
  }
  protected override takeRoom(b: Batch): void {
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    const { fd } = this.parentDir;
    this.#times.op(b, fd, this.name, this.store.mdata.plan(this.inode, this.#call));
    this.#statOp = b.statx(fd, this.name, this.#at, this.#flags);
  }
  protected override takeResults(b: Batch): void {
    this.#times.ended(b);
    const { inode } = this;
    const r = b.result(this.#statOp);
    this.statErrno = -r;
    this.stat = r === 0 ? iattOf(b.f64, this.#at, inode.gfid, this.store.mdata.of(inode)) : null;
  }
}

class Linking extends LinkAttributes {
  readonly #noted: boolean;
  #linkOp = -1;
  #noteOp = -1;
  errno = 0;
  linked = false;
  /** It failed since the note was there already, of a link that existed before: as good as a new one. */
  wasNoted = false;

  constructor(store: BrickDir, call: Call, inode: Inode, parentDir: ParentDir, name: string, noted: boolean) {
    super(store, call, inode, parentDir, name, IGNORE);
    this.#noted = noted;
  }
  protected override addOps(b: Batch): void {
    const { store, name } = this;
    const { fd, inode } = this.parentDir;
    this.#linkOp = b.link(store.glusterfsFd, store.state(this.inode).handle, fd, name);
    if (this.#noted) this.#noteOp = gfid2pathOp(b, fd, name, inode.gfid, name, 0);
    super.addOps(b);
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    this.errno = b.errno;
    this.linked = b.result(this.#linkOp) === 0;
    this.wasNoted = this.errno === EEXIST && b.failedOp === this.#noteOp;
  }
}
