/**
 * `trusted.pgfid.<parent gfid>`: how many links a file has in a directory, as big-endian u32. Kept where quota or trash need
 * the way from a file to its parents (option update-link-count-parent).
 */

import { type Gfid, gfidText } from '../../../mux/xlator/gfid.js';
import { batch, IGNORE, Priority } from '../../../native/batch.js';
import { ENODATA, errnoName } from '../../../native/errno.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import type { XattrFound } from '../query/xattr-reply.js';
import { PGFID_PREFIX } from './xattr-keys.js';

export function pgfidKey(parent: Gfid): string {
  return PGFID_PREFIX + gfidText(parent);
}

const ONE = Uint8Array.of(0, 0, 0, 1);

export { ONE as ONE_LINK };

/** Gives a file that lacks it the count of its one link in a directory. */
export async function ensurePgfid(
  store: Store,
  dir: number,
  name: string,
  parent: Gfid,
  found: XattrFound,
): Promise<void> {
  const key = pgfidKey(parent);
  if (found.others.includes(key) || found.dict?.has(key) === true) return;
  const b = batch();
  b.setxattr(dir, name, key, ONE, XATTR_CREATE, IGNORE);
  await store.run(b, 0, Priority.normal);
  b.release();
}

/**
 * Adds to (or takes from) the count of a file's links in a directory; a count of zero is removed. The caller has the file's
 * inode exclusively. Returns 0 or a negated errno (-ENODATA when there is nothing to take from).
 */
export async function countLink(store: Store, dir: number, name: string, parent: Gfid, by: 1 | -1): Promise<number> {
  const key = pgfidKey(parent);
  const b = batch();
  const at = b.out(8);
  b.getxattr(dir, name, key, at, 4, IGNORE);
  await store.run(b, 0, Priority.normal);
  const r = b.result(0);
  const now = r === 4 ? b.view(at, 4).readUInt32BE(0) : 0;
  b.release();
  if (r < 0 && (r !== -ENODATA || by < 0)) return r;
  const next = now + by;
  const w = batch();
  if (next > 0) {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(next, 0);
    w.setxattr(dir, name, key, value);
  } else {
    w.removexattr(dir, name, key);
  }
  await store.run(w, 0, Priority.normal);
  const result = -w.errno;
  w.release();
  if (result < 0) store.log.warning(0, `modification of parent gfid xattr ${key} failed: ${errnoName(-result)}`);
  return result;
}
