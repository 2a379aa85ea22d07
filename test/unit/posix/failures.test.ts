/** What fops on data do when something on their way fails. */
import { readdirSync } from 'node:fs';
import t from 'tap';
import { failure } from '../../../mux/xlator/fop-error.js';
import { addon } from '../../../native/addon.js';
import { EIO, EOPNOTSUPP } from '../../../native/errno.js';
import { anonymous, failOps, openFile, read, write } from './files.js';
import { errnoOf } from './harness.js';

const MIB = 1 << 20;

t.test('a fop that fails early gives its descriptor back', async (t) => {
  const { b, inode } = await openFile(t);
  const { store } = b.posix;
  const fd = anonymous(inode);
  const load = store.mdata.load.bind(store.mdata);
  const fops = {
    ftruncate: () => b.posix.ftruncate(b.call(), { fd, offset: 0, xdata: null }),
    discard: () => b.posix.discard(b.call(), { fd, offset: 0, length: 1, xdata: null }),
    fallocate: () => b.posix.fallocate(b.call(), { fd, flags: 0, offset: 0, length: 1, xdata: null }),
    zerofill: () => b.posix.zerofill(b.call(), { fd, offset: 0, length: 1, xdata: null }),
  };
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const failAll = async () => {
    for (const [name, fop] of Object.entries(fops)) {
      store.state(inode).mdata = undefined;
      store.mdata.load = async () => {
        throw failure(EIO);
      };
      t.equal(await errnoOf(fop), EIO, name);
      store.mdata.load = load;
      store.files.shared.drop(inode.key);
    }
  };
  // What the brick opens once and what it has still to close is not for the count.
  await failAll();
  await b.posix.store.queue.drained(1000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const before = descriptors();
  for (let round = 0; round < 4; round++) await failAll();
  for (let n = 0; n < 100 && descriptors() > before; n++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(descriptors() < before + 4, `${descriptors()} descriptors, ${before} before`);
});

t.test('a large read of a file whose size cannot be read', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, Buffer.alloc(2 * MIB, 'x'));
  await b.calm();
  const { inlining } = b.posix.store;
  const run = inlining.run.bind(inlining);
  inlining.run = (program) => {
    const r = run(program);
    if (program.length === 1) program.f64[7] = -EIO;
    return r;
  };
  t.equal(await errnoOf(() => read(b, fd, 2 * MIB)), EIO);
  inlining.run = run;
  t.equal((await read(b, fd, 2 * MIB)).count, 2 * MIB);
});

t.test('zeroes that are written in part', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, Buffer.alloc(3 * MIB, 'x'));
  failOps(b, 'FALLOCATE', EOPNOTSUPP);
  const { queue } = b.posix.store;
  const submit = queue.submit.bind(queue);
  const written: number[] = [];
  queue.submit = (program, lane, priority) => {
    const done = program.onDone;
    program.onDone = (finished) => {
      for (let i = 0; i < finished.length; i++) {
        if ((finished.f64[i * 8]! & 0xff) !== addon.ops['PWRITE']) continue;
        if (written.push(finished.result(i)) === 1) finished.f64[i * 8 + 7] = 4096;
      }
      done?.(finished);
    };
    submit(program, lane, priority);
  };
  await b.posix.zerofill(b.call(), { fd, offset: 0, length: 2 * MIB, xdata: null });
  t.same(written, [MIB, MIB, MIB - 4096], 'goes on where it has stopped');
});
