import { mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import type { DirEntry, ReaddirReply } from '../../../mux/xlator/fops.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { E2BIG, EINVAL, ENOENT, ENOTDIR } from '../../../native/errno.js';
import { brick } from './files.js';
import { type Brick, client, errnoOf } from './harness.js';

async function all(
  b: Brick,
  inode: Inode,
  size: number,
  xdata: Dict | null = null,
  plus = true,
): Promise<{ entries: DirEntry[]; rounds: number }> {
  const fd = await b.opendir(inode);
  const entries: DirEntry[] = [];
  let offset = 0n;
  for (let rounds = 1; ; rounds++) {
    const args = { fd, offset, size, xdata };
    const r: ReaddirReply = await (plus ? b.posix.readdirp(b.call(), args) : b.posix.readdir(b.call(), args));
    entries.push(...r.entries);
    if (r.errno === ENOENT || r.entries.length === 0) {
      b.posix.releasedir(fd);
      return { entries, rounds };
    }
    offset = r.entries.at(-1)!.offset;
  }
}

t.test('all entries, once each, in as many replies as it takes', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const names = Array.from({ length: 500 }, (_, i) => `${'f'.repeat(i % 40)}${i}`);
  for (const name of names) await b.mknod(d.inode, name);
  for (const size of [300, 4096, 131072]) {
    const { entries, rounds } = await all(b, d.inode, size);
    t.same(entries.map((e) => e.name).sort(), [...names, '.', '..'].sort(), `size ${size}`);
    t.ok(size > 300 || rounds > 400);
  }
  const plain = await all(b, d.inode, 4096, null, false);
  t.equal(plain.entries.length, 502);
  t.ok(plain.entries.every((e) => e.ino !== 0n && e.type !== 0 && e.dict === null));
});

t.test('one reply tells that the directory has ended', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.mknod(d.inode, 'f');
  t.equal((await all(b, d.inode, 4096)).rounds, 1);
  const fd = await b.opendir(d.inode);
  const exact = 210 + 211 + 210;
  const r = await b.posix.readdirp(b.call(), { fd, offset: 0n, size: exact, xdata: null });
  t.equal(r.entries.length, 3);
  t.equal(r.errno, ENOENT);
  const less = await b.posix.readdirp(b.call(), { fd, offset: 0n, size: exact - 1, xdata: null });
  t.equal(less.entries.length, 2);
  t.equal(less.errno, 0);
  b.posix.releasedir(fd);
});

t.test('attributes and xattrs of entries', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f');
  const sub = await b.mkdir(d.inode, 'sub');
  mkdirSync(b.path('d/foreign'));
  const { entries } = await all(
    b,
    d.inode,
    65536,
    new Dict().setInt('trusted.gfid', 0).setInt('glusterfs.open-fd-count', 0),
  );
  const by = new Map(entries.map((e) => [e.name, e]));
  t.same(by.get('f')!.stat, f.stat);
  t.same(by.get('sub')!.stat, (await b.lookup(d.inode, 'sub')).stat);
  t.equal(by.get('f')!.ino, Buffer.from(f.stat.gfid).readBigUInt64BE(8));
  t.same([...by.get('f')!.dict!.map.keys()].sort(), ['glusterfs.open-fd-count', 'trusted.gfid']);
  t.equal(by.get('sub')!.type, 4);
  t.same(by.get('foreign')!.stat.gfid, new Uint8Array(16));
  t.same(by.get('.')!.stat.gfid, d.stat.gfid);
  t.same(sub.stat.gfid, by.get('sub')!.stat.gfid);
});

t.test('the root hides what is not for clients', async (t) => {
  const b = await brick(t);
  await b.mkdir(b.root, 'd');
  await b.mknod(b.root, 'f');
  t.same((await all(b, b.root, 4096)).entries.map((e) => e.name).sort(), ['.', '..', 'd', 'f']);
  t.same(
    (await all(b, b.root, 4096, new Dict().setInt('readdir-filter-directories', 1))).entries.map((e) => e.name),
    ['f'],
  );
});

t.test('the way to a directory', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const sub = await b.mkdir(d.inode, 'sub');
  const fd = await b.opendir(sub.inode);
  const r = await b.posix.readdirp(b.call(), {
    fd,
    offset: 0n,
    size: 4096,
    xdata: new Dict().setInt('glusterfs.ancestry.dentry', 1),
  });
  t.same(
    r.entries.map((e) => e.name),
    ['/', 'd', 'sub'],
  );
  t.same(r.entries[2]!.stat.gfid, sub.stat.gfid);
  b.posix.releasedir(fd);
});

t.test('the ways to a file', async (t) => {
  const b = await brick(t, { 'update-link-count-parent': 'on' });
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(b.root, 'f');
  await b.posix.link(b.call(), { inode: f.inode, newLoc: { inode: f.inode, parent: d.inode, name: 'g' }, xdata: null });
  const ways = async () => {
    const fd = new Fd(f.inode, 0, client, 1, true);
    const xdata = new Dict().setInt('glusterfs.ancestry.dentry', 1);
    const { entries } = await b.posix.readdirp(b.call(), { fd, offset: 0n, size: 0, xdata });
    return entries.map((e) => e.name);
  };
  t.same((await ways()).length, 5);
  t.same((await ways()).toSorted(), ['/', '/', 'd', 'f', 'g']);
  const handle = b.handle(d.stat.gfid);
  renameSync(handle, `${handle}.away`);
  t.same(await ways(), ['/', 'f'], 'a directory that is gone');
  renameSync(dirname(handle), `${dirname(handle)}.away`);
  writeFileSync(dirname(handle), '');
  t.equal(await errnoOf(ways), ENOTDIR, 'one that can not be read is not taken for one that is gone');
});

t.test('anonymous and wrong fds', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const anonymous = new Fd(d.inode, 0, client, 1, true);
  t.equal((await b.posix.readdirp(b.call(), { fd: anonymous, offset: 0n, size: 4096, xdata: null })).entries.length, 2);
  b.posix.releasedir(anonymous);
  const never = new Fd(d.inode, 0, client, 1);
  t.equal(await errnoOf(() => b.posix.readdirp(b.call(), { fd: never, offset: 0n, size: 4096, xdata: null })), EINVAL);
  const f = await b.mknod(d.inode, 'f');
  t.equal(await errnoOf(() => b.posix.opendir(b.call(), { inode: f.inode, fd: never, xdata: null })), 20);
});

t.test('the content of files that a reply carries has a bound', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  for (let i = 0; i < 20; i++) {
    await b.mknod(d.inode, `f${i}`);
    truncateSync(b.path(`d/f${i}`), 200_000);
  }
  const { entries, rounds } = await all(b, d.inode, 65536, new Dict().setUint('glusterfs.content', 4 << 20));
  t.equal(rounds, 1);
  t.equal(entries.length, 22);
  const bytes = entries.map((e) => e.dict?.bytes('glusterfs.content')?.length ?? 0);
  t.equal(
    bytes.reduce((a, n) => a + n, 0),
    1_000_000,
    'five of them: what fits into 1 MiB',
  );
});

t.test('a request that asks for thousands of xattrs gets those that there are; wildcards are few', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.mknod(d.inode, 'f');
  await b.posix.setxattr(b.call(), {
    inode: d.inode,
    dict: new Dict().setText('user.n7', 'seven'),
    flags: 0,
    xdata: null,
  });
  const names = new Dict();
  for (let i = 0; i < 5000; i++) names.setText(`user.n${i}`, '');
  const { entries } = await all(b, d.inode, 65536, names);
  const self = entries.find((e) => e.name === '.');
  t.same([...self!.dict!.map.keys()], ['user.n7']);
  for (const word of ['user.*x', 'glusterfs.posix.acl']) {
    const many = new Dict();
    for (let i = 0; i < 100; i++) many.setText(`${word}${i}`, '');
    t.equal(await errnoOf(() => all(b, d.inode, 65536, many)), E2BIG);
    t.equal(await errnoOf(() => b.lookup(b.root, 'd', many)), E2BIG);
  }
});
