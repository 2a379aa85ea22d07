/** Lease ids: 16 bytes by which an application (one client of an NFS server, say) is known, whichever connection it comes by. */
import type { Dict } from '../../../../mux/xlator/dict.js';
import { latin1OfArray } from '../../../../native/bytes.js';

/** Bytes of a lease id as a byte string. */
export type LeaseId = string;

export const LEASE_ID_BYTES = 16;
/** Where a request's xdata has it. */
const LEASE_ID = 'lease-id';
const NO_ID = '\0'.repeat(LEASE_ID_BYTES);

/** Null for an id of zeroes only, which means none. */
export function leaseIdOf(bytes: Uint8Array): LeaseId | null {
  const id = latin1OfArray(bytes.subarray(0, LEASE_ID_BYTES)).padEnd(LEASE_ID_BYTES, '\0');
  return id === NO_ID ? null : id;
}

/** The lease id that a request comes with, if any. */
export function requestedLeaseId(xdata: Dict | null): LeaseId | null {
  const bytes = xdata?.bytes(LEASE_ID);
  return bytes === undefined ? null : leaseIdOf(bytes);
}
