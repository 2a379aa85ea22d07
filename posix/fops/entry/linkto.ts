/**
 * Link files of distributed volumes: empty, mode exactly 01000, with an xattr that names the brick that has the file.
 */

import type { Iatt } from '../../../mux/xlator/iatt.js';
import { batch } from '../../../native/batch.js';
import { ENOENT } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { S_IFMT, S_ISVTX } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { LINKTO_KEY } from '../../disk/format/xattr-keys.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import type { ParentDir } from './parent-dir.js';

/** Whether a file has the mode that only link files have. */
function hasLinktoMode(stat: Iatt): boolean {
  return (stat.mode & ~S_IFMT) === S_ISVTX;
}

/** What {@link EntryQuery} is to read for {@link isLinkto}. */
export const LINKTO_WANTS = [LINKTO_KEY];

/** Whether a probed file is a link file. */
export function isLinkto(query: EntryQuery): boolean {
  return hasLinktoMode(query.stat) && query.found.others.includes(LINKTO_KEY);
}

/**
 * Removes what stands in the way of a creation if it is but a link file left behind (`force-replace`). True when the name
 * is free now.
 */
export async function replaceStaleLinkto(store: BrickDir, parentDir: ParentDir, name: string): Promise<boolean> {
  const query = await new EntryQuery(store, parentDir.directory, parentDir.inode, name, new XattrWants(null)).run(
    Priority.high,
  );
  if (query.errno === ENOENT) return true;
  if (query.errno !== 0 || !hasLinktoMode(query.stat)) return false;
  const gfid = query.found.gfid;
  const b = batch();
  const open = query.inode !== null && query.inode.fdCount > 0 ? query.inode : null;
  b.expect(parentDir.fd, name, query.inoHigh, query.inoLow);
  let handle = -1;
  if (gfid !== null && query.links === 2) {
    handle = open !== null ? store.handles.parkOp(b, gfid) : store.handles.removeOp(b, gfid);
  }
  b.unlink(parentDir.fd, name);
  await store.run(b, parentDir.lane, Priority.normal);
  const errno = b.errno;
  const parked = handle >= 0 && b.result(handle) === 0;
  b.release();
  if (parked && open !== null) store.files.parked(open);
  return errno === 0 || errno === ENOENT;
}
