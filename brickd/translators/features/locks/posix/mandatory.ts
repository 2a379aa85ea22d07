/**
 * Mandatory locking: I/O of one owner that meets a lock of another one waits for it, or fails with EAGAIN when it must not
 * wait. `forced` means every lock of the volume, `optimal` only those that were asked for as mandatory ones.
 */

import type { Client } from '../../../../../mux/xlator/inode.js';
import { LockType } from '../lock-text.js';
import type { PosixLocks } from './posix-locks.js';

export type MandatoryMode = 'off' | 'forced' | 'optimal';

/** What the word of the option means. `file` goes by a mark of files that nothing ever sets, as in glusterfsd: off. */
export function mandatoryMode(word: string): MandatoryMode {
  return word === 'forced' || word === 'optimal' ? word : 'off';
}

/** GF_LK_MANDATORY of `glusterfs.lk.lkmode`. */
const MANDATORY = 1;

/** A piece of I/O, [start, end] inclusive. */
export interface IoRegion {
  client: Client;
  owner: string;
  start: bigint;
  end: bigint;
  /** It does not conflict with read locks. */
  reads: boolean;
  /** Data is written, not only cut off. */
  writes: boolean;
}

/** No lock of somebody else is in the way. client: null for I/O that any lock is in the way of. */
export function ioAllowed(
  posix: PosixLocks,
  io: Omit<IoRegion, 'client'> & { client: Client | null },
  optimal: boolean,
): boolean {
  const type = io.reads ? LockType.read : LockType.write;
  const inTheWay = posix.find({ type, start: io.start, end: io.end }, (held) => {
    if (held.end < io.start || held.start > io.end) return false;
    if (held.holder.client === io.client && held.holder.owner === io.owner) return false;
    return !optimal || (held.mode & MANDATORY) !== 0;
  });
  return inTheWay === undefined;
}

/** With enforced locking: a single lock of the caller covers the range. */
export function ioCovered(posix: PosixLocks, io: IoRegion): boolean {
  const { ranges } = posix.holder(io.client, io.owner);
  return ranges.some((range) => range.start <= io.start && range.end >= io.end);
}
