/**
 * Walks from an inode up to the root by the names that the inode table knows. The table has no cycles, but clients can
 * nest directories as deep as they like, so every walk is bounded.
 */
import { gfidText } from './gfid.js';
import type { Inode } from './inode.js';

/** Levels that a walk takes at most. A path of Gluster's ends at 4096 bytes: what is deeper has none. */
export const MAX_LEVELS = 2048;

/**
 * The first inode, from `inode` itself upwards, that `stop` accepts; else the one where the walk ended, the topmost known or
 * the last within {@link MAX_LEVELS} (which has a parent).
 */
export function walkUp(inode: Inode, stop: (at: Inode) => boolean): Inode {
  let at = inode;
  for (let level = 0; level < MAX_LEVELS && !stop(at) && at.parent !== null; level++) at = at.parent;
  return at;
}

/** The names from the topmost ancestor that is known (or within {@link MAX_LEVELS}) down to an inode, and that ancestor. */
export function knownNames(inode: Inode): { top: Inode; names: string[] } {
  const names: string[] = [];
  const top = walkUp(inode, (at) => {
    if (at.isRoot) return true;
    if (at.parent !== null) names.push(at.name);
    return false;
  });
  return { top, names: names.reverse() };
}

/** Path of an inode in the volume. From an ancestor on whose name is not known, that one's gfid stands for the rest. */
export function pathOf(inode: Inode): string {
  if (inode.isRoot) return '/';
  return inode.parent === null ? `<gfid:${gfidText(inode.gfid)}>` : pathUnder(inode.parent, inode.name);
}

/** Path of a name in a directory. */
export function pathUnder(parent: Inode, name: string): string {
  const { top, names } = knownNames(parent);
  const path = [...names, name].join('/');
  return top.isRoot ? `/${path}` : `<gfid:${gfidText(top.gfid)}>/${path}`;
}
