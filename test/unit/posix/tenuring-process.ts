/** For tenuring.test.ts, in a process of its own: tap's hooks lead from each promise to the next. Prints the bytes kept, by change. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Dict } from '../../../mux/xlator/dict.js';
import { region } from '../../../native/memory.js';
import { Brick, NEW } from './harness.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
const heapBytes = (): number => process.memoryUsage().heapUsed;
const ROUNDS = 4000;
const AT_ONCE = 4;
const b = await new Brick().start();
const { inode, fd } = await b.create(b.root, 'f');
const data = region(4096);

/** Garbage that collections of the young have left after `change` was made many times, seeded with what a full collection has found under way. */
async function kept(change: () => unknown): Promise<number> {
  const burst = () => Promise.all(Array.from({ length: AT_ONCE }, change));
  for (let i = 0; i < 300; i++) await burst();
  collect();
  const underWay = burst();
  await null;
  collect();
  await underWay;
  for (let i = 0; i < ROUNDS; i++) await burst();
  collect({ type: 'minor' });
  const before = heapBytes();
  collect();
  return before - heapBytes();
}

const changes: Record<string, () => unknown> = {
  writev: () =>
    b.posix.writev(b.call(NEW), { fd, offset: 0, size: 4096, flags: 0, region: data, start: 0, xdata: null }),
  setxattr: () =>
    b.posix.setxattr(b.call(NEW), { inode, dict: new Dict().setText('user.a', 'v'), flags: 0, xdata: null }),
  setattr: () => b.posix.setattr(b.call(NEW), { inode, stat: inodeStat, valid: 1, xdata: null }),
};
const inodeStat = (await b.lookup(b.root, 'f')).stat;

const most: Record<string, number> = {};
// By chance, what was found under way may lead nowhere.
for (const [name, change] of Object.entries(changes)) {
  most[name] = Math.max(await kept(change), await kept(change), await kept(change));
}
await b.stop();
b.remove();
process.stdout.write(JSON.stringify(most));
