/** Refuses data fops on devices, and on files whose data was archived elsewhere (cloudsync). */
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EINVAL, EOPNOTSUPP } from '../../../native/errno.js';
import { S_IFBLK, S_IFCHR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';

/** EINVAL for block and character devices: their data is the client machine's, not the brick's. */
export function refuseDevice(inode: Inode): void {
  if (inode.type === S_IFBLK || inode.type === S_IFCHR) throw failure(EINVAL);
}

/** Asked for by clients of cloudsync with each fop: where the data is. */
const STATUS = 'trusted.glusterfs.cs.status';
const REPAIR = 'trusted.glusterfs.cs.repair';
const UPLOADED = 'trusted.glusterfs.csou.complete';

const told = new WeakSet<BrickDir>();

/**
 * EOPNOTSUPP for a fop of a cloudsync client, by its xdata (or the xattrs that it sets): brickd keeps no archived files, and refuses rather
 * than to serve what is left of one on the brick.
 */
export function refuseCloud(store: BrickDir, xdata: Dict | null): void {
  if (xdata === null || !(xdata.has(STATUS) || xdata.has(REPAIR) || xdata.has(UPLOADED))) return;
  if (!told.has(store)) {
    told.add(store);
    store.log.error(0, `${store.path}: features.cloudsync is not supported: its clients' fops are refused`);
  }
  throw failure(EOPNOTSUPP);
}
