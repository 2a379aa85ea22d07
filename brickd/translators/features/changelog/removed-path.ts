/** The path of what is about to be removed, relative to the volume's root, as a byte string: for consumers that list what has gone. */

import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import { type Gfid, ROOT_GFID, sameGfid } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { knownNames } from '../../../../mux/xlator/known-path.js';
import { batch } from '../../../../native/batch.js';
import { HANDLE_DIR, handleName, parseDirectoryLink } from '../../../../posix/storage-api.js';
import type { ChangelogFolder } from './changelog-folder.js';

const MAX_PATH_BYTES = 4095;
/** Room for what a directory's handle holds. */
const LINK_BYTES = 512;

/** '' where it is not known or longer than any path can be. brick: path of the brick. */
export function removedPath(folder: ChangelogFolder, brick: string, parent: Inode, name: string): MaybePromise<string> {
  const { top, names } = knownNames(parent);
  const known = [...names, name].join('/');
  if (top.isRoot) return known.length > MAX_PATH_BYTES ? '' : known;
  return pathByHandles(folder, brick, top.gfid, known);
}

/** Follows the handles of directories up to the root. */
async function pathByHandles(folder: ChangelogFolder, brick: string, gfid: Gfid, known: string): Promise<string> {
  let path = known;
  let at = gfid;
  while (!sameGfid(at, ROOT_GFID)) {
    const b = batch();
    const into = b.out(LINK_BYTES);
    b.readlink(folder.fd, `${brick}/${HANDLE_DIR}/${handleName(at)}`, into, LINK_BYTES);
    await folder.run(b);
    const n = b.result(0);
    const link = n > 0 ? parseDirectoryLink(b.view(into, n).latin1Slice()) : null;
    b.release();
    if (link === null) return '';
    path = `${link.name}/${path}`;
    if (path.length > MAX_PATH_BYTES) return '';
    at = link.parent;
  }
  return path;
}
