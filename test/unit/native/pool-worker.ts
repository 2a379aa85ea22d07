/** Body of the workers of workers.test.ts: runs batches on a queue of its own as fast as they finish. */
import { parentPort, workerData } from 'node:worker_threads';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { Priority, reg } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import { Queue } from '../../../native/queue.js';

const { path, name, count, endless, hang } = workerData as {
  path: string;
  name: string;
  /** Batches to run. */
  count: number;
  /** Go on until terminated, with a poller and hanging batches under way. */
  endless: boolean;
  hang: string | null;
};
const c = addon.constants as Record<string, number>;
const dir = addon.open(path, c['O_RDONLY']!, 0);
const queue = new Queue(4);
const memory = region(65536);
let submitted = 0;
let done = 0;
let failed = 0;

function submit(): void {
  const b = batch();
  const i = submitted++;
  const file = `${name}-${i}`;
  const fd = b.open(dir, file, c['O_RDWR']! | c['O_CREAT']!, 0o600);
  b.pwrite(reg(fd), memory.address, 512, 0);
  b.pread(reg(fd), memory.address + 4096 * (1 + (i % 8)), 512, 0);
  b.close(reg(fd));
  b.unlink(dir, file);
  b.onDone = () => {
    done++;
    if (b.errno !== 0) failed++;
    b.release();
    if (endless || submitted < count) submit();
    else if (done === count) {
      queue.close();
      parentPort!.postMessage({ done, failed });
    }
  };
  queue.submit(b, i % 4, (i % 4) as Priority);
}

for (let i = 0; i < 200; i++) submit();

if (endless) {
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 5);
  addon.poll(listener, () => {}).set(1);
  if (hang !== null) {
    const b = batch();
    const fd = b.open(dir, hang, c['O_RDONLY']!);
    b.pread(reg(fd), memory.address, 10, 0);
    b.close(reg(fd));
    const slow = new Queue(1);
    slow.submit(b, 0, Priority.normal);
    slow.flush();
  }
  parentPort!.postMessage('running');
}
