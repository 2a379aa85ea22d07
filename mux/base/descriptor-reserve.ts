/**
 * Keeps file descriptors in reserve. New connections must leave the whole reserve, so that connected clients come
 * first; files that clients open must leave half of it; the rest is for lookups and anonymous fds. Caches shrink when
 * it is reached.
 */
import { addon } from '../../native/addon.js';

const RESERVED_SHARE = 1 / 8;
const MAX_RESERVED = 16_384;

/** The reserve under a limit of so many. */
export function reservedDescriptors(limit: number): number {
  return Math.min(Math.ceil(limit * RESERVED_SHARE), MAX_RESERVED);
}

/** Descriptors that the process can still open. Below 0 when its limit was lowered beneath what it has. */
function freeDescriptors(limit: number): number {
  return limit - addon.descriptorsInUse();
}

/** Only what is for lookups is left. */
export function descriptorsScarce(): boolean {
  const limit = addon.fileLimit();
  return freeDescriptors(limit) <= reservedDescriptors(limit) / 2;
}

/** Why no connection should be accepted just now; null: there is room. */
export function descriptorShortage(): string | null {
  const limit = addon.fileLimit();
  if (freeDescriptors(limit) > reservedDescriptors(limit)) return null;
  return `${addon.descriptorsInUse()} of ${limit} descriptors are in use, the rest is kept for clients that are connected`;
}
