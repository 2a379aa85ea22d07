/** Settings of the process in the configuration file. */
import { join } from 'node:path';
import t from 'tap';
import { processSettings } from '../../../brickd/process-settings.js';

const of = (folder: string) => processSettings({ BRICKD_CONFIG: join(folder, 'brickd.yaml') });
const none = { workers: undefined, workerHeapMiB: undefined };

t.test('what is set', async (t) => {
  const file = 'process:\n  workers: 3\n  worker_heap_mib: 128\nmetrics:\n  listen: none\n';
  t.same(await of(t.testdir({ 'brickd.yaml': file })), { workers: 3, workerHeapMiB: 128 });
  t.same(await of(t.testdir({ 'brickd.yaml': '#process:\n#  workers: 3\n' })), none);
  t.same(await of(t.testdir({})), none, 'no file');
});

t.test('what is wrong is told with its line', async (t) => {
  const folder = t.testdir({ 'brickd.yaml': 'process:\n  workers: 0\n  worker_heap_mib: much\n  threads: 2\n' });
  await t.rejects(of(folder), {
    message: /yaml:2: process\.workers.*\n.*yaml:3: process\.worker_heap_mib.*\n.*yaml:4: process\.threads/,
  });
});
