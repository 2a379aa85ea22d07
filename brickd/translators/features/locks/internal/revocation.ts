/** Revokes inode and entry locks that others wait for, by age or by the number of waiters. */

import { now } from '../lock-text.js';
import type { InternalLock } from './internal-lock.js';
import type { LockList } from './lock-list.js';

/** When locks are taken away. */
export interface Revocation {
  /** Age of the lock. */
  seconds: number;
  /** Requests waiting; 0: however many. */
  maxBlocked: number;
  /** Waiting requests are refused along with it. */
  all: boolean;
  /** For tests: unlocks go astray now and then. */
  loseUnlocks: boolean;
}

/** What was taken away, and why. */
export interface Revoked {
  reason: 'age' | 'max blocked';
  ageSec: number;
  granted: number;
  blocked: number;
}

/** Revokes the locks of a list if a request meets them and the rules say so. Null: nothing was revoked. Grants nothing yet. */
export function revoke<L extends InternalLock & Q, Q>(
  list: LockList<L, Q>,
  request: L,
  rules: Revocation,
): Revoked | null {
  const overdue = overdueFor(list, request, rules);
  if (overdue === null) return null;
  const blocked = rules.all ? list.refuse(() => true) : 0;
  const granted = list.drop(() => true);
  return { ...overdue, granted, blocked };
}

/** A lock in the request's way is older than that, or as many requests wait. */
function overdueFor<L extends InternalLock & Q, Q>(
  list: LockList<L, Q>,
  request: L,
  { seconds, maxBlocked }: Revocation,
): Pick<Revoked, 'reason' | 'ageSec'> | null {
  if (list.granted.length === 0) return null;
  const time = now();
  let ageSec = 0;
  const old = list.findHeld(request, (held) => {
    if (!held.conflicts(request)) return false;
    ageSec = time - held.grantedAt;
    return ageSec > seconds;
  });
  if (old !== undefined) return { reason: 'age', ageSec };
  if (maxBlocked === 0 || list.waiting.length < maxBlocked) return null;
  return { reason: 'max blocked', ageSec };
}
