/** The inodes that each fop changes, and whose marks it updates. */
import type * as F from '../../../../../mux/xlator/fops.js';
import { directoryOf, type Inode } from '../../../../../mux/xlator/inode.js';
import type { FopArgs, FopReplies } from '../../../../../mux/xlator/intercept.js';
import type { BrickContext } from '../../../../../mux/xlator/translator.js';
import { O_TRUNC } from '../../../../../native/linux.js';

/** Takes an inode that has changed, and the directory where. Null: those that it is known in. */
export type TakeChange = (inode: Inode, parent: Inode | null) => void;

type Change<N extends F.FopName> = (
  brick: BrickContext,
  args: FopArgs[N],
  reply: FopReplies[N],
  take: TakeChange,
) => void;

const byInode = (_brick: BrickContext, { inode }: F.InodeArgs, _reply: unknown, take: TakeChange): void =>
  take(inode, null);
const byFd = (_brick: BrickContext, { fd }: F.FdArgs, _reply: unknown, take: TakeChange): void => take(fd.inode, null);

const made = (brick: BrickContext, { loc }: F.LocArgs, { stat }: F.EntryReply, take: TakeChange): void =>
  take(brick.adoptInode(stat.gfid, stat.mode), directoryOf(loc));

const CHANGES = {
  create: made,
  mkdir: made,
  mknod: made,
  symlink: made,
  link: (_brick, { inode, newLoc }, _reply, take) => take(inode, directoryOf(newLoc)),
  // A file may have other names.
  unlink: (_brick, { loc }, _reply, take) => take(loc.inode ?? directoryOf(loc), directoryOf(loc)),
  rmdir: (_brick, { loc }, _reply, take) => take(directoryOf(loc), null),
  rename: (brick, { oldLoc, newLoc }, { stat }, take) => {
    const inode = oldLoc.inode ?? brick.adoptInode(stat.gfid, stat.mode);
    take(inode, directoryOf(oldLoc));
    take(inode, directoryOf(newLoc));
  },
  open: (_brick, { inode, flags }, _reply, take) => {
    if ((flags & O_TRUNC) !== 0) take(inode, null);
  },
  writev: byFd,
  truncate: byInode,
  ftruncate: byFd,
  fallocate: byFd,
  discard: byFd,
  zerofill: byFd,
  copyFileRange: (_brick, { fdOut }, _reply, take) => take(fdOut.inode, null),
  setattr: byInode,
  fsetattr: byFd,
  setxattr: byInode,
  fsetxattr: byFd,
  removexattr: byInode,
  fremovexattr: byFd,
} satisfies { [N in F.FopName]?: Change<N> };

export type ChangingFop = keyof typeof CHANGES;
export const changes: { readonly [N in ChangingFop]: Change<N> } = CHANGES;
