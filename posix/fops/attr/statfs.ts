/** The fop statfs. */

import type { Call } from '../../../mux/xlator/call.js';
import type { InodeArgs, StatfsReply } from '../../../mux/xlator/fops.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { reservedBlocks } from '../../brick-dir/space.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { statvfs } from '../../disk/query/statvfs.js';

/** Size and free space of the file system: less the reserve, and this brick's share where several bricks share it. */
export async function statfs(store: BrickDir, call: Call, args: InodeArgs): Promise<StatfsReply> {
  await statInode(store, call, args.inode, await store.fileRef(args.inode), null);
  const vfs = await statvfs(store);
  const o = store.options;
  const bfree = Math.max(0, vfs.bfree - reservedBlocks(o, vfs.blocks, vfs.bsize));
  const bavail = Math.min(vfs.bavail, bfree);
  const shares = Math.max(1, o['shared-brick-count']);
  const shown = o['export-statfs-size'] ? (n: number): number => Math.floor(n / shares) : (): number => 0;
  return {
    bsize: vfs.bsize,
    frsize: vfs.frsize,
    blocks: shown(vfs.blocks),
    bfree: shown(bfree),
    bavail: shown(bavail),
    files: shown(vfs.files),
    ffree: shown(vfs.ffree),
    favail: shown(vfs.favail),
    fsid: vfs.fsid,
    flag: vfs.flag,
    namemax: vfs.namemax,
    xdata: null,
  };
}
