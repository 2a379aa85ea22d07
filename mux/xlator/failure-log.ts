/**
 * Decides which failures of fops get a log line. Failures that the client caused (no permission, no such file, bad
 * arguments) are everyday answers: statistics count them, and a line for each would let any client fill the log.
 * Failures of the server get a line; a condition that makes fop after fop fail, such as a full disk, gets one while it
 * lasts.
 */
import * as errno from '../../native/errno.js';

const CLIENTS_DOING: ReadonlySet<number> = new Set([
  errno.EPERM,
  errno.ENOENT,
  errno.EINTR,
  errno.ENXIO,
  errno.E2BIG,
  errno.EBADF,
  errno.EAGAIN,
  errno.EACCES,
  errno.EBUSY,
  errno.EEXIST,
  errno.EXDEV,
  errno.ENOTDIR,
  errno.EISDIR,
  errno.EINVAL,
  errno.ETXTBSY,
  errno.EFBIG,
  errno.EMLINK,
  errno.ERANGE,
  errno.EDEADLK,
  errno.ENAMETOOLONG,
  errno.ENOLCK,
  errno.ENOSYS,
  errno.ENOTEMPTY,
  errno.ELOOP,
  errno.ENODATA,
  errno.EOVERFLOW,
  errno.EOPNOTSUPP,
  errno.ENOTCONN,
  errno.ESTALE,
  errno.EREMOTE,
]);

const LASTING: readonly number[] = [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE];
/** A lasting condition is over when no fop has failed of it for so long. */
const EPISODE_MS = 60_000;

export class FailureLog {
  /** When a fop failed last of each of {@link LASTING}. */
  readonly #last = LASTING.map(() => Number.NEGATIVE_INFINITY);

  /** Whether this failure deserves a line above debug level. now: a clock in milliseconds. */
  deservesLine(error: number, now: () => number = Date.now): boolean {
    if (CLIENTS_DOING.has(error)) return false;
    const kind = LASTING.indexOf(error);
    if (kind < 0) return true;
    const at = now();
    const first = at - (this.#last[kind] ?? Number.NEGATIVE_INFINITY) > EPISODE_MS;
    this.#last[kind] = at;
    return first;
  }
}
