/**
 * Files whose data was archived elsewhere (cloudsync): their clients ask with each fop where the data is. brickd does not
 * keep such files: it refuses rather than to serve what is left of one on the brick.
 */
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { EOPNOTSUPP } from '../../../native/errno.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';

const STATUS = 'trusted.glusterfs.cs.status';
const REPAIR = 'trusted.glusterfs.cs.repair';
const UPLOADED = 'trusted.glusterfs.csou.complete';

const told = new WeakSet<BrickDir>();

/** EOPNOTSUPP for a fop of a cloudsync client, by its xdata (or the xattrs that it sets). */
export function refuseCloud(store: BrickDir, xdata: Dict | null): void {
  if (xdata === null || !(xdata.has(STATUS) || xdata.has(REPAIR) || xdata.has(UPLOADED))) return;
  if (!told.has(store)) {
    told.add(store);
    store.log.error(0, `${store.path}: features.cloudsync is not supported: its clients' fops are refused`);
  }
  throw failure(EOPNOTSUPP);
}
