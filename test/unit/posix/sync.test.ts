/** fsync when the disk fails: nobody is told that writes are safe which are not. */
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fd } from '../../../mux/xlator/inode.js';
import { BATCH_FSYNC } from '../../../mux/xlator/xdata-keys.js';
import { EIO } from '../../../native/errno.js';
import { anonymous, brick, failOps, open, openFile, release, write } from './files.js';
import { type Brick, errnoOf } from './harness.js';

const sync = (b: Brick, fd: Fd, datasync = false) =>
  errnoOf(() => b.posix.fsync(b.call(), { fd, datasync, xdata: null }));
const batched = (b: Brick, fd: Fd) =>
  errnoOf(() => b.posix.fsync(b.call(), { fd, datasync: false, xdata: new Dict().setInt(BATCH_FSYNC, 1) }));
const O_SYNC = 0o4010000;

t.test('an fd whose fsync has failed has no other that succeeds', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const other = await open(b, inode, 2);
  await write(b, fd, 'x');
  failOps(b, 'FSYNC', EIO, 1);
  t.equal(await sync(b, fd), EIO);
  t.equal(await sync(b, fd), EIO);
  t.equal(await sync(b, fd, true), EIO);
  t.equal(await batched(b, fd), EIO);
  await write(b, fd, 'y');
  t.equal(await sync(b, fd), EIO, 'what was lost was not written again for certain');
  t.equal(await sync(b, other), 0, 'of another fd the kernel tells by itself');
  release(b, fd);
  const again = await open(b, inode, 2);
  t.equal(await sync(b, again), 0);
});

t.test('anonymous fds, which nobody closes: until the file was written again and synced', async (t) => {
  const { b, inode } = await openFile(t);
  await write(b, anonymous(inode), 'x');
  const undo = failOps(b, 'FSYNC', EIO, 1);
  t.same(await Promise.all([sync(b, anonymous(inode)), sync(b, anonymous(inode))]), [EIO, EIO]);
  undo();
  t.equal(await sync(b, anonymous(inode)), EIO);
  b.posix.store.files.shared.drop(inode.key);
  t.equal(await sync(b, anonymous(inode)), EIO, 'by another descriptor');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await write(b, anonymous(inode), 'y');
  t.equal(await sync(b, anonymous(inode)), 0);
  t.equal(await sync(b, anonymous(inode)), 0);
});

t.test('a synchronous write that fails', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, 'early');
  failOps(b, 'FSYNC', EIO, 1);
  t.equal(await errnoOf(() => write(b, fd, 'x', 0, { flags: O_SYNC })), EIO);
  t.equal(await errnoOf(() => write(b, fd, 'x', 0, { flags: O_SYNC })), 0, 'is on disk');
  t.equal(await sync(b, fd), EIO, 'what was written before may not be');
});

for (const mode of ['syncfs', 'syncfs-single-fsync', 'syncfs-reverse-fsync', 'reverse-fsync']) {
  t.test(`batches, ${mode}`, async (t) => {
    const b = await brick(t, { 'batch-fsync-mode': mode });
    const { fd } = await b.create(b.root, 'f');
    const other = (await b.create(b.root, 'g')).fd;
    const both = () => Promise.all([batched(b, fd), batched(b, other)]);
    t.same(await both(), [0, 0]);
    // The file system has failed: each file is synced by itself.
    let undo = failOps(b, 'SYNCFS', EIO);
    t.same(await both(), [0, 0]);
    const undoFsync = failOps(b, 'FSYNC', EIO);
    if (mode.startsWith('syncfs')) t.same(await both(), [EIO, EIO]);
    undoFsync();
    undo();
    const third = (await b.create(b.root, 'h')).fd;
    const fourth = (await b.create(b.root, 'i')).fd;
    undo = failOps(b, mode === 'syncfs' ? 'SYNCERRORS' : 'FSYNC', EIO);
    const found = await Promise.all([batched(b, third), batched(b, fourth)]);
    t.ok(found.includes(EIO), String(found));
    undo();
    for (const [i, mine] of [third, fourth].entries()) t.equal(await batched(b, mine), found[i], 'again');
  });
}

t.test('a round of fsyncs that breaks ends no later one', async (t) => {
  const { b, fd } = await openFile(t, { 'batch-fsync-mode': 'syncfs' });
  const { queue } = b.posix.store;
  const run = queue.run.bind(queue);
  queue.run = () => Promise.reject(new Error('broken'));
  await t.rejects(batched(b, fd), { message: 'broken' });
  queue.run = run;
  t.equal(await batched(b, fd), 0);
});
