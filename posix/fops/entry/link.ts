/** link: one more name for a file, taken from its handle. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { EntryReply, LinkArgs } from '../../../mux/xlator/fops.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EEXIST, EIO, EMLINK, ENOENT, EPERM } from '../../../native/errno.js';
import { IGNORE, Priority, STAT } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { gfid2pathOp } from '../../disk/format/gfid2path.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { exclusively } from '../../disk/inode-state.js';
import { countLink } from '../../disk/query/parent-link-count.js';
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
    const parentDir = await ParentDir.open(store, call, args.newLoc.parent!);
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
  const links = b.f64[at + STAT.nlink]!;
  const ofDirectory = errno === 0 && isDirectoryHandle(b.f64[at + STAT.mode]!, links);
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
  const { inode } = args;
  const name = args.newLoc.name;
  const noted = store.options.gfid2path && links + 1 <= MAX_NOTED_LINKS;
  const b = batch();
  parentDir.reserve(b);
  const at = b.statOut();
  const made = b.link(store.glusterfsFd, store.state(inode).handle, parentDir.fd, name);
  const note = noted ? gfid2pathOp(b, parentDir.fd, name, parentDir.inode.gfid, name, 0) : -1;
  const times = store.mdata.plan(inode, call);
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, parentDir.fd, name, times, inode, true);
  const statOp = b.statx(parentDir.fd, name, at, IGNORE);
  parentDir.endOps(b);
  await store.run(b, parentDir.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, inode.gfid, true);
  parentDir.ended(b);
  const errno = b.errno;
  const linked = b.result(made) === 0;
  // The note of a link that existed before is as good as a new one.
  const failed = errno !== 0 && !(b.failedOp === note && errno === EEXIST);
  const stat = b.result(statOp) === 0 ? iattOf(b.f64, at, inode.gfid, store.mdata.of(inode)) : null;
  b.release();
  if (failed || (linked && stat === null && errno === 0)) {
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
  if (stat === null) return againWithoutNote(store, call, args, parentDir);
  return { stat, preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}

/** The batch has stopped at a note that was there already: attributes and times are still to do. */
async function againWithoutNote(
  store: BrickDir,
  call: Call,
  args: LinkArgs,
  parentDir: ParentDir,
): Promise<EntryReply> {
  const { inode } = args;
  const name = args.newLoc.name;
  const b = batch();
  parentDir.reserve(b);
  const at = b.statOut();
  const times = store.mdata.plan(inode, call);
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, parentDir.fd, name, times, inode, true);
  const statOp = b.statx(parentDir.fd, name, at);
  parentDir.endOps(b);
  await store.run(b, parentDir.lane, Priority.normal);
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, inode.gfid, true);
  parentDir.ended(b);
  const r = b.result(statOp);
  const stat = iattOf(b.f64, at, inode.gfid, store.mdata.of(inode));
  b.release();
  if (r < 0) throw failure(r === -ENOENT ? ENOENT : r);
  return { stat, preparent: parentDir.pre, postparent: parentDir.post, xdata: null };
}
