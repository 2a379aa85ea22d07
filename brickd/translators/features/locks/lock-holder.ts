/** Who is in the way of a lock request, in words: for fops that wait long. */
import type { Call } from '../../../../mux/xlator/call.js';
import type { Client } from '../../../../mux/xlator/inode.js';
import type { InternalLock } from './internal/internal-lock.js';
import { ownerText } from './lock-text.js';
import type { HeldRange } from './posix/posix-lock.js';

/** Requests that are gone through from one to the one ahead of it. */
const MOST_AHEAD = 1000;

const holderText = ({ processName, uid, peer }: Client, pid: number, owner: string): string =>
  `client ${processName === '' ? uid : processName} (${peer}), pid ${pid}, owner ${ownerText(owner)}`;

/** A range that is held. */
export const rangeHolder = ({ holder, pid }: HeldRange): string => holderText(holder.client, pid, holder.owner);

/** The promise of a grant, as what the call waits for. */
export function awaitLock(call: Call, request: InternalLock, granted: Promise<null>): Promise<null> {
  // When it is granted nothing is in its way any more.
  const first = request.blocker;
  const holder = (): string => (request.blocker === null ? lockHolder(first) : internalHolder(request.blocker));
  return call.awaits('lock', holder, granted);
}

const lockHolder = (lock: InternalLock | null): string =>
  lock === null ? 'a removal of the file' : holderText(lock.client, lock.pid, lock.owner);

/** Who holds what the first of those ahead waits for. */
function internalHolder(blocker: InternalLock): string {
  let ahead = 0;
  let at = blocker;
  while (at.state === 'waiting' && at.blocker !== null && ahead < MOST_AHEAD) {
    at = at.blocker;
    ahead++;
  }
  return ahead === 0 ? lockHolder(at) : `${lockHolder(at)}, with ${ahead} before it`;
}
