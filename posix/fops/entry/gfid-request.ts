/** The gfid that a client wants a new file to have: `gfid-req` of a request's xdata. */
import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { type Gfid, isNullGfid } from '../../../mux/xlator/gfid.js';
import { GFID_REQ, INTERNAL_CTX } from '../../../mux/xlator/xdata-keys.js';
import { EINVAL } from '../../../native/errno.js';

/** The 16 bytes of `gfid-req`, or null when the request has none of that size. */
export function gfidRequest(xdata: Dict | null): Gfid | null {
  const value = xdata?.get(GFID_REQ)?.value;
  return value instanceof Uint8Array && value.length === 16 ? value : null;
}

/** The gfid of a file to be made. EINVAL without one. */
export function requiredGfid(xdata: Dict | null): Gfid {
  const gfid = gfidRequest(xdata);
  if (gfid === null || isNullGfid(gfid)) throw failure(EINVAL);
  return gfid;
}

/**
 * Whether replication, dispersal or distribution make an entry anew that other bricks have: they do it as root, with a pid
 * of their own or a mark.
 */
export function isHeal(call: Call, xdata: Dict | null): boolean {
  return call.uid === 0 && (call.pid < 0 || xdata?.has(INTERNAL_CTX) === true);
}
