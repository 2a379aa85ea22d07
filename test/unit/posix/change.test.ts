import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, lstatSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { EBUSY, EEXIST, EINVAL, EISDIR, EMLINK, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from '../../../native/errno.js';
import { brick } from './files.js';
import { type Brick, errnoOf, NEW, REMOVE, withGfid } from './harness.js';

const ROOT_TEXT = '00000000-0000-0000-0000-000000000001';

const want = (...keys: string[]) => keys.reduce((d, k) => d.setInt(k, 1), new Dict());
function gfid2path(path: string): string[] {
  const out = execFileSync('getfattr', ['-h', '--absolute-names', '-d', '-m', 'trusted.gfid2path', path]).toString();
  return [...out.matchAll(/="([^"]*)"/g)].map((m) => m[1]!).sort();
}
const gone = (path: string) => {
  try {
    lstatSync(path);
    return false;
  } catch {
    return true;
  }
};

async function hardlink(b: Brick, from: string, to: string, xdata: Dict | null = null) {
  const inode = b.table.child(b.root, from)!;
  const r = await b.posix.link(b.call(REMOVE), { inode, newLoc: { inode, parent: b.root, name: to }, xdata });
  b.table.link(b.root, to, inode.gfid, inode.type);
  return r;
}

t.test('link', async (t) => {
  const b = await brick(t, { 'max-hardlinks': '3' });
  const f = await b.mknod(b.root, 'f');
  const g = await hardlink(b, 'f', 'g');
  t.equal(g.stat.nlink, 2);
  t.same(g.stat.gfid, f.stat.gfid);
  t.ok(g.stat.ctime > f.stat.ctime);
  t.equal(g.stat.mtime, f.stat.mtime);
  t.same(gfid2path(b.path('f')), [`${ROOT_TEXT}/f`, `${ROOT_TEXT}/g`]);
  t.equal(await errnoOf(() => hardlink(b, 'f', 'g')), EEXIST);
  await hardlink(b, 'f', 'h');
  t.equal(await errnoOf(() => hardlink(b, 'f', 'i')), EMLINK);
  await b.mkdir(b.root, 'd');
  t.equal(await errnoOf(() => hardlink(b, 'd', 'e')), EPERM);
  await b.mknod(b.root, 'linkto', 0o101000);
  await b.mknod(b.root, 'other');
  t.equal(await errnoOf(() => hardlink(b, 'other', 'f', want('force-replace'))), EEXIST);
  t.equal(await errnoOf(() => hardlink(b, 'other', 'linkto', want('force-replace'))), 0);
  const symlink = await b.posix.symlink(b.call(NEW), {
    loc: { inode: null, parent: b.root, name: 's' },
    target: 't',
    umask: 0,
    xdata: withGfid(),
  });
  b.table.link(b.root, 's', symlink.stat.gfid, symlink.stat.mode);
  t.equal((await hardlink(b, 's', 's2')).stat.isLink, true);
});

t.test('unlink of one of several names', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  await hardlink(b, 'f', 'g');
  const before = (await b.lookup(b.root, 'f')).stat;
  const r = await b.unlink(b.root, 'g', want('get-link-count', 'gf_request_link_count', 'gf_get_file_block_count'));
  t.equal(r.xdata?.number('get-link-count'), 2);
  t.equal(r.xdata?.number('gf_response_link_count'), 2);
  t.equal(r.xdata?.number('gf_get_file_block_count'), 0);
  const after = (await b.lookup(b.root, 'f')).stat;
  t.equal(after.nlink, 1);
  t.ok(after.ctime > before.ctime);
  t.equal(Number.parseInt(b.xattr(b.path('f'), 'trusted.glusterfs.mdata')!.slice(18, 34), 16), after.ctime);
  t.same(gfid2path(b.path('f')), [`${ROOT_TEXT}/f`]);
  t.notOk(gone(b.handle(f.stat.gfid)));
});

t.test('unlink of the last name', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const r = await b.unlink(b.root, 'f', want('dht-get-iatt-in-xattr'));
  t.equal((r.xdata!.get('dht-get-iatt-in-xattr')!.value as Iatt).nlink, 0);
  t.ok(gone(b.path('f')));
  t.ok(gone(b.handle(f.stat.gfid)));
  t.ok(r.postparent.mtime > r.preparent.mtime);
  t.equal(await errnoOf(() => b.unlink(b.root, 'f')), ENOENT);
  await b.mkdir(b.root, 'd');
  t.equal(await errnoOf(() => b.unlink(b.root, 'd')), EISDIR);
  t.notOk(gone(b.path('d')));
});

t.test('unlink of an open file', async (t) => {
  const b = await brick(t);
  const f = await b.create(b.root, 'f');
  t.equal(await errnoOf(() => b.unlink(b.root, 'f', want('dont-unlink-for-open-fd'))), EBUSY);
  await b.unlink(b.root, 'f');
  t.ok(gone(b.handle(f.stat.gfid)));
  const parked = readdirSync(b.path('.glusterfs/unlink'));
  t.equal(parked.length, 1);
  t.equal(await errnoOf(() => b.nameless(f.stat.gfid)), ENOENT);
  const l = await b.nameless(f.stat.gfid, want('unlinked-lookup'));
  t.equal(l.stat.nlink, 0);
  t.equal(l.stat.mode, 0o100640);
  const again = await b.posix.mknod(b.call(NEW), {
    loc: { inode: null, parent: b.root, name: 'back' },
    mode: 0o101000,
    rdev: 0,
    umask: 0,
    xdata: withGfid(f.stat.gfid).setInt('glusterfs-internal-fop', 1),
  });
  t.equal(again.stat.mode, 0o100640, 'an internal creation gives it a name again');
  t.notOk(gone(b.handle(f.stat.gfid)));
  t.same(readdirSync(b.path('.glusterfs/unlink')), []);
});

t.test('what was parked is gone after a restart', async (t) => {
  const b = await brick(t);
  await b.create(b.root, 'f');
  await b.unlink(b.root, 'f');
  t.equal(readdirSync(b.path('.glusterfs/unlink')).length, 1);
  await b.stop();
  await b.start();
  t.same(readdirSync(b.path('.glusterfs/unlink')), []);
});

t.test('unlink of link files only', async (t) => {
  const b = await brick(t);
  await b.mknod(b.root, 'data');
  await b.mknod(b.root, 'bare', 0o101000);
  await b.mknod(b.root, 'linkto', 0o101000, withGfid().setText('trusted.glusterfs.dht.linkto', 'v-client-0'));
  const only = () => want('unlink-only-if-dht-linkto-file');
  t.equal(await errnoOf(() => b.unlink(b.root, 'data', only())), EBUSY);
  t.equal(await errnoOf(() => b.unlink(b.root, 'bare', only())), EBUSY);
  t.equal(await errnoOf(() => b.unlink(b.root, 'linkto', only())), 0);
});

t.test('rmdir', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.mknod(d.inode, 'f');
  t.equal(await errnoOf(() => b.rmdir(b.root, 'd')), ENOTEMPTY);
  t.notOk(gone(b.handle(d.stat.gfid)), 'the handle stays');
  t.equal(await errnoOf(() => b.rmdir(d.inode, 'f')), ENOTDIR);
  t.equal(await errnoOf(() => b.rmdir(b.root, '.glusterfs')), EPERM);
  t.equal(await errnoOf(() => b.rmdir(b.root, 'no')), ENOENT);
  await b.unlink(d.inode, 'f');
  await b.rmdir(b.root, 'd');
  t.ok(gone(b.path('d')));
  t.ok(gone(b.handle(d.stat.gfid)));
});

t.test('rmdir with all its content goes to the landfill, which is emptied', async (t) => {
  const b = await brick(t, { 'janitor-sleep-duration': '1' });
  const d = await b.mkdir(b.root, 'd');
  const sub = await b.mkdir(d.inode, 'sub');
  const f = await b.mknod(sub.inode, 'f');
  const kept = await b.mknod(d.inode, 'kept');
  await b.posix.link(b.call(), {
    inode: kept.inode,
    newLoc: { inode: kept.inode, parent: b.root, name: 'other' },
    xdata: null,
  });
  for (let i = 0; i < 300; i++) await b.mknod(sub.inode, `f${i}`);
  await b.rmdir(b.root, 'd', 1);
  t.ok(gone(b.path('d')));
  t.ok(gone(b.handle(d.stat.gfid)));
  t.equal(readdirSync(b.path('.glusterfs/landfill')).length, 1);
  const until = Date.now() + 15000;
  while (readdirSync(b.path('.glusterfs/landfill')).length > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.same(readdirSync(b.path('.glusterfs/landfill')), []);
  t.ok(gone(b.handle(f.stat.gfid)));
  t.ok(gone(b.handle(sub.stat.gfid)));
  t.notOk(gone(b.handle(kept.stat.gfid)), 'a file with another name lives on');
});

t.test('rename of a file', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(b.root, 'f');
  const r = await b.rename(b.root, 'f', d.inode, 'g');
  t.same(r.stat.gfid, f.stat.gfid);
  t.ok(r.stat.ctime > f.stat.ctime);
  t.ok(r.postOldParent.mtime > r.preOldParent.mtime);
  t.ok(r.postNewParent.mtime > r.preNewParent.mtime);
  t.ok(gone(b.path('f')));
  t.match(gfid2path(b.path('d/g')), [/\/g$/]);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('d/g')).ino);
});

t.test('rename over a file', async (t) => {
  const b = await brick(t);
  await b.mknod(b.root, 'f');
  const victim = await b.mknod(b.root, 'v');
  writeFileSync(b.path('v'), 'x'.repeat(1000));
  const counts = want('get-link-count', 'gf_request_link_count', 'gf_get_file_block_count');
  const r = await b.rename(b.root, 'f', b.root, 'v', counts);
  t.equal(r.xdata?.number('gf_get_file_block_count'), 2);
  t.equal(r.xdata?.number('get-link-count'), 1);
  t.equal(r.xdata?.number('gf_response_link_count'), 1);
  t.ok(gone(b.handle(victim.stat.gfid)));
  const two = await b.mknod(b.root, 'two');
  await hardlink(b, 'two', 'second');
  await b.rename(b.root, 'v', b.root, 'two');
  t.notOk(gone(b.handle(two.stat.gfid)), 'the victim has another name');
  t.equal(await errnoOf(() => b.rename(b.root, 'second', b.root, 'second')), 0);
});

t.test('rename over an open file', async (t) => {
  const b = await brick(t);
  await b.mknod(b.root, 'f');
  const { inode, fd, stat } = await b.create(b.root, 'v');
  await b.rename(b.root, 'f', b.root, 'v');
  t.ok(gone(b.handle(stat.gfid)));
  const wanted = Object.assign(new Iatt(), { mode: 0o100600, mtime: 5 });
  const changed = await b.posix.setattr(b.call(), { inode, stat: wanted, valid: 0x21, xdata: null });
  t.match(changed.post, { mode: 0o100600, mtime: 5, nlink: 0 }, 'its user goes on as after an unlink');
  t.equal((await b.posix.stat(b.call(), { inode, xdata: null })).stat.mode, 0o100600);
  const dict = new Dict().setText('user.a', 'b');
  t.equal(await errnoOf(() => b.posix.setxattr(b.call(), { inode, dict, flags: 0, xdata: null })), 0);
  b.posix.release(fd);
  await b.stop();
  t.same(readdirSync(b.path('.glusterfs/unlink')), [], 'until the last close');
});

t.test('rename over one of several names', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  await b.posix.link(b.call(), { inode: f.inode, newLoc: { inode: f.inode, parent: b.root, name: 'g' }, xdata: null });
  await b.mknod(b.root, 'new');
  await b.rename(b.root, 'new', b.root, 'g');
  const names = (path: string) =>
    execFileSync('getfattr', ['-d', '-m', 'gfid2path', '--absolute-names', b.path(path)])
      .toString()
      .match(/\/\w+"$/gm);
  t.same(names('f'), ['/f"']);
  t.same(names('g'), ['/g"']);
});

t.test('rename between two names of one file changes nothing', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  await hardlink(b, 'f', 'g');
  await b.rename(b.root, 'f', b.root, 'g');
  t.notOk(gone(b.path('f')));
  t.notOk(gone(b.path('g')));
  t.same(gfid2path(b.path('f')), [`${ROOT_TEXT}/f`, `${ROOT_TEXT}/g`]);
  t.notOk(gone(b.handle(f.stat.gfid)));
});

t.test('rename of a directory', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const e = await b.mkdir(b.root, 'e');
  const f = await b.mknod(d.inode, 'f');
  await b.rename(b.root, 'd', e.inode, 'moved');
  t.match(readlinkSync(b.handle(d.stat.gfid)), /\/moved$/);
  t.same((await b.lookup(d.inode, 'f')).stat, f.stat, 'what is in it is still found');
  const full = await b.mkdir(b.root, 'full');
  await b.mknod(full.inode, 'x');
  t.equal(await errnoOf(() => b.rename(e.inode, 'moved', b.root, 'full')), ENOTEMPTY);
  t.match(readlinkSync(b.handle(d.stat.gfid)), /\/moved$/, 'the handle stays right');
  const empty = await b.mkdir(b.root, 'empty');
  await b.rename(e.inode, 'moved', b.root, 'empty');
  t.ok(gone(b.handle(empty.stat.gfid)));
  t.match(readlinkSync(b.handle(d.stat.gfid)), /\/empty$/);
  t.equal(await errnoOf(() => b.rename(b.root, 'empty', d.inode, 'self')), EINVAL);
  await b.mkdir(b.root, 'unknown');
  b.table.unlink(b.root, 'unknown');
  t.equal(
    await errnoOf(() => b.rename(b.root, 'empty', b.root, 'unknown')),
    EEXIST,
    'a directory that the client does not know of',
  );
});

t.test('readlink', async (t) => {
  const b = await brick(t);
  const long = `${'p'.repeat(200)}/`.repeat(15);
  const s = await b.posix.symlink(b.call(NEW), {
    loc: { inode: null, parent: b.root, name: 's' },
    target: long,
    umask: 0,
    xdata: withGfid(),
  });
  const inode = b.table.link(b.root, 's', s.stat.gfid, s.stat.mode);
  t.equal((await b.posix.readlink(b.call(), { inode, size: 4096, xdata: null })).target, long);
  t.equal((await b.posix.readlink(b.call(), { inode, size: 10, xdata: null })).target, 'p'.repeat(10));
  const f = await b.mknod(b.root, 'f');
  const d = await b.mkdir(b.root, 'd');
  t.equal(await errnoOf(() => b.posix.readlink(b.call(), { inode: f.inode, size: 10, xdata: null })), EINVAL);
  t.equal(await errnoOf(() => b.posix.readlink(b.call(), { inode: d.inode, size: 10, xdata: null })), EINVAL);
});

t.test('files without a name', async (t) => {
  const b = await brick(t);
  const gfid = withGfid().get('gfid-req')!.value as Uint8Array;
  const r = await b.posix.icreate(b.call(NEW), { gfid, mode: 0o100644, xdata: null });
  t.equal(r.stat.nlink, 0);
  const inode = b.table.intern(gfid, r.stat.mode);
  await b.posix.namelink(b.call(REMOVE), { loc: { inode, parent: b.root, name: 'n' }, xdata: null });
  t.equal(lstatSync(b.path('n')).ino, lstatSync(b.handle(gfid)).ino);
});

t.test('changes at the same time', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await Promise.all(Array.from({ length: 100 }, (_, i) => b.mknod(d.inode, `f${i}`)));
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      i % 2 === 0 ? b.unlink(d.inode, `f${i}`) : b.rename(d.inode, `f${i}`, b.root, `g${i}`),
    ),
  );
  t.same(readdirSync(b.path('d')), []);
  t.equal(readdirSync(b.dir).length, 52);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const last = (await b.lookup(b.root, 'd')).stat;
  t.equal(
    Number.parseInt(b.xattr(b.path('d'), 'trusted.glusterfs.mdata')!.slice(18, 34), 16),
    last.ctime,
    'disk and memory agree',
  );
  t.same(b.log, []);
});

t.test('descriptors are not leaked', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const count = () => readdirSync('/proc/self/fd').length;
  await b.mknod(d.inode, 'f');
  const before = count();
  for (let i = 0; i < 50; i++) {
    await errnoOf(() => b.mknod(d.inode, 'f'));
    await errnoOf(() => b.create(d.inode, 'f'));
    await errnoOf(() => b.lookup(d.inode, 'none'));
    await b.lookup(d.inode, 'f', new Dict().setUint('glusterfs.content', 100));
    const fd = await b.opendir(d.inode);
    b.posix.releasedir(fd);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(count() <= before + 2, `${before} descriptors before, ${count()} after`);
  closeSync(openSync('/dev/null', 'r'));
  t.ok(existsSync(b.path('d/f')));
});
