/**
 * FopError: how a fop fails, by throwing it or rejecting with it. It is not an Error: capturing a stack costs more than
 * a whole cached lookup, and ENOENT is an everyday answer.
 */
import { EIO } from '../../native/errno.js';
import type { Dict } from './dict.js';
import type { Iatt } from './iatt.js';

export class FopError {
  /** Linux errno, as it goes on the wire. */
  readonly errno: number;
  /** What a failing reply carries besides its errno. */
  readonly xdata: Dict | null;
  /** A failed lookup still reports the parent's attributes. */
  readonly postparent: Iatt | null;

  constructor(errno: number, xdata: Dict | null = null, postparent: Iatt | null = null) {
    this.errno = errno;
    this.xdata = xdata;
    this.postparent = postparent;
  }
}

const plain: FopError[] = [];

/** The shared failure for an errno without details. Accepts a negated errno as native calls return it. */
export function failure(errno: number): FopError {
  const n = errno < 0 ? -errno : errno;
  return (plain[n] ??= new FopError(n));
}

/** errno of anything thrown: a FopError's own, else EIO. */
export function errnoOf(thrown: unknown): number {
  if (thrown instanceof FopError) return thrown.errno;
  return EIO;
}

/** The failure of a fop that was caught. Throws on whatever else was: only a failure may be turned into another answer. */
export function fopErrorOf(thrown: unknown): FopError {
  if (thrown instanceof FopError) return thrown;
  throw thrown;
}

/** For `catch` of a promise: a fop's failure is no value, anything else is thrown on. */
export function nullOnFailure(thrown: unknown): null {
  fopErrorOf(thrown);
  return null;
}
