/** The addon in several worker threads, and workers that end while their batches run. */
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';
import { later, scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;
const script = new URL('./pool-worker.js', import.meta.url);

/** Workers that are made to end in each of the tests that are about that. */
const DEATHS = Number(process.env['BRICKD_TEST_DEATHS'] ?? 8);
t.setTimeout(240_000 + 2000 * DEATHS);

const start = (name: string, count: number, endless = false, hang: string | null = null): Worker =>
  new Worker(script, { workerData: { path: dir.path, name, count, endless, hang } });

/** The worker's first message, or its failure. */
const message = (w: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    w.once('message', resolve);
    w.once('error', reject);
    w.once('exit', (code) => reject(new Error(`exit ${code}`)));
  });

t.test('two workers with thousands of batches each', async (t) => {
  const workers = [start('a', 4000), start('b', 4000)];
  const ended = workers.map((w) => new Promise((resolve) => w.once('exit', resolve)));
  const results = await Promise.all(workers.map(message));
  t.same(results, [
    { done: 4000, failed: 0 },
    { done: 4000, failed: 0 },
  ]);
  t.same(await Promise.all(ended), [0, 0], 'both end by themselves: nothing keeps their loops alive');
  t.same(
    readdirSync(dir.path).filter((n) => /^[ab]-/.test(n)),
    [],
  );
});

t.test('workers terminated in the middle', async (t) => {
  const queue = new Queue(4);
  for (let round = 0; round < 6; round++) {
    const workers = [start(`x${round}`, 0, true), start(`y${round}`, 0, true)];
    await Promise.all(workers.map(message));
    await later(round * 3);
    t.same(await Promise.all(workers.map((w) => w.terminate())), [1, 1]);
    const b = batch();
    b.statx(dir.fd, null, b.statOut());
    t.equal((await queue.run(b, 0, Priority.normal)).errno, 0, 'the pool goes on');
    b.release();
  }
  queue.close();
});

t.test('workers terminated while they call into the addon', async (t) => {
  const ways = ['submit', 'complete', 'open-queue', 'poller', 'poll', 'address', 'results', 'wrong'];
  const busy = new URL('./busy-worker.js', import.meta.url);
  for (let n = 0; n < DEATHS; n++) {
    const w = new Worker(busy, { workerData: { way: ways[n % ways.length], path: dir.path } });
    await message(w);
    await later(n % 3);
    t.equal(await w.terminate(), 1);
  }
});

t.test('workers terminated while they load the addon', async (t) => {
  const busy = new URL('./busy-worker.js', import.meta.url);
  for (let n = 0; n < DEATHS; n++) {
    const w = new Worker(busy, { workerData: { way: 'complete', path: dir.path } });
    await new Promise((resolve) => w.once('online', resolve));
    await later(n % 16);
    t.equal(await w.terminate(), 1);
  }
});

t.test('a worker ends only when its last running batch has: the memory is its own', async (t) => {
  const make = batch();
  make.mknod(dir.fd, 'hang', c['S_IFIFO']! | 0o600, 0);
  make.run();
  make.release();
  const w = start('z', 0, true, 'hang');
  await message(w);
  await later(100);
  let ended = false;
  const end = w.terminate().then(() => {
    ended = true;
  });
  await later(300);
  t.notOk(ended, 'a batch still hangs');
  const writer = addon.open(dir.at('hang'), c['O_WRONLY']! | c['O_NONBLOCK']!, 0);
  t.ok(writer >= 0);
  addon.closeFd(writer);
  await end;
  t.ok(ended);
});
