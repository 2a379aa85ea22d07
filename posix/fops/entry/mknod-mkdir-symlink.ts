/** mknod, mkdir and symlink: new entries that are not opened. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { EntryReply, MkdirArgs, MknodArgs, SymlinkArgs } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey } from '../../../mux/xlator/gfid.js';
import { type Iatt, S_IFBLK, S_IFCHR, S_IFMT } from '../../../mux/xlator/iatt.js';
import { refuseMisplaced, refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch, Priority } from '../../../native/batch.js';
import { EEXIST, EIO, ENOENT, EPERM } from '../../../native/errno.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import { HANDLE_DIR, handleName, unlinkName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { countLink } from '../../disk/format/pgfid.js';
import { AT_REMOVEDIR, S_ISGID, S_ISUID } from '../../disk/format/sys.js';
import { Making } from './entry-creation.js';
import { statHandle } from './gfid-in-use.js';
import { isHeal, requiredGfid } from './gfid-request.js';
import { preopFails } from './layout-precheck.js';
import { replaceStaleLinkto } from './linkto.js';
import { checkSpace, gfid2pathOp, maskedMode, RequestedXattrs, Site, undo } from './parent-dir.js';

interface Kind {
  directory: boolean;
  /** Owner of the entry. */
  gid: number;
  chown: boolean;
  make(b: ReturnType<typeof batch>, dir: number, name: string): number;
}

/** Makes an entry; the errno is thrown, the entry removed when a later step fails. */
async function makeEntry(
  store: Store,
  call: Call,
  site: Site,
  name: string,
  gfid: Gfid,
  xdata: Dict | null,
  kind: Kind,
): Promise<EntryReply> {
  const making = new Making(
    store,
    site,
    call,
    name,
    gfid,
    kind.directory,
    new RequestedXattrs(call, xdata, [key.FORCE_REPLACE]),
  );
  const b = batch();
  making.begin(b);
  const make = kind.make(b, site.fd, name);
  making.ops(b, -1, call.uid, kind.gid, kind.chown);
  await store.run(b, site.parent.lane, store.priority(call, Priority.normal));
  making.ended(b);
  let stat: Iatt | null = making.stat(b);
  let post = site.post;
  const errno = b.errno;
  const failed = b.failedOp;
  const handle = making.handleFailed(b) ? making.handleResult(b) : 0;
  b.release();
  if (failed === make) throw failure(errno);
  if (errno !== 0) {
    if (handle !== 0 && (await making.repairHandle(handle, isHeal(call, xdata)))) {
      ({ stat, post } = await making.finish());
    } else {
      await undo(store, site, name, kind.directory ? AT_REMOVEDIR : 0);
      throw failure(errno);
    }
  }
  if (stat === null) throw failure(EIO);
  await making.rest();
  return { stat, preparent: site.pre, postparent: post, xdata: null };
}

export async function mkdir(store: Store, call: Call, args: MkdirArgs): Promise<EntryReply> {
  const { parent, name } = args.loc;
  if (parent!.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const gfid = requiredGfid(args.xdata);
  refuseMisplaced(gfid, parent!, name, isHeal(call, args.xdata));
  checkSpace(store, call, args.xdata);
  const site = await Site.open(store, call, parent!);
  try {
    const options = store.options;
    let mode = maskedMode(args.mode, options['create-directory-mask'], options['force-directory-mode']) & 0o7777;
    if ((site.pre.mode & S_ISGID) !== 0) mode |= S_ISGID;
    if (args.xdata?.has(key.PREOP_PARENT) === true) {
      const errno = await preopFails(store, site.fd, args.xdata);
      if (errno === EIO) throw new FopError(EIO, new Dict().setInt(key.PREOP_FAILED, 1));
      if (errno !== 0) throw failure(errno);
    }
    const gid = site.groupFor(call.gid);
    return await makeEntry(store, call, site, name, gfid, args.xdata, {
      directory: true,
      gid,
      chown: call.uid !== 0 || gid !== 0 || site.pre.gid !== 0,
      make: (b, dir, entry) => b.mkdir(dir, entry, mode),
    });
  } finally {
    site.release();
  }
}

export async function symlink(store: Store, call: Call, args: SymlinkArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  checkSpace(store, call, args.xdata);
  const { parent, name } = args.loc;
  const site = await Site.open(store, call, parent!);
  try {
    const gid = site.groupFor(call.gid);
    return await makeEntry(store, call, site, name, gfid, args.xdata, {
      directory: false,
      gid,
      chown: call.uid !== 0 || gid !== 0 || site.pre.gid !== 0,
      make: (b, dir, entry) => b.symlink(args.target, dir, entry),
    });
  } finally {
    site.release();
  }
}

export async function mknod(store: Store, call: Call, args: MknodArgs): Promise<EntryReply> {
  const gfid = requiredGfid(args.xdata);
  refuseReserved(gfid);
  refuseDevice(call, args.mode, args.rdev);
  checkSpace(store, call, args.xdata);
  const { parent, name } = args.loc;
  const site = await Site.open(store, call, parent!);
  try {
    const mode = maskedMode(args.mode, store.options['create-mask'], store.options['force-create-mode']) & 0o177777;
    const gid = site.groupFor(call.gid);
    if (args.xdata?.has(key.INTERNAL_FOP) === true) {
      const linked = await linkExisting(store, call, args, site, gfid);
      if (linked !== null) return linked;
    }
    const kind: Kind = {
      directory: false,
      gid,
      chown: call.uid !== 0 || gid !== 0 || site.pre.gid !== 0 || (mode & (S_ISUID | S_ISGID)) !== 0,
      make: (b, dir, entry) => b.mknod(dir, entry, mode, args.rdev),
    };
    try {
      return await makeEntry(store, call, site, name, gfid, args.xdata, kind);
    } catch (error) {
      const blocked =
        error instanceof FopError && error.errno === EEXIST && args.xdata?.has(key.FORCE_REPLACE) === true;
      if (!blocked || !(await replaceStaleLinkto(store, site, name))) throw error;
      return await makeEntry(store, call, site, name, gfid, args.xdata, kind);
    }
  } finally {
    site.release();
  }
}

/** EPERM for a device node of anybody but root, as the kernel has it. */
export function refuseDevice(call: Call, mode: number, rdev: number): void {
  const type = mode & S_IFMT;
  if (call.uid !== 0 && (type === S_IFBLK || (type === S_IFCHR && rdev !== 0))) throw failure(EPERM);
}

/**
 * Distribute makes link files for files with hard links under the same gfid: if this brick has the gfid already, the new
 * entry is one more link of that file. Null when it has not, or the link can't be made; EEXIST when it is a directory's.
 */
async function linkExisting(
  store: Store,
  call: Call,
  args: MknodArgs,
  site: Site,
  gfid: Gfid,
): Promise<EntryReply | null> {
  const name = args.loc.name;
  if ((await statHandle(store, gfid))?.ofDirectory === true) throw failure(EEXIST);
  const inode = store.brick.findInode(gfidKey(gfid)) ?? null;
  const state = inode === null ? null : store.state(inode);
  const b = batch();
  site.reserve(b);
  const at = b.statOut();
  const glusterfs = store.glusterfsFd;
  if (state?.unlinked === true) {
    // It lives on because it is open: it gets its handle back along with a name.
    b.link(glusterfs, unlinkName(gfid), site.fd, name);
    b.rename(glusterfs, unlinkName(gfid), glusterfs, handleName(gfid));
  } else {
    b.link(glusterfs, handleName(gfid), site.fd, name);
  }
  // The file may be another's: only root, as which distribute does this, adds xattrs to it. A pid is no proof of anything.
  if (call.uid === 0) new RequestedXattrs(call, args.xdata, [key.FORCE_REPLACE]).ops(b, site.fd, name);
  if (store.options.gfid2path) gfid2pathOp(b, site.fd, name, site.parent.gfid, name);
  const times = inode !== null && !store.mdata.unread(inode) ? store.mdata.plan(inode, call) : null;
  const timesOp = times === null ? -1 : store.mdata.storeOp(b, site.fd, name, times, inode, true);
  b.statx(site.fd, name, at);
  const statOp = b.length - 1;
  site.endOps(b);
  await store.run(b, site.parent.lane, store.priority(call, Priority.normal));
  if (times !== null) store.mdata.stored(b, timesOp, times, inode, gfid, true);
  site.ended(b);
  const linked = b.result(0) === 0;
  const errno = b.errno;
  const mdata = inode === null ? null : store.mdata.of(inode);
  const stat = linked && b.result(statOp) === 0 ? iattOf(b.f64, at, gfid, mdata) : null;
  b.release();
  if (!linked) return null;
  if (state?.unlinked === true) state.unlinked = false;
  if (stat === null) throw failure(errno === 0 ? ENOENT : errno);
  if (store.options['update-link-count-parent']) await countLink(store, site.fd, name, site.parent.gfid, 1);
  return { stat, preparent: site.pre, postparent: site.post, xdata: null };
}
