/** The gate of fops that change data, and what becomes of writes whose batch cannot be made. */
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import { EBUSY, EINVAL, ENOSPC, EOPNOTSUPP } from '../../../native/errno.js';
import { S_IFBLK } from '../../../native/linux.js';
import { OpenFile } from '../../../posix/disk/open-file.js';
import { WhenFull, WriteGate, type WriteRules } from '../../../posix/fops/data/write-gate.js';
import { openFile, payload, WRITE, write } from './files.js';
import { errnoOf } from './harness.js';

t.test('lets a change pass at once, unless there is something to wait for', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const { store } = b.posix;
  const gate = new WriteGate({ whenFull: WhenFull.overwrite, marks: true, avoidsMarked: true });
  const check = (xdata: Dict | null) => gate.check(store, b.call(), fd, xdata, 0, 10);
  t.ok(check(null) instanceof OpenFile);
  t.ok(check(new Dict().setInt('anything', 1)) instanceof OpenFile);
  store.state(inode).mdata = undefined;
  const held = check(null);
  t.ok(held instanceof Promise, 'for the time record');
  t.ok((await held) instanceof OpenFile);
  t.not(store.state(inode).mdata, undefined);
  t.ok(check(new Dict().setInt('glusterfs.avoid.overwrite', 1)) instanceof Promise, 'for the mark of users');
});

t.test('asks what a fop is to be asked', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const { store } = b.posix;
  await write(b, fd, Buffer.alloc(8192, 'x'));
  const ask = (rules: WriteRules, offset: number, bytes: number, xdata: Dict | null = null) =>
    errnoOf(async () => new WriteGate(rules).check(store, b.call(), fd, xdata, offset, bytes));
  const archived = new Dict().setText('trusted.glusterfs.cs.status', '');
  t.equal(await ask({ whenFull: WhenFull.all }, 0, 1, archived), EOPNOTSUPP);

  store.space.look = async () => {};
  store.space.full = true;
  t.equal(await ask({ whenFull: WhenFull.all }, 0, 1 << 20), 0);
  t.equal(await ask({ whenFull: WhenFull.overwrite }, 0, 8192), 0);
  t.equal(await ask({ whenFull: WhenFull.overwrite }, 1, 8192), ENOSPC);
  t.equal(await ask({ whenFull: WhenFull.withinSize }, 0, 8192), 0);
  t.equal(await ask({ whenFull: WhenFull.withinSize }, 1, 8192), ENOSPC);
  t.equal(await ask({ whenFull: WhenFull.nothing }, 0, 1), ENOSPC);
  t.equal(await ask({ whenFull: WhenFull.nothingNow }, 0, 1), ENOSPC);
  t.equal(await ask({ whenFull: WhenFull.nothing }, 0, 1, new Dict().setInt('glusterfs-internal-fop', 1)), 0);
  store.space.full = false;

  const mark = new Dict().setText('trusted.glusterfs.protect.writes', '1');
  const avoids = new Dict().setInt('glusterfs.avoid.overwrite', 1);
  t.equal(await ask({ whenFull: WhenFull.all }, 0, 1, mark), 0);
  t.equal(
    await ask({ whenFull: WhenFull.all, avoidsMarked: true }, 0, 1, avoids),
    0,
    'those that do not mark have not',
  );
  t.equal(await ask({ whenFull: WhenFull.all, marks: true }, 0, 1, mark), 0);
  t.equal(await ask({ whenFull: WhenFull.all, avoidsMarked: true }, 0, 1, avoids), EBUSY);
  t.equal(await ask({ whenFull: WhenFull.all }, 0, 1, avoids), 0);

  inode.type = S_IFBLK;
  t.equal(await ask({ whenFull: WhenFull.all, refusesDevices: true }, 0, 1), EINVAL);
});

t.test('writes whose batch cannot be made hear why, and leave nothing behind', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const { store } = b.posix;
  const good = payload(Buffer.from('good'));
  const bad = {
    ...payload(Buffer.from('bad')),
    get start(): number {
      throw new TypeError('a mistake');
    },
  };
  const request = (data: { region: typeof good.region; start: number; size: number }) =>
    b.posix.writev(
      b.call(WRITE),
      Object.defineProperties(
        { fd, offset: 0, flags: 0, xdata: null } as never,
        Object.getOwnPropertyDescriptors(data),
      ),
    );
  const results = await Promise.allSettled([request(good), request(bad)]);
  for (const r of results) t.ok(r.status === 'rejected' && r.reason instanceof TypeError);
  t.equal(store.state(inode).stores, 0);
  t.equal((await write(b, fd, 'good')).count, 4);
  t.equal(store.state(inode).stores, 0);
});
