/** The pool of blocking calls: results, lanes, priorities, limits, closing, isolation of queues. */
import { mkdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { type Batch, batch } from '../../../native/batch.js';
import { IGNORE, Priority, reg } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';
import { until } from '../../support/until.js';
import { later, scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;

let fifos = 0;

/** A batch that hangs until its `go` is called: it opens a fifo that nobody writes to yet, as one that changes something or not. */
function hanging(flags = 0): { b: Batch; go: () => Promise<void> } {
  const name = `fifo-${fifos++}`;
  const make = batch();
  make.mknod(dir.fd, name, c['S_IFIFO']! | 0o600, 0);
  make.run();
  make.release();
  const b = batch();
  const fd = b.open(dir.fd, name, c['O_RDONLY']! | flags);
  b.close(reg(fd));
  return {
    b,
    go: async () => {
      for (;;) {
        const writer = addon.open(dir.at(name), c['O_WRONLY']! | c['O_NONBLOCK']!, 0);
        if (writer >= 0) {
          addon.closeFd(writer);
          return;
        }
        if (writer !== -c['ENXIO']!) throw new Error(`errno ${-writer}`);
        // Nobody has it open for reading yet.
        await later(1);
      }
    },
  };
}

/** Appends `name` to the order of completion when the batch has run. */
function track(order: string[], name: string, b: Batch): Batch {
  b.onDone = (done) => {
    order.push(name);
    done.release();
  };
  return b;
}

const quick = (name: string): Batch => {
  const b = batch();
  b.mkdir(dir.fd, name, 0o755);
  return b;
};

t.test('results come back', async (t) => {
  const queue = new Queue(4);
  const b = batch();
  const made = b.mkdir(dir.fd, 'by-pool', 0o755);
  const again = b.mkdir(dir.fd, 'by-pool', 0o755, IGNORE);
  const done = await queue.run(b, 0, Priority.normal);
  t.equal(done, b);
  t.equal(b.result(made), 0);
  t.equal(b.result(again), -c['EEXIST']!);
  t.equal(queue.pending, 0);
  b.release();
  queue.close();
});

t.test('a lane runs in order, one at a time; other lanes pass by', async (t) => {
  const queue = new Queue(4);
  const order: string[] = [];
  const { b, go } = hanging();
  queue.submit(track(order, 'first', b), 7, Priority.least);
  for (let i = 0; i < 100; i++) queue.submit(track(order, `a${i}`, quick(`lane-a${i}`)), 7, (i % 4) as Priority);
  for (let i = 0; i < 10; i++) queue.submit(track(order, `b${i}`, quick(`lane-b${i}`)), 8, Priority.normal);
  const free = await queue.run(quick('lane-free'), 0, Priority.normal);
  free.release();
  while (order.length < 10) await later(1);
  t.same(
    order,
    Array.from({ length: 10 }, (_, i) => `b${i}`),
    'the hanging lane holds up only itself',
  );
  await go();
  while (order.length < 111) await later(1);
  t.same(order.slice(10), ['first', ...Array.from({ length: 100 }, (_, i) => `a${i}`)]);
  t.equal(queue.pending, 0);
  queue.close();
});

t.test('priorities', async (t) => {
  const queue = new Queue(1);
  const order: string[] = [];
  const { b, go } = hanging();
  queue.submit(track(order, 'hang', b), 0, Priority.high);
  for (const [name, priority] of [
    ['least', Priority.least],
    ['low', Priority.low],
    ['normal', Priority.normal],
    ['high', Priority.high],
  ] as const)
    queue.submit(track(order, name, quick(`priority-${name}`)), 0, priority);
  await later(20);
  await go();
  while (order.length < 5) await later(1);
  t.same(order, ['hang', 'high', 'normal', 'low', 'least']);

  order.length = 0;
  const again = hanging();
  queue.submit(track(order, 'hang', again.b), 0, Priority.high);
  queue.submit(track(order, 'starving', quick('starving')), 0, Priority.least);
  for (let i = 0; i < 200; i++) queue.submit(track(order, `h${i}`, quick(`flood-${i}`)), 0, Priority.high);
  await later(20);
  await again.go();
  while (order.length < 202) await later(1);
  const at = order.indexOf('starving');
  t.ok(at > 20 && at < 100, `a flood of high priority lets the least have a turn (${at})`);
  queue.close();
});

t.test('limits, and hanging queues that leave threads to others', async (t) => {
  addon.setPoolThreads(2);
  t.teardown(() => addon.setPoolThreads(8));
  const order: string[] = [];
  const hangs: Array<() => Promise<void>> = [];
  const stuck = new Queue(3);
  for (let i = 0; i < 5; i++) {
    const { b, go } = hanging();
    hangs.push(go);
    stuck.submit(track(order, `hang${i}`, b), 0, Priority.normal);
  }
  const native = addon.openQueue(1, () => {});
  t.same(native.depth(), [0, 0]);
  native.close();
  await later(50);
  const other = new Queue(2);
  const started = performance.now();
  (await other.run(quick('beside-hanging'), 0, Priority.normal)).release();
  const waited = performance.now() - started;
  t.ok(waited < 500, `another queue has waited ${Math.round(waited)} ms`);
  await later(1300);
  t.ok(addon.poolStatus()[2] >= 2, 'the hanging threads are counted as stuck');
  const soon = performance.now();
  (await other.run(quick('beside-stuck'), 0, Priority.normal)).release();
  t.ok(performance.now() - soon < 200, 'stuck threads are replaced');
  t.same(order, []);
  for (const go of hangs) await go();
  while (order.length < 5) await later(1);
  stuck.close();
  other.close();
});

t.test('a queue that hangs says so, gets few threads, and recovers', async (t) => {
  const queue = new Queue(16);
  const told: boolean[] = [];
  queue.onHang = (hangs) => void told.push(hangs);
  const hangs = Array.from({ length: 2 }, hanging);
  const order: string[] = [];
  for (const [i, h] of hangs.entries()) queue.submit(track(order, `hang${i}`, h.b), 0, Priority.normal);
  t.equal(queue.late, false);
  await later(300);
  t.equal(queue.late, true, 'late at once');
  t.equal(queue.hangs, false);
  while (told.length === 0) await later(10);
  t.same(told, [true]);
  t.equal(queue.hangs, true);
  const more = Array.from({ length: 6 }, hanging);
  for (const [i, h] of more.entries()) queue.submit(track(order, `more${i}`, h.b), 0, Priority.normal);
  await later(200);
  t.ok(addon.poolStatus()[0] - addon.poolStatus()[1] <= 4, 'no more than four of its calls run');
  for (const h of [...hangs, ...more]) await h.go();
  while (order.length < 8) await later(1);
  await until(() => !queue.late && told.length >= 2);
  t.same(told, [true, false]);
  t.equal(queue.late, false);
  t.equal(queue.hangs, false);
  queue.close();
});

t.test('a queue with a stuck call whose others come back does not hang', async (t) => {
  const queue = new Queue(4);
  queue.onHang = () => t.fail('hangs');
  const { b, go } = hanging();
  const order: string[] = [];
  queue.submit(track(order, 'hang', b), 0, Priority.normal);
  for (let i = 0; i < 20; i++) {
    await later(100);
    (await queue.run(quick(`beside-${i}`), 0, Priority.normal)).release();
  }
  t.equal(queue.late, true);
  await go();
  while (order.length < 1) await later(1);
  queue.close();
});

t.test('a class of calls that does not come back while others do is a hang', async (t) => {
  const read = (queue: Queue): Promise<Batch> => {
    const b = batch();
    b.statx(dir.fd, null, b.statOut());
    return queue.run(b, 0, Priority.normal);
  };
  const change = (queue: Queue, name: string) => queue.run(quick(name), 0, Priority.normal);
  const stalled = new Queue(8);
  const moving = new Queue(8);
  const told: boolean[] = [];
  stalled.onHang = (hangs) => void told.push(hangs);
  moving.onHang = () => t.fail('changes come back there');
  const hangs = [hanging(c['O_CREAT']!), hanging(c['O_CREAT']!)];
  const done = [stalled.run(hangs[0]!.b, 0, Priority.normal), moving.run(hangs[1]!.b, 0, Priority.normal)];
  const began = performance.now();
  for (let i = 0; told.length === 0 && performance.now() - began < 8000; i++) {
    (await read(stalled)).release();
    (await change(moving, `moving-${i}`)).release();
    await later(20);
  }
  t.same(told, [true]);
  t.ok(stalled.hangs);
  t.equal(stalled.stuck, 'changes');
  const soon = performance.now();
  const many = await Promise.all(Array.from({ length: 20 }, () => read(stalled)));
  for (const b of many) b.release();
  t.ok(performance.now() - soon < 200, 'the others go on');
  for (const h of hangs) await h.go();
  for (const b of await Promise.all(done)) b.release();
  await until(() => told.length >= 2);
  t.same(told, [true, false], 'it moves again');
  t.equal(stalled.stuck, '');
  stalled.close();
  moving.close();
});

t.test('a read that takes many seconds is a hang even while others come back', async (t) => {
  const queue = new Queue(4);
  const told: boolean[] = [];
  queue.onHang = (hangs) => void told.push(hangs);
  const { b, go } = hanging();
  const done = queue.run(b, 0, Priority.normal);
  const began = performance.now();
  while (told.length === 0 && performance.now() - began < 9000) {
    const other = batch();
    other.statx(dir.fd, null, other.statOut());
    (await queue.run(other, 0, Priority.normal)).release();
    await later(20);
  }
  t.same(told, [true]);
  t.equal(queue.stuck, 'reads');
  await go();
  (await done).release();
  queue.close();
});

t.test('many queues that hang take few threads each', async (t) => {
  const queues = Array.from({ length: 40 }, () => new Queue(16));
  const order: string[] = [];
  const hangs = queues.map((queue) => {
    const some = Array.from({ length: 8 }, hanging);
    for (const h of some) queue.submit(track(order, '', h.b), 0, Priority.normal);
    return some;
  });
  const healthy = new Queue(4);
  let longest = 0;
  for (let i = 0; i < 60; i++) {
    const started = performance.now();
    (await healthy.run(quick(`healthy-${i}`), 0, Priority.normal)).release();
    if (i > 20) longest = Math.max(longest, performance.now() - started);
    await later(50);
  }
  const threads = addon.poolStatus()[0];
  t.ok(threads <= 160, `${threads} threads for 40 queues that hang with 8 calls each`);
  t.ok(longest < 200, `another queue's call takes ${Math.round(longest)} ms at most`);
  for (const h of hangs.flat()) await h.go();
  while (order.length < 320) await later(1);
  for (const queue of [...queues, healthy]) queue.close();
});

t.test('a batch that runs when its queue is closed ends at its next op; later ones do not run at all', async (t) => {
  const queue = new Queue(1);
  const { b, go } = hanging();
  const after = b.mkdir(dir.fd, 'after-close', 0o755);
  const running = queue.run(b, 0, Priority.normal);
  await later(50);
  queue.close();
  await go();
  await running;
  t.equal(b.result(after), -c['ECANCELED']!);
  b.release();
  const late = await queue.run(quick('too-late'), 0, Priority.normal);
  t.equal(late.result(0), -c['ECANCELED']!);
  late.release();
});

t.test('a retired descriptor keeps its number and does nothing', async (t) => {
  const b = batch();
  const fd = addon.open(dir.path, c['O_RDONLY']! | c['O_DIRECTORY']!, 0);
  b.retire(fd);
  const made = b.mkdir(fd, 'by-retired', 0o755, IGNORE);
  const stored = b.setxattr(fd, null, 'user.x', Buffer.from('x'), 0, IGNORE);
  t.equal(b.run(), 0);
  t.equal(b.result(made), -c['ENOTDIR']!);
  t.ok(b.result(stored) < 0);
  b.release();
  t.equal(addon.closeFd(fd), 0);
});

t.test('setLimit holds from then on', async (t) => {
  const finished: number[] = [];
  const queue = addon.openQueue(1, (ids, count) => {
    for (let i = 0; i < count; i++) finished.push(ids[i]!);
  });
  const hangs = Array.from({ length: 4 }, hanging);
  for (const h of hangs) h.b.submitted();
  queue.submit(
    Float64Array.from(hangs, (h) => h.b.address),
    Float64Array.of(10, 11, 12, 13),
    new Float64Array(4),
    new Uint8Array(4),
    4,
  );
  await later(50);
  t.same(queue.depth(), [3, 1]);
  queue.setLimit(3);
  await later(50);
  t.same(queue.depth(), [1, 3]);
  for (const h of hangs) await h.go();
  while (finished.length < 4) await later(1);
  t.same(finished.sort(), [10, 11, 12, 13]);
  t.same(queue.depth(), [0, 0]);
  queue.close();
  for (const h of hangs) {
    h.b.returned();
    h.b.release();
  }
});

t.test('close cancels what is queued and refuses more', async (t) => {
  const finished: number[] = [];
  const queue = addon.openQueue(1, (ids, count) => {
    for (let i = 0; i < count; i++) finished.push(ids[i]!);
  });
  const running = hanging();
  const batches = [running.b, quick('cancelled-1'), quick('cancelled-2'), quick('refused')];
  for (const b of batches) b.submitted();
  const submit = (b: Batch, id: number, lane: number): void =>
    queue.submit(Float64Array.of(b.address), Float64Array.of(id), Float64Array.of(lane), Uint8Array.of(1), 1);
  submit(batches[0]!, 0, 5);
  submit(batches[1]!, 1, 5);
  submit(batches[2]!, 2, 0);
  await later(50);
  queue.close();
  submit(batches[3]!, 3, 0);
  while (finished.length < 3) await later(1);
  t.same(finished.sort(), [1, 2, 3]);
  for (const b of batches.slice(1)) b.returned();
  for (const i of [1, 2, 3]) t.equal(batches[i]!.result(0), -c['ECANCELED']!);
  await running.go();
  while (finished.length < 4) await later(1);
  t.equal(finished.at(-1), 0);
  running.b.returned();
  t.ok(running.b.result(0) >= 0);
  for (const b of batches) b.release();
});

t.test('thousands of batches', async (t) => {
  mkdirSync(dir.at('many'));
  const queue = new Queue(8);
  const count = 5000;
  let done = 0;
  let failed = 0;
  for (let i = 0; i < count; i++) {
    const b = batch();
    b.mknod(dir.fd, `many/${i}`, c['S_IFREG']! | 0o600, 0);
    b.rename(dir.fd, `many/${i}`, dir.fd, `many/r${i}`);
    b.unlink(dir.fd, `many/r${i}`);
    b.onDone = (b) => {
      done++;
      if (b.errno !== 0) failed++;
      b.release();
    };
    queue.submit(b, i % 3 === 0 ? 1 + (i % 5) : 0, (i % 4) as Priority);
    if (i % 500 === 0) await later(0);
  }
  while (done < count) await later(1);
  t.equal(failed, 0);
  queue.close();
});

t.test('an exception of a callback is an uncaught one, and the next callback still comes', async (t) => {
  const queue = new Queue(1);
  const caught: unknown[] = [];
  const onError = (e: unknown): void => void caught.push(e);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onError);
  t.teardown(() => {
    process.off('uncaughtException', onError);
    for (const l of others) process.on('uncaughtException', l);
  });
  const b = quick('throws');
  b.onDone = () => {
    b.release();
    throw new Error('on purpose');
  };
  queue.submit(b, 0, Priority.normal);
  while (caught.length === 0) await later(1);
  t.match(caught, [{ message: 'on purpose' }]);
  (await queue.run(quick('after-throw'), 0, Priority.normal)).release();
  queue.close();
});

t.test('wrong arguments', async (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
  const any = addon as any;
  t.throws(() => any.openQueue(), TypeError);
  t.throws(() => any.openQueue(1, 2), TypeError);
  t.throws(() => any.setPoolThreads('many'), TypeError);
  const queue = any.openQueue(1, () => {});
  const doubles = new Float64Array(2);
  t.throws(() => queue.submit(doubles, doubles, doubles, new Uint8Array(2), 3), TypeError);
  t.throws(() => queue.submit(doubles, doubles, doubles, doubles, 1), TypeError);
  t.throws(() => queue.submit(doubles, doubles, doubles, new Uint8Array(2), 1), TypeError);
  t.throws(() => queue.submit.call({}, doubles, doubles, doubles, new Uint8Array(2), 0), TypeError);
  queue.close();
  queue.close();
});

t.test('syncs of one file at the same time all succeed', async (t) => {
  const fd = addon.open(dir.at('synced'), c['O_RDWR']! | c['O_CREAT']!, 0o600);
  const other = addon.open(dir.at('synced'), c['O_RDONLY']!, 0);
  const queue = new Queue(16);
  addon.setPoolThreads(16);
  const results = await Promise.all(
    Array.from({ length: 64 }, (_, i) => {
      const b = batch();
      const text = b.blob(Buffer.from(`line ${i}\n`.padEnd(16)));
      if (i % 2 === 0) b.pwrite(fd, text, 16, 16 * i);
      if (i % 3 === 0) b.fdatasync(i % 2 === 0 ? fd : other);
      else b.fsync(i % 2 === 0 ? fd : other);
      return queue.run(b, 0, Priority.normal);
    }),
  );
  addon.setPoolThreads(8);
  for (const b of results) {
    t.equal(b.errno, 0);
    b.release();
  }
  t.equal(readFileSync(dir.at('synced'), 'latin1').slice(0, 6), 'line 0');
  const bad = batch();
  bad.fsync(-1);
  t.equal(bad.run(), -c['EBADF']!);
  bad.release();
  addon.closeFd(fd);
  addon.closeFd(other);
  queue.close();
});
