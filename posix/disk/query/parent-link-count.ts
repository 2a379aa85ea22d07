/** Keeps the number of a file's links per directory on disk; see format/pgfid.ts. */

import type { Gfid } from '../../../mux/xlator/gfid.js';
import { batch } from '../../../native/batch.js';
import { ENODATA, errnoName } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import { ONE_LINK, pgfidKey } from '../format/pgfid.js';
import type { XattrFound } from './xattr-reply.js';

/** Gives a file that lacks it the count of its one link in a directory. */
export async function ensurePgfid(
  disk: DiskContext,
  dir: number,
  name: string,
  parent: Gfid,
  found: XattrFound,
): Promise<void> {
  const key = pgfidKey(parent);
  if (found.others.includes(key) || found.dict?.has(key) === true) return;
  const b = batch();
  b.setxattr(dir, name, key, ONE_LINK, XATTR_CREATE, IGNORE);
  await disk.run(b, 0, Priority.normal);
  b.release();
}

/**
 * Adds to (or takes from) the count of a file's links in a directory; a count of zero is removed. The caller has the file's
 * inode exclusively. Returns 0 or a negated errno (-ENODATA when there is nothing to take from).
 */
export async function countLink(
  disk: DiskContext,
  dir: number,
  name: string,
  parent: Gfid,
  by: 1 | -1,
): Promise<number> {
  const key = pgfidKey(parent);
  const b = batch();
  const at = b.out(8);
  b.getxattr(dir, name, key, at, 4, IGNORE);
  await disk.run(b, 0, Priority.normal);
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
  await disk.run(w, 0, Priority.normal);
  const result = -w.errno;
  w.release();
  if (result < 0) disk.log.warning(0, `modification of parent gfid xattr ${key} failed: ${errnoName(-result)}`);
  return result;
}
