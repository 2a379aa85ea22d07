/** Locks as sections of a statedump, one for each inode, in Gluster's words. */
import type { Client } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import type { DumpSection } from '../../../../mux/xlator/translator.js';
import type { InodeLocks } from './inode-locks.js';
import type { InternalLock } from './internal/internal-lock.js';
import type { EntryLock, InodeLock } from './internal/internal-locks.js';
import { entryLine, type LockRecord, rangeLine } from './lock-text.js';
import { flockOf, type HeldRange, type Range } from './posix/posix-lock.js';
import type { PosixLocks } from './posix/posix-locks.js';

/** Who has or wants a lock. */
interface LockOwner {
  readonly owner: string;
  readonly client: Client;
}

const state = (active: boolean): string => (active ? 'ACTIVE' : 'BLOCKED');

const record = (lock: InternalLock): LockRecord => ({
  pid: lock.pid,
  owner: lock.owner,
  clientId: lock.client.id,
  connectionId: lock.connectionId,
  grantedAt: lock.grantedAt,
  blockedAt: lock.blockedAt,
});

function posixLine(i: number, range: Range, { owner, client }: LockOwner, active: boolean): string {
  const line = rangeLine(
    flockOf(range, owner),
    { ...range, owner, clientId: client.id, connectionId: range.clientUid },
    active,
  );
  return `posixlk.posixlk[${i}](${state(active)})=${line}`;
}

/** Locks that a statedump reports: all of a file while there is room, so that a million of them do not keep the brick busy. */
export const MOST_LINES = 20_000;
const MOST_SECTIONS = 5000;

/** Counts the lines that are left to write. */
class Room {
  left = MOST_LINES;
  #omitted = 0;

  /** Adds the lines that there is room for of so many; the others are counted. */
  add<T>(lines: string[], of: Iterable<T>, count: number, line: (item: T, i: number) => string): void {
    const most = Math.min(count, this.left);
    this.left -= most;
    this.#omitted += count - most;
    let i = 0;
    for (const item of of) {
      if (i >= most) break;
      lines.push(line(item, i++));
    }
  }

  takeOmitted(): number {
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }
}

/** A section for each inode that has locks; the last one says what was left out. */
export function dumpAll(translator: string, busy: ReadonlySet<InodeLocks>): DumpSection[] {
  const sections: DumpSection[] = [];
  const room = new Room();
  for (const locks of busy) {
    if (room.left === 0 || sections.length >= MOST_SECTIONS) break;
    sections.push(dumpLocks(translator, locks, room));
  }
  const omitted = busy.size - sections.length;
  if (omitted > 0) {
    sections.push({ title: `xlator.features.locks.${translator}`, lines: [`inodes-with-locks-left-out=${omitted}`] });
  }
  return sections;
}

function dumpLocks(translator: string, locks: InodeLocks, room: Room): DumpSection {
  const lines = [`path=${pathOf(locks.inode)}`, 'mandatory=0'];
  const domains = locks.domains?.all() ?? [];
  const entries = locks.domains?.entryCount() ?? 0;
  if (entries > 0) {
    lines.push(`entrylk-count=${entries}`);
    for (const { name, entry } of domains) {
      if (room.left > 0) lines.push(`lock-dump.domain.domain=${name}`);
      const { length } = entry.granted;
      const line = (lock: EntryLock, i: number, active: boolean): string => {
        const key = `xlator.feature.locks.lock-dump.domain.entrylk.entrylk[${i}](${state(active)})`;
        return `${key}=${entryLine(lock.type, lock.name, record(lock), active)}`;
      };
      room.add(lines, entry.granted, length, (lock, i) => line(lock, i, true));
      room.add(lines, entry.waiting, entry.waiting.length, (lock, i) => line(lock, length + i, false));
    }
  }
  const inodes = locks.domains?.inodeCount(null) ?? 0;
  if (inodes > 0) {
    lines.push(`inodelk-count=${inodes}`);
    for (const { name, inode } of domains) {
      if (room.left > 0) lines.push(`lock-dump.domain.domain=${name}`);
      const { length } = inode.granted;
      const line = (lock: InodeLock, i: number, active: boolean): string =>
        `inodelk.inodelk[${i}](${state(active)})=${rangeLine(lock.flock, record(lock), active)}`;
      room.add(lines, inode.granted, length, (lock, i) => line(lock, i, true));
      room.add(lines, inode.waiting, inode.waiting.length, (lock, i) => line(lock, length + i, false));
    }
  }
  const { posix } = locks;
  if (posix !== null && posix.count > 0) {
    lines.push(`posixlk-count=${posix.count}`);
    const { heldCount } = posix;
    room.add(lines, heldRanges(posix), heldCount, (range, i) => posixLine(i, range, range.holder, true));
    room.add(lines, posix.waiting, posix.waiting.length, (waiting, i) =>
      posixLine(heldCount + i, waiting.range, waiting, false),
    );
  }
  const omitted = room.takeOmitted();
  if (omitted > 0) lines.push(`locks-left-out=${omitted}`);
  lines.push(`removes_pending=${locks.removals.running + locks.removals.waiting}`);
  return { title: `xlator.features.locks.${translator}.inode`, lines, inode: locks.inode };
}

function* heldRanges(posix: PosixLocks): Iterable<HeldRange> {
  for (const holder of posix.holders.values()) yield* holder.ranges;
}
