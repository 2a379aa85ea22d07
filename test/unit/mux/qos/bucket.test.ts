/** Rates: exact over time, shared, with credit up to a bound and debt for what costs more than there is. */
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { BucketTable, bucketMemory, nowNs } from '../../../../mux/qos/bucket.js';

/** Fops that a bucket lets through in `seconds` when asked every `stepMs`. */
function through(take: (now: number) => boolean, from: number, seconds: number, stepMs: number): number {
  let n = 0;
  for (let ms = 0; ms < seconds * 1000; ms += stepMs) while (take(from + ms * 1e6)) n++;
  return n;
}

t.test('a rate holds, however late the clock rings', async (t) => {
  for (const rate of [1, 500, 2000, 10_000, 123_457]) {
    for (const stepMs of [1, 7, 50]) {
      const bucket = new BucketTable().bucket('v');
      bucket.configure(rate, 0.1);
      const from = nowNs();
      const take = (now: number): boolean => {
        if (bucket.waitNs(now) > 0) return false;
        bucket.charge(now, 1);
        return true;
      };
      const n = through(take, from, 20, stepMs);
      t.ok(Math.abs(n - rate * 20) <= rate * 0.1 + 2, `${n} of ${rate * 20} at ${rate}/s, every ${stepMs} ms`);
    }
  }
});

t.test('two workers share one rate', async (t) => {
  const memory = bucketMemory();
  const [a, b] = [new BucketTable(memory).bucket('v\0ops'), new BucketTable(memory).bucket('v\0ops')];
  a.configure(100, 0.1);
  b.configure(100, 0.1);
  const other = new BucketTable(memory).bucket('w\0ops');
  other.configure(100, 0.1);
  const from = nowNs();
  let turn = 0;
  const n = through(
    (now) => {
      const bucket = turn++ % 2 === 0 ? a : b;
      if (bucket.waitNs(now) > 0) return false;
      bucket.charge(now, 1);
      return true;
    },
    from,
    10,
    3,
  );
  t.ok(Math.abs(n - 1000) <= 12, `${n} of 1000`);
  t.ok(other.waitNs(from) <= 0, 'another key has a rate of its own');
});

t.test('credit gathers to its bound and no further', async (t) => {
  const bucket = new BucketTable().bucket('v');
  bucket.configure(100, 5);
  const now = nowNs();
  t.equal(Math.round(bucket.tokens(now + 3600e9)), 500);
  bucket.charge(now, 300);
  t.equal(Math.round(bucket.tokens(now)), 200);
  t.equal(Math.round(bucket.tokens(now + 1e9)), 300);
  bucket.charge(now, -100);
  t.equal(Math.round(bucket.tokens(now)), 300, 'what is given back is credit again');
});

t.test('what costs more than there is leaves a debt, which is paid sooner at a higher rate', async (t) => {
  const bucket = new BucketTable().bucket('v');
  bucket.configure(1000, 0.1);
  const now = nowNs();
  bucket.charge(now, 1_000_100);
  t.ok(Math.abs(bucket.waitNs(now) / 1e9 - 1000) < 1, `${bucket.waitNs(now) / 1e9} s`);
  bucket.configure(1_000_000, 0.1);
  t.ok(bucket.waitNs(nowNs()) / 1e9 < 1.1, `${bucket.waitNs(nowNs()) / 1e9} s`);
});

t.test('threads that take from one bucket at the same time get its rate together', async (t) => {
  const memory = bucketMemory();
  const [rate, ms] = [20_000, 500];
  const workers = [1, 2].map(
    () => new Worker(new URL('./bucket-worker.js', import.meta.url), { workerData: { memory, rate, ms } }),
  );
  const said = (w: Worker) => new Promise((resolve) => w.once('message', resolve));
  await Promise.all(workers.map(said));
  const began = nowNs();
  const taken = workers.map(said);
  for (const w of workers) w.postMessage('go');
  const told = (await Promise.all(taken)) as [taken: number, lostNs: number][];
  const counts = told.map(([n]) => n);
  const all = counts.reduce((a, b) => a + b, 0);
  // The second one may start, and so end, a little later.
  const most = rate * ((nowNs() - began) / 1e9 + 0.02) * 1.01;
  // Credit is lost only while neither gets the processor: for no longer than either says.
  const lost = Math.min(...told.map(([, ns]) => ns)) / 1e9;
  t.ok(all <= most && all >= rate * (0.5 * 0.97 - lost), `${counts} at ${rate}/s in ${ms} ms`);
});
