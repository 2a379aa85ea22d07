/** How much JavaScript memory a brick worker may have by default. */
import t from 'tap';
import { defaultHeapMiB } from '../../../brickd/server-factory.js';

const GIB = 2 ** 30;

t.test('all workers together have half of the memory', async (t) => {
  t.equal(defaultHeapMiB(4, 8 * GIB), 1024);
  t.equal(defaultHeapMiB(2, 8 * GIB), 2048);
});

t.test('within bounds', async (t) => {
  t.equal(defaultHeapMiB(1, 256 * GIB), 4096);
  t.equal(defaultHeapMiB(64, 2 * GIB), 256);
  t.equal(defaultHeapMiB(4, Number.POSITIVE_INFINITY), 4096);
});
