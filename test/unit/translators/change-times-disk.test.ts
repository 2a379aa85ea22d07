/** Marks of changes on a real disk. */
import t from 'tap';
import type { Options } from '../../../brickd/translators/features/marker/options.js';
import { ChangeTimes } from '../../../brickd/translators/features/marker/xtime/change-times.js';
import type { FopName, Fops } from '../../../mux/xlator/fops.js';
import { Fd } from '../../../mux/xlator/inode.js';
import { region } from '../../../native/memory.js';
import { Brick, client } from '../posix/harness.js';

const UUID = '0a0b0c0d-1111-2222-3333-444455556666';
const KEY = `trusted.glusterfs.${UUID}.xtime`;
const OPTIONS: Options = {
  'volume-uuid': UUID,
  'timestamp-file': '/no/such/file',
  quota: false,
  'inode-quota': false,
  xtime: true,
  'gsync-force-xtime': false,
  'quota-version': 0,
};

class MarkedBrick extends Brick {
  times!: ChangeTimes;

  override async start(): Promise<this> {
    await super.start();
    this.times = new ChangeTimes({
      name: 'v-marker',
      type: 'features/marker',
      options: OPTIONS,
      brick: this.context,
      slot: 1,
    });
    await this.times.init();
    const disk = this.disk as unknown as Fops;
    this.times.next = new Proxy(disk, { get: (_, fop: FopName) => disk[fop].bind(disk) });
    const above = this.times;
    this.posix = new Proxy(this.disk, {
      get: (disk, name) => {
        const owner = name in above ? above : disk;
        const value: unknown = Reflect.get(owner, name, owner);
        return typeof value === 'function' ? value.bind(owner) : value;
      },
    });
    return this;
  }

  /** Marks from a path up to the root, once all are written. */
  async marks(path: string): Promise<(string | null)[]> {
    await this.times.fini();
    const names = path.split('/');
    return names
      .map((_, i) => this.xattr(this.path(...names.slice(0, names.length - i)), KEY))
      .concat(this.xattr(this.dir, KEY));
  }
}

t.test('from the file to the root, by names that the table knows and by gfid alone', async (t) => {
  const b = await new MarkedBrick().start();
  t.teardown(async () => {
    await b.stop();
    b.remove();
  });
  const d = (await b.mkdir(b.root, 'd')).inode;
  const e = (await b.mkdir(d, 'e')).inode;
  await b.mkdir(d, 'other');
  const { inode, fd } = await b.create(e, 'file');
  const first = await b.marks('d/e/file');
  t.match(first[0], /^[0-9a-f]{16}$/);
  t.strictSame(first, Array(4).fill(first[0]));

  await b.posix.setattr(b.call(), { inode: d, stat: (await b.lookup(b.root, 'd')).stat, valid: 1, xdata: null });
  const second = await b.marks('d/e/file');
  t.strictSame(second.slice(0, 2), first.slice(0, 2), 'what is below is not marked');
  t.ok((second[2] ?? '') > (first[2] ?? ''));
  t.equal(second[3], second[2]);
  b.disk.release(fd);

  // As after a restart, when a client comes back with its open files.
  await b.stop();
  await b.start();
  const known = b.table.intern(inode.gfid, inode.type);
  t.equal(known.parent, null);
  const again = new Fd(known, 2, client, 1);
  await b.posix.open(b.call(), { inode: known, fd: again, flags: 2, xdata: null });
  const data = region(16);
  await b.posix.writev(b.call(), { fd: again, offset: 0, size: 16, flags: 0, region: data, start: 0, xdata: null });
  const third = await b.marks('d/e/file');
  t.ok((third[0] ?? '') > (second[3] ?? ''));
  t.strictSame(third, Array(4).fill(third[0]));
  const other = b.xattr(b.path('d/other'), KEY);
  t.ok(other !== null && other < (third[0] ?? ''), 'nothing beside the way is marked');
  data.release();
  b.disk.release(again);
  t.strictSame(b.log, []);
});

t.test('renames mark both ways up, a removed name its directory', async (t) => {
  const b = await new MarkedBrick().start();
  t.teardown(async () => {
    await b.stop();
    b.remove();
  });
  const from = (await b.mkdir(b.root, 'from')).inode;
  const to = (await b.mkdir(b.root, 'to')).inode;
  const { inode } = await b.mknod(from, 'file');
  const [before = ''] = await b.marks('from/file');
  await b.rename(from, 'file', to, 'moved');
  const after = await b.marks('to/moved');
  t.ok((after[0] ?? '') > (before ?? ''));
  t.strictSame([...after, ...(await b.marks('from'))], Array(5).fill(after[0]));
  await b.posix.link(b.call(), { inode, newLoc: { inode: null, parent: from, name: 'link' }, xdata: null });
  b.table.link(from, 'link', inode.gfid, inode.type);
  const linked = await b.marks('from/link');
  t.ok((linked[0] ?? '') > (after[0] ?? ''));
  await b.unlink(to, 'moved');
  t.ok(((await b.marks('to'))[0] ?? '') > (linked[0] ?? ''));
  t.strictSame((await b.marks('from/link'))[0], (await b.marks('to'))[0], 'the file has another name');
  await b.unlink(from, 'link');
  t.ok(((await b.marks('from'))[0] ?? '') > ((await b.marks('to'))[0] ?? ''));
  t.strictSame(b.log, []);
});
