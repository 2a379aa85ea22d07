/** Run with an fsync that fails once: prints what three syncs of one descriptor come to that are asked for together, and a later one. */
import { closeSync, openSync } from 'node:fs';
import { batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';

const fd = openSync(process.argv[2]!, 'r+');
const queue = new Queue(8);
const sync = async (): Promise<number> => {
  const b = batch();
  b.fsync(fd);
  await queue.run(b, 0, Priority.normal);
  const r = b.result(0);
  b.release();
  return r;
};
const together = await Promise.all([sync(), sync(), sync()]);
console.log(JSON.stringify([...together, await sync()]));
closeSync(fd);
queue.close();
