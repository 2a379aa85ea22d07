import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { TimeFlag } from '../../../mux/xlator/call.js';
import { Dict, valueBytes } from '../../../mux/xlator/dict.js';
import type { FopError } from '../../../mux/xlator/fop-error.js';
import { ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { EINVAL, ENAMETOOLONG, ENODATA, ENOENT, EPERM, ESTALE } from '../../../native/errno.js';
import { directoryBudget } from '../../../posix/disk/descriptors/directory-cache.js';
import { brick } from './files.js';
import { type Brick, client, errnoOf, newGfid, withGfid } from './harness.js';

async function list(b: Brick, dir: Inode) {
  const fd = await b.opendir(dir);
  const { entries } = await b.posix.readdirp(b.call(), { fd, offset: 0n, size: 4096, xdata: null });
  b.posix.releasedir(fd);
  return entries;
}

const setxattr = (path: string, key: string, value: string) =>
  execFileSync('setfattr', ['-h', '-n', key, '-v', value, path]);
const want = (...keys: string[]) => keys.reduce((d, k) => d.setInt(k, 1), new Dict());
const text = (d: Dict | null, key: string) =>
  d?.has(key) ? Buffer.from(valueBytes(d.get(key)!)!).toString('latin1') : undefined;

t.test('named and nameless look-ups agree with the fop that made the file', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f');
  const l = await b.lookup(d.inode, 'f');
  t.same(l.stat, f.stat);
  t.same(l.postparent, f.postparent);
  t.same((await b.nameless(f.stat.gfid)).stat, f.stat);
  const above = await b.lookup(b.root, 'd');
  t.same((await b.nameless(d.stat.gfid)).stat, above.stat);
  t.equal((await b.nameless(d.stat.gfid)).postparent, NO_IATT);
  t.ok((await b.nameless(ROOT_GFID)).stat.isDirectory);
});

t.test('after a restart all is read from disk', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const sub = await b.mkdir(d.inode, 'sub');
  const f = await b.create(sub.inode, 'f');
  await b.stop();
  await b.start();
  t.same((await b.nameless(f.stat.gfid)).stat, f.stat);
  const again = await b.nameless(sub.stat.gfid);
  t.equal(again.stat.mtime, f.postparent.mtime);
  const inode = b.table.intern(sub.stat.gfid, sub.stat.mode);
  t.same((await b.lookup(inode, 'f')).stat, f.stat, 'below a directory that is known by gfid only');
});

t.test('what is not there', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const error = await Promise.resolve(b.lookup(d.inode, 'no')).catch((e: unknown) => e as FopError);
  t.equal((error as FopError).errno, ENOENT);
  t.same((error as FopError).postparent?.gfid, d.stat.gfid, "the directory's attributes come along");
  t.equal(await errnoOf(() => b.lookup(b.root, '.glusterfs')), EPERM);
  t.equal(await errnoOf(() => b.lookup(b.root, 'n'.repeat(256))), ENAMETOOLONG);
  t.equal(await errnoOf(() => b.nameless(newGfid())), ENOENT);
  t.equal(await errnoOf(() => b.nameless(new Uint8Array(16))), EINVAL);
  const sub = await b.mkdir(d.inode, 'sub');
  execFileSync('rm', ['-rf', b.path('d')]);
  t.equal(await errnoOf(() => b.lookup(d.inode, 'sub')), ESTALE, 'the directory is gone');
  t.equal(await errnoOf(() => b.lookup(sub.inode, 'x')), ESTALE);
});

t.test('a gfid for a file that has none', async (t) => {
  const b = await brick(t);
  writeFileSync(b.path('old'), 'x');
  t.equal(await errnoOf(() => b.lookup(b.root, 'old')), ENODATA);
  t.equal((await b.lookup(b.root, 'old', want('gfidless-lookup'))).stat.size, 1);
  const gfid = newGfid();
  const l = await b.lookup(b.root, 'old', withGfid(gfid));
  t.same(l.stat.gfid, gfid);
  t.equal(lstatSync(b.handle(gfid)).ino, lstatSync(b.path('old')).ino);
  t.equal(l.stat.nlink, 1);
  mkdirSync(b.path('olddir'));
  const dg = newGfid();
  await b.lookup(b.root, 'olddir', withGfid(dg));
  t.equal(readlinkSync(b.handle(dg)), '../../00/00/00000000-0000-0000-0000-000000000001/olddir');
});

t.test('a fresh file without gfid does not exist yet, with ctime off', async (t) => {
  const b = await brick(t, { ctime: 'off' });
  writeFileSync(b.path('fresh'), 'x');
  t.equal(await errnoOf(() => b.lookup(b.root, 'fresh', withGfid())), ENOENT);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  t.equal(await errnoOf(() => b.lookup(b.root, 'fresh', withGfid())), 0);
});

t.test('handles that were lost come back', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f');
  unlinkSync(b.handle(f.stat.gfid));
  unlinkSync(b.handle(d.stat.gfid));
  await b.stop();
  await b.start();
  const l = await b.lookup(b.root, 'd');
  t.ok(readlinkSync(b.handle(d.stat.gfid)).endsWith('/d'));
  await b.lookup(l.inode, 'f');
  t.equal(lstatSync(b.handle(f.stat.gfid)).nlink, 2);
});

t.test('handles of files and directories that are known come back', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f');
  unlinkSync(b.handle(f.stat.gfid));
  unlinkSync(b.handle(d.stat.gfid));
  t.equal((await b.lookup(b.root, 'd')).inode, d.inode);
  t.ok(readlinkSync(b.handle(d.stat.gfid)).endsWith('/d'));
  t.equal((await b.lookup(d.inode, 'f')).stat.nlink, 1);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('d/f')).ino);
  unlinkSync(b.handle(f.stat.gfid));
  const entries = (await list(b, d.inode)).filter((e) => e.name === 'f');
  t.match(entries, [{ name: 'f', stat: { nlink: 1 } }]);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('d/f')).ino, 'at a listing');
});

t.test('a directory that is opened without a look-up gets its handle back', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  unlinkSync(b.handle(d.stat.gfid));
  b.posix.releasedir(await b.opendir(d.inode));
  t.ok(readlinkSync(b.handle(d.stat.gfid)).endsWith('/d'));
});

t.test('a directory is met and listed while changes around it do not come back', async (t) => {
  const b = await brick(t, { ctime: 'on' });
  await b.mkdir(b.root, 'd');
  await b.stop();
  await b.start({ ctime: 'on' });
  const { store } = b.posix;
  // As while a disk hangs: nothing is tried on the event loop's thread, and what runs in a lane waits for what is stuck there.
  Object.defineProperty(store, 'inline', { get: () => false });
  const { queue } = store;
  const run = queue.run.bind(queue);
  const stuck: (() => void)[] = [];
  queue.run = (batch, lane, priority) => {
    if (lane !== b.root.lane) return run(batch, lane, priority);
    return new Promise((resolve) => stuck.push(() => resolve(run(batch, lane, priority))));
  };
  const soon = <T>(what: Promise<T>) =>
    Promise.race([what, new Promise<null>((resolve) => setTimeout(resolve, 2000, null))]);
  const met = await soon(b.lookup(b.root, 'd'));
  t.ok(met !== null, 'a look-up is answered');
  if (met === null) for (const go of stuck.splice(0)) go();
  const { inode } = met ?? (await b.lookup(b.root, 'd'));
  t.ok((await soon(b.opendir(inode))) !== null, 'it is opened');
  const reading = new Fd(inode, 0, client, 2);
  const opening = Promise.resolve(b.posix.opendir(b.call(TimeFlag.atime), { inode: b.root, fd: reading, xdata: null }));
  t.ok((await soon(opening)) !== null, 'an access time is not waited for');
  queue.run = run;
  for (const go of stuck.splice(0)) go();
  await opening;
});

t.test('a file that another has taken the handle of is tried once', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  writeFileSync(b.path('copy'), 'x');
  execFileSync('setfattr', [
    '-n',
    'trusted.gfid',
    '-v',
    `0x${Buffer.from(f.stat.gfid).toString('hex')}`,
    b.path('copy'),
  ]);
  let batches = 0;
  const { queue } = b.posix.store;
  const run = queue.run.bind(queue);
  queue.run = (batch, lane, priority) => {
    batches++;
    return run(batch, lane, priority);
  };
  await b.lookup(b.root, 'copy');
  t.ok(batches > 0);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('f')).ino);
  await b.calm();
  batches = 0;
  await b.lookup(b.root, 'copy');
  t.equal(batches, 0);
});

t.test('the healing of a handle and changes of its name beside it', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const ino = (path: string) => (existsSync(path) ? lstatSync(path).ino : 0);
  for (let round = 0; round < 16; round++) {
    const f = await b.mknod(b.root, 'f');
    const other = await b.mknod(d.inode, 'other');
    unlinkSync(b.handle(f.stat.gfid));
    const renames = round % 2 === 0;
    const change = renames ? b.rename(d.inode, 'other', b.root, 'f') : b.unlink(b.root, 'f');
    const look = () =>
      b.posix.lookup(b.call(), { loc: { inode: f.inode, parent: b.root, name: 'f' }, gfid: null, xdata: new Dict() });
    await Promise.allSettled([look(), list(b, b.root), change, look()]);
    t.equal(ino(b.handle(f.stat.gfid)), 0, 'no handle is left of what has no name');
    t.equal(ino(b.handle(other.stat.gfid)), ino(b.path(renames ? 'f' : 'd/other')));
    await (renames ? b.unlink(b.root, 'f') : b.unlink(d.inode, 'other'));
  }
});

t.test('a stale handle of a directory is removed', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.stop();
  execFileSync('rm', ['-rf', b.path('d')]);
  await b.start();
  t.equal(await errnoOf(() => b.nameless(d.stat.gfid)), ENOENT);
  t.throws(() => lstatSync(b.handle(d.stat.gfid)));
});

t.test('a directory is found though it was moved behind our back', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.mknod(d.inode, 'f');
  await b.stop();
  await b.start();
  const l = await b.lookup(b.root, 'd');
  b.posix.store.dirs.closeIdle();
  b.posix.store.dirs.closeIdle();
  renameSync(b.path('d'), b.path('e'));
  unlinkSync(b.handle(d.stat.gfid));
  symlinkSync('../../00/00/00000000-0000-0000-0000-000000000001/e', b.handle(d.stat.gfid));
  t.equal(await errnoOf(() => b.lookup(l.inode, 'f')), 0);
});

t.test('deep trees, with room for few open directories', async (t) => {
  const b = await brick(t);
  directoryBudget.limit = 4;
  t.teardown(() => {
    directoryBudget.limit = 1024;
  });
  const chain: Inode[] = [b.root];
  for (let i = 0; i < 120; i++) chain.push((await b.mkdir(chain[i]!, `${'x'.repeat(90)}${i}`)).inode);
  await b.mknod(chain[120]!, 'leaf');
  t.ok(b.posix.store.dirs.held < 20);
  await b.stop();
  await b.start();
  const bottom = b.table.intern(chain[120]!.gfid, 0o040755);
  t.equal(await errnoOf(() => b.lookup(bottom, 'leaf')), 0, 'by the handles alone');
});

t.test('xattrs that a look-up asks for', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const p = b.path('f');
  setxattr(p, 'trusted.afr.v-client-0', '0x000000000000000000000000');
  setxattr(p, 'trusted.afr.dirty', '0x01');
  setxattr(p, 'user.a', 'A');
  setxattr(p, 'trusted.glusterfs.quota.1.contri', '0x02');
  setxattr(p, 'trusted.big', `0x${'ab'.repeat(2000)}`);
  const l = await b.lookup(b.root, 'f', want('trusted.afr.*', 'trusted.none', 'user.a', 'trusted.big', 'link-count'));
  t.same([...l.xdata!.map.keys()].sort(), ['trusted.afr.dirty', 'trusted.afr.v-client-0', 'trusted.big', 'user.a']);
  t.equal(text(l.xdata, 'user.a'), 'A');
  t.equal(valueBytes(l.xdata!.get('trusted.big')!)!.length, 2000);
  t.same([...(await b.lookup(b.root, 'f', new Dict())).xdata!.map.keys()], []);
  t.equal((await b.lookup(b.root, 'f', null)).xdata, null);
  const listed = await b.lookup(b.root, 'f', want('list-xattr'));
  t.same([...listed.xdata!.map.keys()].sort(), [
    'trusted.afr.dirty',
    'trusted.afr.v-client-0',
    'trusted.big',
    'trusted.glusterfs.mdata',
    'user.a',
  ]);
  const some = await b.nameless(f.stat.gfid, want('trusted.gfid', 'trusted.afr.dirty'));
  t.same([...some.xdata!.map.keys()].sort(), ['trusted.afr.dirty', 'trusted.gfid']);
  const contri = await b.lookup(b.root, 'f', want('trusted.glusterfs.quota.contri'));
  t.same([...contri.xdata!.map.keys()], ['trusted.glusterfs.quota.1.contri']);
});

t.test('words that a look-up asks for', async (t) => {
  const b = await brick(t);
  const f = await b.create(b.root, 'f');
  writeFileSync(b.path('f'), 'hello');
  const d = await b.mkdir(b.root, 'd');
  const l = await b.lookup(
    b.root,
    'f',
    new Dict()
      .setUint('glusterfs.content', 5)
      .setInt('glusterfs.open-fd-count', 1)
      .setInt('get-size', 1)
      .setInt('gf_request_link_count', 7)
      .setInt('glusterfs.posix.acl', 1),
  );
  t.equal(text(l.xdata, 'glusterfs.content'), 'hello');
  t.equal(l.xdata!.number('glusterfs.open-fd-count'), 1);
  t.equal(l.xdata!.number('get-size'), 5);
  t.equal(l.xdata!.number('gf_request_link_count'), 7);
  t.equal(l.xdata!.text('glusterfs.posix.acl'), 'u::rw-,g::r--,o::---');
  t.notOk((await b.lookup(b.root, 'f', new Dict().setUint('glusterfs.content', 4))).xdata!.has('glusterfs.content'));
  t.equal(
    text((await b.nameless(f.stat.gfid, new Dict().setUint('glusterfs.content', 64))).xdata, 'glusterfs.content'),
    'hello',
  );
  execFileSync('setfacl', ['-d', '-m', 'u:7:rx', b.path('d')]);
  execFileSync('setfacl', ['-m', 'u:1000:rw', b.path('d')]);
  const a = await b.lookup(
    b.root,
    'd',
    want('glusterfs.posix.acl', 'glusterfs.posix.default_acl', 'glusterfs.ancestry.path', 'glusterfs.content'),
  );
  t.equal(a.xdata!.text('glusterfs.posix.acl'), 'u::rwx,u:1000:rw-,g::r-x,m::rwx,o::r-x');
  t.equal(a.xdata!.text('glusterfs.posix.default_acl'), 'u::rwx,u:7:r-x,g::r-x,m::r-x,o::r-x');
  t.equal(a.xdata!.text('glusterfs.ancestry.path'), '/d');
  const sub = await b.mkdir(d.inode, 'sub');
  t.equal(
    (await b.nameless(sub.stat.gfid, want('glusterfs.ancestry.path'))).xdata!.text('glusterfs.ancestry.path'),
    '/d/sub',
  );
});

t.test('a look-up takes write protection off', async (t) => {
  const b = await brick(t);
  await b.mknod(b.root, 'f');
  setxattr(b.path('f'), 'trusted.glusterfs.protect.writes', '1');
  await b.lookup(b.root, 'f', want('glusterfs.clean.writexattr'));
  t.equal(b.xattr(b.path('f'), 'trusted.glusterfs.protect.writes'), null);
});

t.test('links are counted by parent where quota needs it', async (t) => {
  const b = await brick(t, { 'update-link-count-parent': 'on' });
  writeFileSync(b.path('old'), '');
  await b.lookup(b.root, 'old', withGfid());
  const key = 'trusted.pgfid.00000000-0000-0000-0000-000000000001';
  t.equal(b.xattr(b.path('old'), key), '00000001');
  const f = await b.mknod(b.root, 'f');
  t.equal(b.xattr(b.path('f'), key), '00000001');
  await b.posix.link(b.call(), { inode: f.inode, newLoc: { inode: f.inode, parent: b.root, name: 'g' }, xdata: null });
  t.equal(b.xattr(b.path('f'), key), '00000002');
  const path = await b.lookup(b.root, 'f', want('glusterfs.ancestry.path'));
  t.same(path.xdata!.text('glusterfs.ancestry.path')!.split(':').sort(), ['/f', '/g']);
  const d = await b.mkdir(b.root, 'd');
  b.table.link(b.root, 'g', f.stat.gfid, f.stat.mode);
  await b.rename(b.root, 'g', d.inode, 'h');
  t.equal(b.xattr(b.path('f'), key), '00000001');
  await b.unlink(b.root, 'f');
  t.equal(b.xattr(b.path('d/h'), key), null);
});

t.test('byte strings', async (t) => {
  const b = await brick(t);
  const name = Buffer.from('gr\u00fc\u00df').toString('latin1');
  await b.mknod(b.root, name);
  t.ok(existsSync(b.path('grüß')));
  const odd = 'a\xff\xfe\nb';
  await b.mkdir(b.root, odd);
  t.equal(await errnoOf(() => b.lookup(b.root, odd)), 0);
});

t.test('hard links made behind our back keep their identity', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  linkSync(b.path('f'), b.path('g'));
  const g = await b.lookup(b.root, 'g');
  t.same(g.stat.gfid, f.stat.gfid);
  t.equal(g.stat.nlink, 2);
});
