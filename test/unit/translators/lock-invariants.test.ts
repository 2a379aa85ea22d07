import t from 'tap';
import type { InternalLock } from '../../../brickd/translators/features/locks/internal/internal-lock.js';
import { EntryLock } from '../../../brickd/translators/features/locks/internal/internal-locks.js';
import { LockList } from '../../../brickd/translators/features/locks/internal/lock-list.js';
import { LockOwners } from '../../../brickd/translators/features/locks/internal/lock-owners.js';
import { InodeRemovals } from '../../../brickd/translators/features/locks/internal/removals.js';
import { type LockName, NameIndex, removeOrdered } from '../../../brickd/translators/features/locks/lock-index.js';
import { LockUsers } from '../../../brickd/translators/features/locks/lock-users.js';
import { FileMove } from '../../../brickd/translators/features/locks/posix/file-move.js';
import { MandatoryIo } from '../../../brickd/translators/features/locks/posix/mandatory-io.js';
import { ReserveLocks } from '../../../brickd/translators/features/locks/posix/reserve-locks.js';
import { EINVAL } from '../../../native/errno.js';
import { errnoOfAttempt, FakeBrick, FakeClient } from './harness.js';

const FAILED = /assertion failed/;
const client = new FakeClient();
const users = () => new LockUsers<unknown>(new FakeBrick().inode(), 0, {}, new Set());
const lock = (owner: string, name = 'n') => new EntryLock(client, owner, 1, 'c', name, 0);

t.test('a lock is in the lists that it was put in, once', async (t) => {
  const [a, b] = [lock('a'), lock('b')];
  const index = new NameIndex<EntryLock>();
  index.add(a);
  t.throws(() => index.remove(b), FAILED, 'never added');
  index.remove(a);
  t.throws(() => index.remove(a), FAILED, 'removed already');
  t.throws(() => removeOrdered([a], b), FAILED);
  const owners = new LockOwners<InternalLock>();
  owners.addGranted(a);
  t.throws(() => owners.removeWaiting(a), FAILED, 'granted, and does not wait');
});

t.test('a request that has been granted is not asked for again', async (t) => {
  const host = { mayGrant: () => true, contended() {} };
  const list = new LockList<EntryLock, LockName>(users(), host, () => new NameIndex<EntryLock>());
  const a = lock('a');
  t.equal(list.lock(a, false), null);
  t.throws(() => list.lock(a, false), FAILED);
});

t.test('what uses the locks of an inode is counted', async (t) => {
  const inode = new FakeBrick().inode();
  const all = new Set<string>();
  const counted = new LockUsers(inode, 0, 'x', all);
  counted.add(client, 2);
  t.equal(inode.refs, 1);
  t.throws(() => counted.remove(client, 3), FAILED);
  counted.remove(client, 2);
  t.equal(inode.refs, 0);
  t.throws(() => counted.remove(client), FAILED);
});

t.test('removals, moves, reservations and I/O end once', async (t) => {
  const removals = new InodeRemovals();
  removals.started();
  t.equal(removals.ended(), true);
  t.throws(() => removals.ended(), FAILED);
  const io = new MandatoryIo();
  io.started();
  io.ended();
  t.throws(() => io.ended(), FAILED);
  const move = new FileMove(users());
  move.start(client);
  t.throws(() => move.start(client), FAILED);
  move.end(true);
  t.equal(move.migrated, true);
  const reserved = new ReserveLocks(users());
  const range = { client, owner: 'a', start: 0n, end: 1n };
  t.equal(reserved.reserve(range, false), null);
  reserved.release(range);
  t.equal(await errnoOfAttempt(() => reserved.release(range)), EINVAL);
});

t.test('a removal starts when nothing keeps it waiting', async (t) => {
  const removals = new InodeRemovals();
  const other = new FakeClient();
  const started: string[] = [];
  const first = removals.wait(client).then(() => started.push('first'));
  void removals.wait(other).then(() => started.push('second'));
  removals.release(() => false);
  t.equal(removals.waiting, 2);
  removals.release((c) => c === client);
  await first;
  t.same(started, ['first']);
  t.same([removals.running, removals.waiting], [1, 1]);
  t.equal(removals.ended(), false, 'one waits still');
});
