/**
 * `gluster volume clear-locks`, and interruption of a lock request: both come as a getxattr whose name says which locks
 * are to go: `glusterfs.clrlk.t<inode|entry|posix>.k<blocked|granted|all>[.<range or name>]`, or with `glusterfs.intrlk`.
 */

import type { Flock } from '../../../../mux/xlator/fops.js';
import type { Client } from '../../../../mux/xlator/inode.js';
import { defined } from '../../../../native/assert.js';
import { EINTR } from '../../../../native/errno.js';
import type { InodeLocks } from './inode-locks.js';
import { flockOf, type Range } from './posix/posix-lock.js';

export const CLEAR_PREFIX = 'glusterfs.clrlk';
export const INTERRUPT_PREFIX = 'glusterfs.intrlk';

export interface ClearRequest {
  type: 'inode' | 'entry' | 'posix';
  blocked: boolean;
  granted: boolean;
  /** Range or basename; null: all. */
  which: string | null;
  /** Only requests of the caller itself (client and process). */
  own: boolean;
}

/** Whose own locks {@link ClearRequest.own} means: those of this process of that client, which no other can claim to be. */
export interface ClearCaller {
  readonly client: Client;
  readonly pid: number;
}

export interface Cleared {
  blocked: number;
  granted: number;
}

interface WantedRange {
  whence: number;
  start: bigint;
  len: bigint;
}

/** Null when the name is no valid request. */
export function parseClear(name: string): ClearRequest | null {
  const match = /^glusterfs\.(clrlk|intrlk)\.+t([^.\s]*)\.+k([^.\s]*)(?:\.([^/\s]+))?/.exec(name);
  if (match === null) return null;
  const [, command, type, kind, which] = match;
  if (type !== 'inode' && type !== 'entry' && type !== 'posix') return null;
  if (kind !== 'blocked' && kind !== 'granted' && kind !== 'all') return null;
  return {
    type,
    blocked: kind !== 'granted',
    granted: kind !== 'blocked',
    which: which ?? null,
    own: command === 'intrlk' && type === 'posix',
  };
}

const GROUPS = 'a range that matches has three numbers';

/** `whence,start-length`. Undefined when it is none. */
function parseRange(text: string): WantedRange | undefined {
  const match = /^\s*([-+]?\d+),\s*([-+]?\d+)-\s*([-+]?\d+)/.exec(text);
  if (match === null) return undefined;
  return { whence: Number(match[1]), start: BigInt(defined(match[2], GROUPS)), len: BigInt(defined(match[3], GROUPS)) };
}

const isRange = (flock: Flock, r: WantedRange): boolean =>
  flock.whence === r.whence && flock.start === r.start && flock.len === r.len;

/** Clears what a request names. Null when its range can't be read. */
export function clearLocks(locks: InodeLocks | undefined, request: ClearRequest, caller: ClearCaller): Cleared | null {
  let range: WantedRange | null = null;
  if (request.which !== null && request.type !== 'entry') {
    const parsed = parseRange(request.which);
    if (parsed === undefined) return null;
    range = parsed;
  }
  if (locks === undefined) return { blocked: 0, granted: 0 };
  if (request.type === 'posix') return clearPosix(locks, request, range, caller);
  const cleared = { blocked: 0, granted: 0 };
  const { domains } = locks;
  if (domains === null) return cleared;
  for (const domain of domains.all()) {
    if (request.type === 'inode') {
      const wanted = (lock: { flock: Flock }): boolean => range === null || isRange(lock.flock, range);
      if (request.blocked) cleared.blocked += domain.inode.refuse(wanted);
      if (request.granted) cleared.granted += domain.inode.drop(wanted);
      domains.inodeLocksFreed(domain);
    } else {
      const wanted = (lock: { name: string }): boolean => request.which === null || lock.name === request.which;
      if (request.blocked) cleared.blocked += domain.entry.refuse(wanted);
      if (request.granted) cleared.granted += domain.entry.drop(wanted);
      domains.entryLocksFreed(domain);
    }
  }
  return cleared;
}

function clearPosix(
  locks: InodeLocks,
  request: ClearRequest,
  wanted: WantedRange | null,
  caller: ClearCaller,
): Cleared {
  const { posix } = locks;
  const cleared = { blocked: 0, granted: 0 };
  if (posix === null) return cleared;
  const meant = (range: Range): boolean =>
    (wanted === null || isRange(flockOf(range, ''), wanted)) &&
    (!request.own || (range.pid === caller.pid && range.fd?.client === caller.client));
  if (request.blocked) cleared.blocked = posix.refuse((w) => meant(w.range), EINTR);
  if (request.granted) cleared.granted = posix.drop((range) => meant(range));
  posix.grant();
  return cleared;
}
