/**
 * readdirp with `glusterfs.ancestry.dentry`: lists not a directory's entries but the path from the root to a file, for
 * quota.
 */

import type { Dict } from '../../../mux/xlator/dict.js';
import { failure, fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { DirEntry, ReaddirReply } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { batch } from '../../../native/batch.js';
import { ENOENT, ESTALE } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { inoOf } from '../../disk/format/dir-entries.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { type Ancestor, ancestors, linksOf } from '../../disk/query/ancestry.js';
import { XattrRoom, XattrWants } from '../../disk/query/xattr-reply.js';

/** A directory that is gone has no way to it. Any other failure leaves that open: limits above must not be missed. */
function nullIfGone(thrown: unknown): null {
  const { errno } = fopErrorOf(thrown);
  if (errno !== ENOENT && errno !== ESTALE) throw thrown;
  return null;
}

/** Entries from the root ("/") down to the inode; for a file with several names, one such row after the other. */
export async function ancestry(store: BrickDir, inode: Inode, xdata: Dict): Promise<ReaddirReply> {
  const wants = new XattrWants(xdata);
  const entries: DirEntry[] = [];
  if (inode.type === S_IFDIR) {
    await addDirectories(store, await ancestors(store, inode.gfid), wants, entries);
  } else {
    if (!store.options['update-link-count-parent']) throw failure(ESTALE);
    const { links, counted } = await linksOf(store, inode.gfid);
    for (const link of links) {
      if (!counted.has(gfidText(link.parent))) continue;
      const chain = await ancestors(store, link.parent).catch(nullIfGone);
      if (chain === null) continue;
      await addDirectories(store, chain, wants, entries);
      const at = await store.fileRef(inode);
      entries.push(await entryOf(store, at.fd, at.name, link.name, inode.gfid, wants));
      at.release();
    }
  }
  return { entries, errno: 0, xdata: null };
}

async function addDirectories(
  store: BrickDir,
  chain: Ancestor[],
  wants: XattrWants,
  entries: DirEntry[],
): Promise<void> {
  for (const a of chain) {
    const d = await Promise.resolve(store.dirs.acquireByKey(gfidKey(a.gfid))).catch((error: unknown) => {
      const { errno } = fopErrorOf(error);
      throw failure(errno === ENOENT ? ESTALE : errno);
    });
    try {
      entries.push(await entryOf(store, d.fd, null, a.name, a.gfid, wants));
    } finally {
      d.release();
    }
  }
}

async function entryOf(
  store: BrickDir,
  dir: number,
  file: string | null,
  name: string,
  gfid: Gfid,
  wants: XattrWants,
): Promise<DirEntry> {
  const room = new XattrRoom();
  for (;;) {
    const b = batch();
    room.reserve(b);
    const at = b.statOut();
    b.statx(dir, file, at);
    const op = room.op(b, wants, dir, file, IGNORE);
    await store.run(b, 0, Priority.normal);
    const errno = b.errno;
    if (errno !== 0) {
      b.release();
      room.release();
      throw failure(errno);
    }
    if (room.grow(b.result(op))) {
      b.release();
      continue;
    }
    const read = b.result(op);
    if (read < 0) {
      b.release();
      room.release();
      throw failure(read);
    }
    const found = room.read(b, wants, read);
    room.release();
    const inode = store.brick.findInode(gfidKey(gfid)) ?? null;
    const stat = iattOf(b.f64, at, gfid, store.mdata.read(inode, gfidKey(gfid), found.mdata));
    b.release();
    wants.wordsInto(found, inode, stat);
    return { name, ino: inoOf(gfid), offset: 0n, type: 0, stat, dict: found.dict };
  }
}
