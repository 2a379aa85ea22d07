/** Who may have how many of the process's descriptors open: one client, the clients of one brick, all of them together. */
import { addon } from '../../native/addon.js';
import { EMFILE } from '../../native/errno.js';
import { descriptorsScarce, freeDescriptors, reservedDescriptors } from '../base/descriptor-reserve.js';
import type { Session } from '../session/session.js';
import { failure } from '../xlator/fop-error.js';

/** Shares of what all clients together may have open. */
const CLIENT_SHARE = 1 / 2;
const BRICK_SHARE = 3 / 4;

/** Lets a client open one more file or directory, or throws EMFILE. */
export function admitOpen(s: Session): void {
  const limit = addon.fileLimit();
  const usable = limit - reservedDescriptors(limit);
  if (s.client.openFds >= usable * CLIENT_SHARE) refuse(s, limit, `it has ${s.client.openFds} open`);
  if (s.brick.openFds >= usable * BRICK_SHARE) refuse(s, limit, `clients of the brick have ${s.brick.openFds} open`);
  if (descriptorsScarce()) refuse(s, limit, `the process has ${addon.descriptorsInUse()} in use`);
}

function refuse({ brick, client }: Session, limit: number, cause: string): never {
  const text = `${brick.name}: client ${client.uid} may open nothing more for now: ${cause}`;
  brick.log.warning(0, `${text}, of ${limit} descriptors that the process may have`);
  throw failure(EMFILE);
}

/** Why no connection should be accepted just now; null: there is room. */
export function descriptorShortage(): string | null {
  const limit = addon.fileLimit();
  if (freeDescriptors(limit) > reservedDescriptors(limit)) return null;
  return `${addon.descriptorsInUse()} of ${limit} descriptors are in use, the rest is kept for clients that are connected`;
}
