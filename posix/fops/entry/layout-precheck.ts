/**
 * A check before creation that clients of distributed volumes ask for: an xattr of the directory (its layout) must have
 * the value that the client expects. The request names the xattr and carries the expected value under that name.
 */

import { type Dict, valueBytes } from '../../../mux/xlator/dict.js';
import { PREOP_PARENT } from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EIO, ERANGE } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { runOnOpen } from '../../disk/run-cached.js';

const ROOM = 65536;

/**
 * 0 when the directory is as expected or nothing is asked; EIO when its xattr differs; else the errno of reading it. Takes
 * the keys of the check out of the request. The directory's inode is in memory: as a rule reading its xattr does not wait.
 */
export async function preopFails(store: BrickDir, dir: number, xdata: Dict): Promise<number> {
  const name = xdata.text(PREOP_PARENT);
  if (name === undefined) return 0;
  xdata.delete(PREOP_PARENT);
  const value = xdata.get(name);
  if (value === undefined) return 0;
  xdata.delete(name);
  const expected = valueBytes(value) ?? new Uint8Array(0);
  const into = region(ROOM);
  const b = batch();
  b.getxattr(dir, null, name, into.address, ROOM, IGNORE);
  const running = runOnOpen(store, b, Priority.high);
  if (running !== null) await running;
  const r = b.result(0);
  b.release();
  const same = r === expected.length && Buffer.compare(into.bytes.subarray(0, r), expected) === 0;
  into.release();
  if (r < 0 && r !== -ERANGE) return -r;
  return same ? 0 : EIO;
}
