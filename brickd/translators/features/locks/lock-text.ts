/** Text forms of locks as Gluster has them: owners, times, statedump lines. */
import type { Flock } from '../../../../mux/xlator/fops.js';

/** F_RDLCK, F_WRLCK, F_UNLCK as they are on the wire; EOL ends the list of an fd's locks. */
export const LockType = { read: 0, write: 1, unlock: 2, endOfList: 3 } as const;

/** Highest offset of a file: where a lock of length 0 ends. */
export const LLONG_MAX = 0x7fffffffffffffffn;

/** An owner's bytes in hexadecimal, a dash after every eighth. */
export function ownerText(owner: string): string {
  let text = '';
  for (let i = 0; i < owner.length; i++) {
    if (i > 0 && i % 8 === 0) text += '-';
    text += owner.charCodeAt(i).toString(16).padStart(2, '0');
  }
  return text;
}

/** No owner at all, or one of zero bytes only. */
export function isNullOwner(owner: string): boolean {
  for (let i = 0; i < owner.length; i++) if (owner.charCodeAt(i) !== 0) return false;
  return true;
}

/** Seconds since the epoch. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** A time as statedumps have it: 2020-01-31 12:00:00 +0000. */
function timeText(seconds: number): string {
  if (seconds === 0) return 'N/A';
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000`;
}

export function typeText(type: number): string {
  if (type === LockType.read) return 'READ';
  if (type === LockType.write) return 'WRITE';
  return type === LockType.unlock ? 'UNLOCK' : 'UNKNOWN';
}

/** Who holds or wants a lock, and since when: seconds since the epoch, 0 for never. */
export interface LockRecord {
  pid: number;
  owner: string;
  clientId: number;
  connectionId: string;
  grantedAt: number;
  blockedAt: number;
}

function tail(r: LockRecord, active: boolean): string {
  const pid = BigInt.asUintN(64, BigInt(r.pid));
  let text = `pid = ${pid}, owner=${ownerText(r.owner)}, client=0x${r.clientId.toString(16)}, connection-id=${r.connectionId}`;
  if (!active || r.blockedAt !== 0) text += `, blocked at ${timeText(r.blockedAt)}`;
  if (active) text += `, granted at ${timeText(r.grantedAt)}`;
  return text;
}

export function rangeLine(flock: Flock, r: LockRecord, active: boolean): string {
  const { type, whence, start, len } = flock;
  return `type=${typeText(type)}, whence=${whence}, start=${start}, len=${len}, ${tail(r, active)}`;
}

export function entryLine(type: number, name: string, r: LockRecord, active: boolean): string {
  const kind = type === 0 ? 'ENTRYLK_RDLCK' : 'ENTRYLK_WRLCK';
  return `type=${kind} on basename=${name === '' ? '(null)' : name}, ${tail(r, active)}`;
}
