/** Takes from a shared bucket as much as it gives for a while, and tells how much that was. */
import { parentPort, workerData } from 'node:worker_threads';
import { BucketTable, nowNs } from '../../../../mux/qos/bucket.js';

const { memory, rate, ms } = workerData as { memory: SharedArrayBuffer; rate: number; ms: number };
const bucket = new BucketTable(memory).bucket('v\0ops');
bucket.configure(rate, 0.02);
parentPort!.once('message', () => {
  const end = nowNs() + ms * 1e6;
  let taken = 0;
  for (let now = nowNs(); now < end; now = nowNs()) {
    if (bucket.waitNs(now) > 0) continue;
    bucket.charge(now, 1);
    taken++;
  }
  parentPort!.postMessage(taken);
});
parentPort!.postMessage('ready');
