/** Body of the workers of ownership.test.ts: opens this and that, and ends as it is told once a client writes. */
import { parentPort, workerData } from 'node:worker_threads';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { Priority, reg } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import { Queue } from '../../../native/queue.js';

const { path, how } = workerData as { path: string; how: string };
const c = addon.constants as Record<string, number>;
const dir = addon.open(path, c['O_RDONLY']!, 0);
addon.dupFd(dir);
const queue = new Queue(4);

// A file that the calling thread opens, and some that the pool's threads do.
const inline = batch();
inline.open(dir, 'inline', c['O_RDWR']! | c['O_CREAT']!, 0o600);
inline.run();
for (let i = 0; i < 3; i++) {
  const b = batch();
  b.open(dir, `pooled${i}`, c['O_RDWR']! | c['O_CREAT']!, 0o600);
  await queue.run(b, 0, Priority.normal);
}

const listener = addon.listenTcp('127.0.0.1', 0, 4, 5);
const memory = region(4096);
addon
  .poll(listener, () => {
    const fd = addon.accept(listener);
    if (fd < 0) return;
    const poller = addon.poll(fd, () => {
      addon.recv(fd, memory.address, 4096);
      poller.set(0);
      end();
    });
    poller.set(1);
  })
  .set(1);

function end(): void {
  switch (how) {
    case 'callback':
      throw new Error('thrown in a callback of the addon');
    case 'throw':
      setImmediate(() => {
        throw new Error('thrown');
      });
      return;
    case 'reject':
      void Promise.reject(new Error('rejected'));
      return;
    case 'hang': {
      const b = batch();
      const fd = b.open(dir, 'hang', c['O_RDONLY']!);
      b.close(reg(fd));
      queue.submit(b, 0, Priority.normal);
      queue.flush();
      setTimeout(() => process.exit(3), 20);
      return;
    }
    case 'memory': {
      const kept: unknown[] = [];
      setInterval(() => {
        for (let i = 0; i < 100_000; i++) kept.push({ i, text: `number ${i}` });
      }, 1);
      return;
    }
    default:
      process.exit(3);
  }
}

parentPort!.on('message', ({ fd, ticket }: { fd: number; ticket: number }) => {
  parentPort!.postMessage(addon.takeFd(fd, ticket));
});
const [, port] = addon.sockName(listener) as [string, number];
parentPort!.postMessage(port);
