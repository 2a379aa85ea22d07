/**
 * gfid2path xattrs: each holds the parent's gfid and the name of one entry of the file, so that a path can be found
 * from a gfid.
 */

import { type Gfid, gfidText } from '../../../mux/xlator/gfid.js';
import { addon } from '../../../native/addon.js';
import type { Batch } from '../../../native/batch.js';
import { IGNORE } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import { GFID2PATH_PREFIX } from './xattr-keys.js';

export function gfid2pathText(parent: Gfid, name: string): string {
  return `${gfidText(parent)}/${name}`;
}

export function gfid2pathKey(text: string): string {
  return GFID2PATH_PREFIX + addon.xxh64(text);
}

/** Op that notes on a file which entry it is (for the way back from gfid to path). */
export function gfid2pathOp(
  b: Batch,
  dir: number,
  name: string | null,
  parent: Gfid,
  entry: string,
  flags = IGNORE,
): number {
  const text = gfid2pathText(parent, entry);
  return b.setxattr(dir, name, gfid2pathKey(text), Buffer.from(text, 'latin1'), XATTR_CREATE, flags);
}
