/**
 * `trusted.pgfid.<parent gfid>`: how many links a file has in a directory, as big-endian u32. Kept where quota or trash need
 * the way from a file to its parents (option update-link-count-parent).
 */
import { type Gfid, gfidText } from '../../../mux/xlator/gfid.js';
import { PGFID_PREFIX } from './xattr-keys.js';

export function pgfidKey(parent: Gfid): string {
  return PGFID_PREFIX + gfidText(parent);
}

/** The count of a file with one link. */
export const ONE_LINK = Uint8Array.of(0, 0, 0, 1);
