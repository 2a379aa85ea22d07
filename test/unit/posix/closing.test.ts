/** Closing of descriptors: together, at the end of a brick, and at the end of one whose calls hang. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { BrickContext } from '../../../mux/xlator/translator.js';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import { O_DIRECTORY, O_RDONLY, O_WRONLY } from '../../../native/linux.js';
import { Queue } from '../../../native/queue.js';
import { DeferredClose } from '../../../posix/disk/deferred-close.js';
import { until } from '../../support/until.js';

const dir = mkdtempSync('/var/tmp/brickd-closing-');
t.teardown(() => rmSync(dir, { recursive: true }));
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const brick = {
  timer(ms: number, _repeat: boolean, run: () => void) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
} as BrickContext;

const open = (): number => addon.open(dir, O_DIRECTORY, 0);
/** What a descriptor stands for; '' when it is closed. */
function target(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
const isOpen = (fd: number): boolean => target(fd) === dir;

t.test('closes soon, and all at the end', async (t) => {
  const queue = new Queue(4);
  const closing = new DeferredClose(brick, queue);
  const fds = Array.from({ length: 50 }, open);
  for (const fd of fds.slice(0, 41)) closing.close(fd);
  await until(() => !fds.slice(0, 41).some(isOpen));
  t.notOk(fds.slice(0, 41).some(isOpen));
  for (const fd of fds.slice(41)) closing.close(fd);
  await closing.end(false);
  t.notOk(fds.some(isOpen));
  const late = open();
  closing.close(late);
  await until(() => !isOpen(late));
  t.notOk(isOpen(late), 'what comes after the end is closed, too');
});

t.test('while a call hangs, its descriptor keeps its number and nothing else', async (t) => {
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  const queue = new Queue(4);
  const closing = new DeferredClose(brick, queue);
  const fd = open();
  const fds = Array.from({ length: 30 }, open);
  const b = batch();
  const opened = b.open(fd, 'fifo', O_RDONLY);
  const made = b.mkdir(fd, 'made', 0o755);
  const running = queue.run(b, 0, Priority.normal);
  await later(50);
  closing.hold();
  for (const one of [...fds, fd]) closing.close(one);
  const started = Date.now();
  await closing.end(true);
  t.ok(Date.now() - started < 2000, 'the end does not wait');
  t.match(target(fd), /^pipe:/);
  t.notOk(fds.some(isOpen));
  const writer = addon.open(join(dir, 'fifo'), O_WRONLY, 0);
  await running;
  t.ok(b.result(opened) >= 0);
  t.ok(b.result(made) < 0, 'the batch ends where it has hung');
  closing.close(b.result(opened));
  b.release();
  await until(() => target(fd) === '');
  t.equal(target(fd), '', 'closed with the last call');
  await until(() => !fds.some((one) => target(one) !== ''));
  t.notOk(fds.some((one) => target(one) !== ''));
  addon.closeFd(writer);
});
