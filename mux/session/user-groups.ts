/**
 * Supplementary groups of users, from the system's user database: a cache for all bricks of a thread, filled by threads
 * of the addon. A slow directory service delays only fops of the users that are being looked up.
 */

import { addon } from '../../native/addon.js';
import { defined } from '../../native/assert.js';
import { EAGAIN, ENOENT, ETIMEDOUT, errnoName } from '../../native/errno.js';
import { loggerFor } from '../base/log.js';

const MAX_CACHED_USERS = 10_000;
/** How long a fop waits for its user's groups, at most. */
const LOOKUP_LIMIT_MS = 10_000;
/** After a failure the user is looked up again, and waited for, no sooner. */
const RETRY_MS = 30_000;
/** How often answers are asked for: at first, and at most, when they take long. */
const FIRST_POLL_MS = 1;
const LONGEST_POLL_MS = 50;

const NO_GROUPS: readonly number[] = Object.freeze([]);

const log = loggerFor('user-groups');

/** Asks for the groups of a user; see takeGroupsOf of the addon. */
export type TakeGroups = (uid: number) => number[] | number;

interface User {
  /** Null: this machine does not know the user. */
  groups: readonly number[] | null;
  foundMs: number;
  failed: boolean;
}

interface Lookup {
  sinceMs: number;
  waiting: (() => void)[];
}

export class UserGroups {
  /** Where groups come from; tests have their own. */
  take: TakeGroups = addon.takeGroupsOf;
  readonly #users = new Map<number, User>();
  readonly #lookups = new Map<number, Lookup>();
  #pollMs = FIRST_POLL_MS;
  #timer: NodeJS.Timeout | null = null;

  /** The cached entry of a user that is not older than this, or undefined: look it up then. */
  known(uid: number, timeoutSec: number): User | undefined {
    const user = this.#users.get(uid);
    if (user === undefined) return undefined;
    const keptMs = user.failed ? RETRY_MS : timeoutSec * 1000;
    return Date.now() - user.foundMs < keptMs ? user : undefined;
  }

  /** The last known groups of a user, however old. */
  last(uid: number): readonly number[] | null {
    return this.#users.get(uid)?.groups ?? null;
  }

  /** Looks a user up, then calls `done`; {@link last} has the result. Callers for the same user share a lookup. */
  lookUp(uid: number, done: () => void): void {
    const under = this.#lookups.get(uid);
    if (under !== undefined) {
      under.waiting.push(done);
      return;
    }
    this.#lookups.set(uid, { sinceMs: Date.now(), waiting: [done] });
    this.#pollMs = FIRST_POLL_MS;
    // The first call begins the lookup: its answer comes later in any case.
    this.#ask(uid, Date.now());
    this.#pollSoon();
  }

  #pollSoon(): void {
    if (this.#timer !== null || this.#lookups.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pollMs = Math.min(this.#pollMs * 2, LONGEST_POLL_MS);
      const now = Date.now();
      for (const uid of [...this.#lookups.keys()]) this.#ask(uid, now);
      this.#pollSoon();
    }, this.#pollMs);
  }

  #ask(uid: number, now: number): void {
    const lookup = defined(this.#lookups.get(uid), 'only users that are looked up are asked for');
    let found = this.take(uid);
    if (found === -EAGAIN) {
      if (now - lookup.sinceMs < LOOKUP_LIMIT_MS) return;
      found = -ETIMEDOUT;
    }
    this.#lookups.delete(uid);
    this.#note(uid, found, now);
    // Not at once: the caller that started the lookup must queue its fop first.
    queueMicrotask(() => {
      for (const done of lookup.waiting) done();
    });
  }

  #note(uid: number, found: readonly number[] | number, now: number): void {
    if (this.#users.size >= MAX_CACHED_USERS) this.#users.clear();
    if (typeof found !== 'number') {
      this.#users.set(uid, { groups: found, foundMs: now, failed: false });
    } else if (found === -ENOENT) {
      this.#users.set(uid, { groups: null, foundMs: now, failed: false });
    } else {
      // Without an answer glusterfsd uses no groups at all: server.manage-gids means not to trust the client's list.
      const before = this.last(uid);
      this.#users.set(uid, { groups: before ?? NO_GROUPS, foundMs: now, failed: true });
      const instead = before === null ? 'no groups' : 'those found before';
      const cause = found === -ETIMEDOUT ? `no answer within ${LOOKUP_LIMIT_MS / 1000} s` : errnoName(-found);
      const text = `cannot look up the groups of user ${uid} (server.manage-gids): ${cause}`;
      log.error(0, `${text}; using ${instead}. Check the user database (nsswitch.conf) of this server`);
    }
  }
}

/** Of this thread. */
export const userGroups = new UserGroups();
