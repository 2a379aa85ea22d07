import { lstatSync, readlinkSync } from 'node:fs';
import t from 'tap';
import { Brick } from './harness.js';

t.test('first', async (t) => {
  const b = await new Brick().start();
  t.teardown(async () => {
    await b.stop();
    b.remove();
  });
  const d = await b.mkdir(b.root, 'd');
  t.equal(d.stat.nlink, 2);
  t.equal(readlinkSync(b.handle(d.stat.gfid)), '../../00/00/00000000-0000-0000-0000-000000000001/d');
  const f = await b.create(d.inode, 'f');
  t.equal(f.stat.nlink, 1);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('d/f')).ino);
  const l = await b.lookup(d.inode, 'f');
  t.same(l.stat, f.stat);
  await b.unlink(d.inode, 'f');
  t.same(b.log, []);
});
