/** Takes from a shared bucket as much as it gives for a while; tells how much that was, and for how long it lost credit, not running. */
import { parentPort, workerData } from 'node:worker_threads';
import { BucketTable, nowNs } from '../../../../mux/qos/bucket.js';

const { memory, rate, ms } = workerData as { memory: SharedArrayBuffer; rate: number; ms: number };
const bucket = new BucketTable(memory).bucket('v\0ops');
const BURST_SEC = 0.02;
bucket.configure(rate, BURST_SEC);
parentPort!.once('message', () => {
  const end = nowNs() + ms * 1e6;
  let taken = 0;
  let lostNs = 0;
  let looked = nowNs();
  for (let now = looked; now < end; now = nowNs()) {
    lostNs += Math.max(0, now - looked - BURST_SEC * 1e9);
    looked = now;
    if (bucket.waitNs(now) > 0) continue;
    bucket.charge(now, 1);
    taken++;
  }
  // What came between the last look and the end was nobody's.
  lostNs += end - looked;
  parentPort!.postMessage([taken, lostNs]);
});
parentPort!.postMessage('ready');
