/** The gfid that a client wants a new file to have: `gfid-req` of a request's xdata. */
import { type Call, ClientPid } from './contract/call.js';
import type { Dict } from './contract/dict.js';
import { EINVAL } from './contract/errno.js';
import { failure } from './contract/error.js';
import { type Gfid, isNullGfid } from './contract/gfid.js';
import { GFID_REQ } from './keys.js';

/** The 16 bytes of `gfid-req`, or null when the request has none of that size. */
export function gfidRequest(xdata: Dict | null): Gfid | null {
  const value = xdata?.get(GFID_REQ)?.value;
  return value instanceof Uint8Array && value.length === 16 ? value : null;
}

/** The gfid of a file to be made. EINVAL without one; only the trash may make files without (null). */
export function requiredGfid(call: Call, xdata: Dict | null): Gfid | null {
  const gfid = gfidRequest(xdata);
  if (gfid !== null && !isNullGfid(gfid)) return gfid;
  if (call.pid === ClientPid.trash) return null;
  throw failure(EINVAL);
}
