/**
 * Errors about a brick as a whole, or about a request to it: one stable code per condition, for logs, tests and other
 * programs. A fop that fails throws a FopError instead.
 */
import type { ByteString } from '../../native/bytes.js';
import { EAGAIN, EBUSY, EEXIST, EINVAL, EIO, ENOENT, ETIMEDOUT } from '../../native/errno.js';

/** Every code, with the errno that glusterd knows the condition by and the usual text. */
export const BRICK_ERRORS = {
  BRICK_NOT_SERVED: { errno: ENOENT, text: 'the brick is not being served' },
  BRICK_ALREADY_SERVED: { errno: EEXIST, text: 'the brick is already being served' },
  /** Its volfile or its directory does not let it start. */
  BRICK_NOT_STARTED: { errno: EINVAL, text: 'the brick cannot be started' },
  /** The brick serves on with the options that it has. */
  BRICK_NOT_RECONFIGURED: { errno: EINVAL, text: 'the options of the brick cannot be changed' },
  /** An earlier request for the brick is still in progress. */
  BRICK_BUSY: { errno: EBUSY, text: 'an earlier request for the brick is not done' },
  BRICK_START_TIMEOUT: { errno: ETIMEDOUT, text: 'the brick did not start in time' },
  /** While the worker started the brick, the second time. */
  WORKER_FAILED_AT_START: { errno: EIO, text: 'its worker failed while the brick started' },
  /** The supervisor starts the brick again: the request may be repeated. */
  WORKER_LOST: { errno: EAGAIN, text: 'the worker of the brick has failed and is being replaced' },
  STATUS_UNKNOWN: { errno: EINVAL, text: 'Unknown status op' },
  PROFILE_UNAVAILABLE: { errno: EINVAL, text: 'xlator-type debug/io-stats is not loaded' },
  THROUGHPUT_NOT_MEASURED: { errno: EIO, text: 'throughput not measured' },
  /** There is no barrier, or it is up, or down, already. */
  BARRIER_REFUSED: { errno: EINVAL, text: 'Failed to reconfigure barrier.' },
} as const;

export type BrickErrorCode = keyof typeof BRICK_ERRORS;

/** A BrickError on its way between threads: a structured clone of an Error loses all but its text. */
export interface BrickErrorRecord {
  code: BrickErrorCode;
  brick: ByteString;
  errno: number;
  message: string;
}

export interface BrickErrorDetails {
  /** Instead of the usual text of the code. Fit for the log and for glusterd. */
  message?: string;
  /** Instead of the errno of the code. */
  errno?: number;
  cause?: unknown;
}

export class BrickError extends Error {
  override readonly name = 'BrickError';
  readonly code: BrickErrorCode;
  readonly brick: ByteString;
  readonly errno: number;

  constructor(code: BrickErrorCode, brick: ByteString, { message, errno, cause }: BrickErrorDetails = {}) {
    super(message ?? BRICK_ERRORS[code].text, cause === undefined ? undefined : { cause });
    this.code = code;
    this.brick = brick;
    this.errno = errno ?? BRICK_ERRORS[code].errno;
  }

  toJSON(): BrickErrorRecord {
    const { code, brick, errno, message } = this;
    return { code, brick, errno, message };
  }

  /** The error again from its record; anything else as it is. */
  static revive(thrown: unknown): unknown {
    return isRecord(thrown) ? new BrickError(thrown.code, thrown.brick, thrown) : thrown;
  }
}

function isRecord(thrown: unknown): thrown is BrickErrorRecord {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return false;
  const { code } = thrown as Partial<BrickErrorRecord>;
  return code !== undefined && Object.hasOwn(BRICK_ERRORS, code);
}
