/** Refuses an xattr fop with EPERM and a log line. */
import { failure } from '../../../mux/xlator/fop-error.js';
import { EPERM } from '../../../native/errno.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';

/** Gluster's number for failures with xattrs (P_MSG_XATTR_FAILED). */
const XATTR_FAILED = 113001;

/** Fails with EPERM. The line says nothing of file or key, so that the log counts repetitions: a client can make any number. */
export function refuseXattr(store: BrickDir, what: string): never {
  store.log.warning(XATTR_FAILED, `${what}: not allowed`);
  throw failure(EPERM);
}
