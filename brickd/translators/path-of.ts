/** Paths of files in their volume, as far as the inode table knows their names. */
import { gfidText } from '../../posix/contract/gfid.js';
import type { Inode } from '../../posix/contract/inode.js';

/** From an inode on whose name is not known, that inode's gfid stands for the rest. */
export function pathOf(inode: Inode): string {
  if (inode.isRoot) return '/';
  return inode.parent === null ? `<gfid:${gfidText(inode.gfid)}>` : pathUnder(inode.parent, inode.name);
}

/** Path of a name in a directory. */
export function pathUnder(parent: Inode, name: string): string {
  let path = `/${name}`;
  for (let p: Inode = parent; !p.isRoot; p = p.parent) {
    if (p.parent === null) return `<gfid:${gfidText(p.gfid)}>${path}`;
    path = `/${p.name}${path}`;
  }
  return path;
}
