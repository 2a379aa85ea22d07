/** Locks of an inode as a section of a statedump, in Gluster's words. */

import { pathOf } from '../../../../posix/contract/known-path.js';
import type { DumpSection } from '../../../../posix/contract/translator.js';
import type { InodeLocks } from './inode-locks.js';
import type { InternalLock } from './lock-list.js';
import { entryLine, type LockRecord, rangeLine } from './lock-text.js';
import { flockOf, type Holder, type Range } from './posix-locks.js';

const state = (active: boolean): string => (active ? 'ACTIVE' : 'BLOCKED');

const record = (lock: InternalLock): LockRecord => ({
  pid: lock.pid,
  owner: lock.owner,
  clientId: lock.client.id,
  connectionId: lock.connectionId,
  grantedAt: lock.grantedAt,
  blockedAt: lock.blockedAt,
});

function posixLine(i: number, range: Range, holder: Holder, active: boolean): string {
  const { owner, client } = holder;
  const line = rangeLine(
    flockOf(range, owner),
    { ...range, owner, clientId: client.id, connectionId: range.clientUid },
    active,
  );
  return `posixlk.posixlk[${i}](${state(active)})=${line}`;
}

export function dumpLocks(translator: string, locks: InodeLocks): DumpSection {
  const lines = [`path=${pathOf(locks.inode)}`, 'mandatory=0'];
  const domains = locks.domains === null ? [] : [...locks.domains.values()];
  const entries = locks.entryCount();
  if (entries > 0) {
    lines.push(`entrylk-count=${entries}`);
    for (const domain of domains) {
      lines.push(`lock-dump.domain.domain=${domain.name}`);
      const { granted, waiting } = domain.entry;
      for (const [i, lock] of [...granted, ...waiting].entries()) {
        const active = i < granted.length;
        const key = `xlator.feature.locks.lock-dump.domain.entrylk.entrylk[${i}](${state(active)})`;
        lines.push(`${key}=${entryLine(lock.type, lock.name, record(lock), active)}`);
      }
    }
  }
  const inodes = locks.inodeCount(null);
  if (inodes > 0) {
    lines.push(`inodelk-count=${inodes}`);
    for (const domain of domains) {
      lines.push(`lock-dump.domain.domain=${domain.name}`);
      const { granted, waiting } = domain.inode;
      for (const [i, lock] of [...granted, ...waiting].entries()) {
        const active = i < granted.length;
        lines.push(`inodelk.inodelk[${i}](${state(active)})=${rangeLine(lock.flock, record(lock), active)}`);
      }
    }
  }
  const { posix } = locks;
  if (posix !== null && posix.count > 0) {
    lines.push(`posixlk-count=${posix.count}`);
    let i = 0;
    for (const holder of posix.holders.values()) {
      for (const range of holder.ranges) lines.push(posixLine(i++, range, holder, true));
    }
    for (const { range, holder } of posix.waiting) lines.push(posixLine(i++, range, holder, false));
  }
  lines.push(`removes_pending=${locks.removing + locks.removalsWaiting}`);
  return { title: `xlator.features.locks.${translator}.inode`, lines, inode: locks.inode };
}
