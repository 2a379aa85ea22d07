/** What native/ asserts of its callers, and of the addon when it loads it. */
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { AssertionError } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { isReg, Layout, MAX_OPS, Priority, reg } from '../../../native/layout.js';
import { AT_FDCWD } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import { emptyPipe, type Pipe, trimPipes } from '../../../native/pipe.js';
import { Queue } from '../../../native/queue.js';

const statOfRoot = (): Batch => {
  const b = batch();
  b.statx(AT_FDCWD, '/', b.statOut());
  return b;
};

t.test('an addon of another build is refused, with what differs', async (t) => {
  const layout = new Layout({ stat: { dev: 0, nlink: 4 } });
  t.equal(layout.number('stat', 'nlink'), 4);
  t.same(layout.numbers('stat', ['nlink', 'dev']), { dev: 0, nlink: 4 });
  layout.expect('stat', 'nlink', 4);
  t.throws(() => layout.number('stat', 'uid'), /the addon is not of this program's build: it has no stat.uid/);
  t.throws(() => layout.number('records', 'bytes'), /it has no records.bytes/);
  t.throws(() => layout.expect('stat', 'nlink', 5), /its stat.nlink is 4 instead of 5/);
  t.throws(() => layout.numbers('stat', ['dev']), /it has stat.nlink/);
});

t.test('what an op will open is told from a descriptor and from none', async (t) => {
  for (let i = 0; i < MAX_OPS; i++) t.ok(isReg(reg(i)));
  for (const fd of [0, 1, 1 << 20, -1, AT_FDCWD]) t.notOk(isReg(fd));
});

t.test('a batch that was released is nobody’s', async (t) => {
  const b = statOfRoot();
  t.equal(b.run(), 0);
  b.release();
  t.throws(() => b.release(), AssertionError);
  t.throws(() => b.close(0), AssertionError);
  t.throws(() => b.run(), AssertionError);
  t.throws(() => b.result(0), AssertionError);
  t.throws(() => b.errno, AssertionError);
  const [one, other] = [batch(), batch()];
  t.not(one, other, 'is given to one only');
  one.release();
  other.release();
});

t.test('a batch that the pool has is left alone', async (t) => {
  const queue = new Queue(1);
  const b = statOfRoot();
  const finished = queue.run(b, 0, Priority.normal);
  t.equal(queue.pending, 1);
  t.throws(() => b.close(0), /ops are added to a batch that is neither released nor being run/);
  t.throws(() => b.release(), AssertionError);
  t.throws(() => b.result(0), AssertionError);
  t.throws(() => b.run(), AssertionError);
  t.throws(() => queue.submit(b, 0, Priority.normal), /a batch is submitted by its owner/);
  await finished;
  t.equal(queue.pending, 0);
  t.equal(b.result(0), 0);
  b.release();
  queue.close();
  const late = statOfRoot();
  const refused = queue.run(late, 0, Priority.normal);
  t.throws(() => late.release(), AssertionError, 'by a closed queue, too');
  await refused;
  t.ok(late.result(0) < 0);
  late.release();
});

t.test('a batch has room for so many ops and results', async (t) => {
  const b = batch();
  for (let i = 0; i < MAX_OPS; i++) b.statx(AT_FDCWD, '/', 0);
  t.throws(() => b.close(0), /a batch has room for its ops/);
  t.equal(b.length, MAX_OPS);
  t.throws(() => b.out(4096), /results fit into the arena of a batch/);
  b.release();
});

t.test('a region is released as often as it was taken', async (t) => {
  const r = region(5000).retain();
  r.release();
  r.release();
  t.throws(() => r.release(), /a region is released as often as it was taken/);
  t.throws(() => r.retain(), /a region is retained by somebody who has it/);
  t.equal(region(5000), r, 'is on the free list once');
  const other = region(5000);
  t.not(other, r);
  r.release();
  other.sent();
  t.throws(() => other.sent(), AssertionError);
});

t.test('a pipe is given back once', async (t) => {
  const pipe = emptyPipe() as Pipe;
  pipe.sent();
  t.throws(() => pipe.sent(), /a pipe is given back once/);
  t.equal(emptyPipe(), pipe);
  pipe.release();
  t.throws(() => pipe.release(), /a pipe is closed once/);
  t.throws(() => pipe.sent(), AssertionError);
  trimPipes();
});

t.test('what is no batch does not get to the pool', async (t) => {
  const native = addon.openQueue(1, () => {});
  const b = statOfRoot();
  b.submitted();
  const submit = (address: number, priority: number): void =>
    native.submit(Float64Array.of(address), Float64Array.of(0), Float64Array.of(0), Uint8Array.of(priority), 1);
  for (const address of [0, -1, Number.NaN, b.address + 4, 2 ** 50]) t.throws(() => submit(address, 0), TypeError);
  t.throws(() => submit(b.address, Priority.least + 1), TypeError);
  t.throws(() => addon.runBatch(b.address + 4), TypeError);
  native.close();
  b.returned();
  b.release();
});
