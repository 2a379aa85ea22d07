/** Body of workers that call into the addon all the time, in one of several ways, until they are ended; see workers.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';

const { way, path } = workerData as { way: string; path: string };
const c = addon.constants as Record<string, number>;

const queue = new Queue(4);
const listener = addon.listenTcp('127.0.0.1', 0, 4, 5);
const poller = addon.poll(listener, () => {});
const dir = addon.open(path, c['O_RDONLY']!, 0);

function submit(): void {
  const b = batch();
  b.statx(dir, null, b.statOut());
  b.onDone = () => b.release();
  queue.submit(b, 0, Priority.normal);
  queue.flush();
}

function endless(call: () => void): void {
  for (;;) for (let i = 0; i < 100; i++) call();
}

const ways: Record<string, () => void> = {
  submit: () => endless(submit),
  // Completions call into JavaScript, which calls back.
  complete: () => {
    const again = (): void => {
      submit();
      setImmediate(again);
    };
    for (let i = 0; i < 8; i++) again();
  },
  'open-queue': () => endless(() => addon.openQueue(1, () => {}).close()),
  poller: () => {
    let on = 0;
    endless(() => {
      poller.set(on++ & 1);
      poller.ref((on & 2) !== 0);
    });
  },
  poll: () =>
    endless(() => {
      const fd = addon.dupFd(listener);
      addon.poll(fd, () => {}).close();
      addon.closeFd(fd);
    }),
  address: () => {
    const memory = new SharedArrayBuffer(64);
    endless(() => addon.addressOf(memory));
  },
  results: () =>
    endless(() => {
      queue.depth();
      addon.sockName(listener);
      addon.mallinfo();
      addon.poolStatus();
      addon.xxh64('name');
    }),
  // Each call throws.
  wrong: () =>
    endless(() => {
      try {
        addon.closeFd('x' as never);
      } catch {}
      try {
        addon.addressOf(1 as never);
      } catch {}
      try {
        poller.set('x' as never);
      } catch {}
      try {
        addon.runBatch(0);
      } catch {}
    }),
};

parentPort!.postMessage('running');
ways[way]!();
