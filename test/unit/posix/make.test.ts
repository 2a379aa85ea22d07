import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError } from '../../../mux/xlator/fop-error.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { EEXIST, EINVAL, EIO, ENAMETOOLONG, ENODATA, ENOENT, EPERM } from '../../../native/errno.js';
import { brick } from './files.js';
import { errnoOf, NEW, newGfid, withGfid } from './harness.js';

const ROOT_TEXT = '00000000-0000-0000-0000-000000000001';
const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');

function gfid2path(path: string): string[] {
  const out = execFileSync('getfattr', ['-h', '--absolute-names', '-d', '-m', 'trusted.gfid2path', path]).toString();
  return [...out.matchAll(/="([^"]*)"/g)].map((m) => m[1]!).sort();
}

t.test('a directory gets gfid, time record and handle', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd', 0o1750);
  const gfid = Buffer.from(d.stat.gfid).toString('hex');
  t.equal(b.xattr(b.path('d'), 'trusted.gfid'), gfid);
  t.equal(readlinkSync(b.handle(d.stat.gfid)), `../../00/00/${ROOT_TEXT}/d`);
  t.equal(lstatSync(b.path('d')).mode & 0o7777, 0o1750);
  t.equal(d.stat.nlink, 2);
  t.equal(d.preparent.nlink + 1, d.postparent.nlink);
  const mdata = b.xattr(b.path('d'), 'trusted.glusterfs.mdata')!;
  t.equal(mdata.length, 114);
  t.equal(mdata.slice(0, 18), '010000000000000000');
  t.equal(Number.parseInt(mdata.slice(18, 34), 16), d.stat.ctime);
  t.equal(d.stat.ctime, d.stat.mtime);
  t.equal(d.postparent.mtime, d.stat.mtime, "the parent's times are set by the same clock");
  t.equal(b.xattr(b.dir, 'trusted.glusterfs.mdata')!.slice(18), mdata.slice(18));
  t.equal(b.xattr(b.path('d'), 'trusted.gfid2path'), null);
  t.same(b.log, []);
});

t.test('a file gets gfid2path and a hard link as its handle', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f', 0o100604);
  t.same(gfid2path(b.path('d/f')), [`${gfidText(d.stat.gfid)}/f`]);
  t.equal(lstatSync(b.handle(f.stat.gfid)).ino, lstatSync(b.path('d/f')).ino);
  t.equal(f.stat.nlink, 1);
  t.equal(f.stat.mode, 0o100604);
  const s = await b.posix.symlink(b.call(NEW), {
    loc: { inode: null, parent: d.inode, name: 's' },
    target: 'no/where',
    umask: 0,
    xdata: withGfid(),
  });
  t.equal(readlinkSync(b.path('d/s')), 'no/where');
  t.equal(readlinkSync(b.handle(s.stat.gfid)), 'no/where');
  t.equal(s.stat.isLink, true);
  t.same(gfid2path(b.path('d/s')), [`${gfidText(d.stat.gfid)}/s`]);
  const fifo = await b.mknod(d.inode, 'p', 0o010600);
  t.equal(fifo.stat.mode, 0o010600);
});

t.test('create opens what it makes', async (t) => {
  const b = await brick(t);
  const c = await b.create(b.root, 'f');
  t.equal(c.stat.mode, 0o100640);
  t.equal(lstatSync(b.handle(c.stat.gfid)).nlink, 2);
  t.equal(await errnoOf(() => b.create(b.root, 'f', 0o302)), EEXIST, 'O_EXCL');
  t.equal(await errnoOf(() => b.create(b.root, 'f', 0)), EEXIST, 'no flags mean O_EXCL');
  writeFileSync(b.path('f'), 'content');
  const again = await b.create(b.root, 'f', 0o102);
  t.same(again.stat.gfid, c.stat.gfid);
  t.equal(again.stat.size, 7);
  t.ok(again.stat.ctime > c.stat.ctime, 'its times are those of the open');
  t.equal((await b.create(b.root, 'f', 0o1102)).stat.size, 0, 'O_TRUNC');
});

t.test('owners', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.posix.mknod(b.call(NEW, 1001, 1002), {
    loc: { inode: null, parent: d.inode, name: 'f' },
    mode: 0o104755,
    rdev: 0,
    umask: 0,
    xdata: withGfid(),
  });
  t.equal(`${f.stat.uid} ${f.stat.gid}`, '1001 1002');
  chownSync(b.path('d'), 5, 6);
  chmodSync(b.path('d'), 0o2775);
  const g = await b.posix.mkdir(b.call(NEW, 1001, 1002), {
    loc: { inode: null, parent: d.inode, name: 'sub' },
    mode: 0o755,
    umask: 0,
    xdata: withGfid(),
  });
  t.equal(`${g.stat.uid} ${g.stat.gid} ${(g.stat.mode & 0o7777).toString(8)}`, '1001 6 2755', 'setgid is inherited');
  const c = await b.posix.create(b.call(NEW, 0, 0), {
    loc: { inode: null, parent: d.inode, name: 'c' },
    flags: 0o302,
    mode: 0o600,
    umask: 0,
    pid: 1,
    xdata: withGfid(),
  });
  t.equal(`${c.stat.uid} ${c.stat.gid}`, '0 6');
  c.abandon();
});

t.test('masks', async (t) => {
  const b = await brick(t, {
    'create-mask': '0750',
    'force-create-mode': '0001',
    'create-directory-mask': '0700',
    'force-directory-mode': '0020',
  });
  t.equal((await b.mknod(b.root, 'f', 0o101777)).stat.mode, 0o101751);
  t.equal((await b.create(b.root, 'c')).stat.mode, 0o100641);
  t.equal((await b.mkdir(b.root, 'd', 0o1777)).stat.mode, 0o041720);
});

t.test('xattrs of the request', async (t) => {
  const b = await brick(t);
  const acl = Buffer.from(
    '02000000010007000000000002000500e8030000040005000000000010000500000000002000050000000000'.slice(0, 88),
    'hex',
  );
  const xdata = withGfid()
    .setBytes('trusted.glusterfs.dht', Buffer.from('layout'))
    .setText('user.word', 'w')
    .setInt('glusterfs-internal-fop', 1)
    .setBytes('trusted.glusterfs.volume-id', Buffer.alloc(16))
    .setBytes('trusted.gfid2path.0', Buffer.from('x'))
    .setBytes('system.posix_acl_access', acl)
    .setInt('glusterfs.no-such', 1);
  for (let i = 0; i < 20; i++) xdata.setBytes(`trusted.many.${i}`, Buffer.from([i]));
  await b.mkdir(b.root, 'd', 0o755, xdata);
  const d = b.path('d');
  t.equal(b.xattr(d, 'trusted.glusterfs.dht'), hex('layout'));
  t.equal(b.xattr(d, 'user.word'), hex('w\0'));
  t.equal(b.xattr(d, 'trusted.glusterfs.volume-id'), null);
  t.equal(b.xattr(d, 'trusted.gfid2path.0'), null);
  t.equal(b.xattr(d, 'trusted.many.19'), '13');
  t.match(b.xattr(d, 'system.posix_acl_access'), /^02000000/);
});

t.test('the time record that a heal gives with the file', async (t) => {
  const b = await brick(t);
  const record = Buffer.alloc(57);
  record[0] = 1;
  for (const [i, at] of [9, 25, 41].entries()) record.writeUInt32BE(1000 + i, at + 4);
  const xdata = withGfid().setBytes('trusted.glusterfs.mdata', record);
  const r = await b.posix.mknod(b.call(0), {
    loc: { inode: null, parent: b.root, name: 'f' },
    mode: 0o100600,
    rdev: 0,
    umask: 0,
    xdata,
  });
  t.equal(`${r.stat.ctime} ${r.stat.mtime} ${r.stat.atime}`, '1000 1001 1002');
  t.equal(b.xattr(b.path('f'), 'trusted.glusterfs.mdata'), record.toString('hex'));
});

t.test('no time record for calls without times, none with ctime off', async (t) => {
  const b = await brick(t);
  await b.posix.mkdir(b.call(0), {
    loc: { inode: null, parent: b.root, name: 'd' },
    mode: 0o755,
    umask: 0,
    xdata: withGfid(),
  });
  t.equal(b.xattr(b.path('d'), 'trusted.glusterfs.mdata'), null);
  const off = await brick(t, { ctime: 'off' });
  const d = await off.mkdir(off.root, 'd');
  t.equal(off.xattr(off.path('d'), 'trusted.glusterfs.mdata'), null);
  t.ok(Math.abs(d.stat.ctime - Date.now() / 1000) < 60);
});

t.test('what can not be made', async (t) => {
  const b = await brick(t);
  await b.mkdir(b.root, 'd');
  t.equal(await errnoOf(() => b.mkdir(b.root, 'd')), EEXIST);
  t.equal(await errnoOf(() => b.mknod(b.root, 'd')), EEXIST);
  t.equal(await errnoOf(() => b.mkdir(b.root, '.glusterfs')), EPERM);
  t.equal(await errnoOf(() => b.mkdir(b.root, 'x', 0o755, new Dict())), EINVAL, 'no gfid');
  t.equal(await errnoOf(() => b.mkdir(b.root, 'x', 0o755, withGfid(new Uint8Array(16)))), EINVAL, 'null gfid');
  t.equal(await errnoOf(() => b.mkdir(b.root, 'n'.repeat(256))), ENAMETOOLONG);
  await b.mknod(b.root, 'n'.repeat(255));
  const before = lstatSync(b.dir).mtimeMs;
  const taken = await b.mknod(b.root, 'first');
  t.equal(
    await errnoOf(() => b.mknod(b.root, 'second', 0o100644, withGfid(taken.stat.gfid))),
    EEXIST,
    'the gfid is taken',
  );
  t.notOk(existsSync(b.path('second')), 'nothing is left of the attempt');
  t.equal(lstatSync(b.handle(taken.stat.gfid)).ino, lstatSync(b.path('first')).ino);
  t.equal(await errnoOf(() => b.create(b.root, 'third', 0o302, withGfid(taken.stat.gfid))), EEXIST);
  t.notOk(existsSync(b.path('third')));
  t.ok(lstatSync(b.dir).mtimeMs >= before);
  execFileSync('rm', ['-rf', b.path('d')]);
  t.equal(await errnoOf(() => b.mkdir(b.table.child(b.root, 'd')!, 'sub')), ENOENT, 'the directory is gone');
});

t.test('a failing creation does not change the time of the directory', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  await b.mknod(d.inode, 'f');
  const before = b.xattr(b.path('d'), 'trusted.glusterfs.mdata');
  t.equal(await errnoOf(() => b.mknod(d.inode, 'f')), EEXIST);
  t.equal(b.xattr(b.path('d'), 'trusted.glusterfs.mdata'), before);
  t.equal((await b.lookup(b.root, 'd')).stat.mtime, (await b.lookup(d.inode, 'f')).stat.mtime);
});

t.test('the layout check before a creation', async (t) => {
  const b = await brick(t);
  execFileSync('setfattr', ['-n', 'trusted.glusterfs.dht', '-v', '0x0102', b.dir]);
  const check = (value: string) =>
    withGfid()
      .setText('glusterfs.preop.parent.key', 'trusted.glusterfs.dht')
      .setBytes('trusted.glusterfs.dht', Buffer.from(value, 'hex'));
  for (const make of [
    () => b.mkdir(b.root, 'd', 0o755, check('0103')),
    () => b.create(b.root, 'f', 0o302, check('0103')),
  ]) {
    const error = await Promise.resolve(make()).catch((e: unknown) => e as FopError);
    t.ok(error instanceof FopError);
    t.equal((error as FopError).errno, EIO);
    t.equal((error as FopError).xdata?.number('glusterfs.preop.check.failed'), 1);
  }
  t.same(readdirSync(b.dir), ['.glusterfs']);
  await b.mkdir(b.root, 'd', 0o755, check('0102'));
  t.equal(b.xattr(b.path('d'), 'trusted.glusterfs.dht'), null, 'the key of the check is no xattr of the new directory');
  await b.create(b.root, 'f', 0o302, check('0102'));
});

t.test('a directory that a heal makes anew under another name takes the handle over', async (t) => {
  const b = await brick(t);
  const a = await b.mkdir(b.root, 'a');
  const below = await b.mkdir(a.inode, 'below');
  const heal = withGfid(a.stat.gfid).setInt('glusterfs.internal-ctx', 1);
  t.equal(
    await errnoOf(() => b.mkdir(b.root, 'b', 0o755, withGfid(a.stat.gfid))),
    EEXIST,
    'no heal: the gfid is taken',
  );
  t.equal(await errnoOf(() => b.mkdir(below.inode, 'a', 0o755, heal)), EEXIST, 'no directory is below itself');
  t.equal(readlinkSync(b.handle(a.stat.gfid)), `../../00/00/${ROOT_TEXT}/a`);
  t.notOk(existsSync(b.path('b')));
  const moved = await b.mkdir(b.root, 'b', 0o755, heal);
  t.equal(readlinkSync(b.handle(moved.stat.gfid)), `../../00/00/${ROOT_TEXT}/b`);
  await b.mknod(moved.inode, 'f');
  t.ok(existsSync(b.path('b/f')));
});

t.test('a directory may have the gfid of one that is gone', async (t) => {
  const b = await brick(t);
  const a = await b.mkdir(b.root, 'a');
  rmdirSync(b.path('a'));
  const again = await b.mkdir(b.root, 'a', 0o755, withGfid(a.stat.gfid));
  t.equal(readlinkSync(b.handle(again.stat.gfid)), `../../00/00/${ROOT_TEXT}/a`, 'under the same name');
  await b.mknod(again.inode, 'f');
  unlinkSync(b.path('a/f'));
  rmdirSync(b.path('a'));
  const other = await b.mkdir(b.root, 'other', 0o755, withGfid(a.stat.gfid));
  t.equal(readlinkSync(b.handle(other.stat.gfid)), `../../00/00/${ROOT_TEXT}/other`, 'and under another');
  await b.mknod(other.inode, 'f');
  t.ok(existsSync(b.path('other/f')));
});

t.test('a file that has no gfid does not get one that is taken', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(b.root, 'f');
  const root = Buffer.from(ROOT_TEXT.replaceAll('-', ''), 'hex');
  writeFileSync(b.path('old'), 'x');
  mkdirSync(b.path('olddir'));
  for (const name of ['old', 'olddir']) {
    for (const gfid of [d.stat.gfid, f.stat.gfid]) {
      t.equal(await errnoOf(() => b.lookup(b.root, name, withGfid(gfid))), ENODATA, 'look-up');
    }
    t.equal(await errnoOf(() => b.lookup(b.root, name, withGfid(root))), EPERM);
    t.equal(b.xattr(b.path(name), 'trusted.gfid'), null);
  }
  for (const gfid of [d.stat.gfid, f.stat.gfid]) {
    t.equal(await errnoOf(() => b.create(b.root, 'old', 0o102, withGfid(gfid))), EEXIST, 'create');
  }
  t.equal(b.xattr(b.path('old'), 'trusted.gfid'), null);
  // A further name of a file has the file's own.
  linkSync(b.path('old'), b.path('hard'));
  const gfid = newGfid();
  await b.lookup(b.root, 'old', withGfid(gfid));
  t.same((await b.lookup(b.root, 'hard', withGfid(gfid))).stat.gfid, gfid);
});

t.test('the handle tree is made again where it is missing', async (t) => {
  const b = await brick(t);
  const gfid = newGfid();
  await b.mknod(b.root, 'one', 0o100644, withGfid(gfid));
  unlinkSync(b.handle(gfid));
  execFileSync('rmdir', [b.handle(gfid).slice(0, -37)]);
  gfid[15]! ^= 1;
  await b.mknod(b.root, 'two', 0o100644, withGfid(gfid));
  t.equal(lstatSync(b.handle(gfid)).ino, lstatSync(b.path('two')).ino);
});

t.test('link files of distribute', async (t) => {
  const b = await brick(t);
  const internal = (gfid: Uint8Array) =>
    withGfid(gfid).setInt('glusterfs-internal-fop', 1).setText('trusted.glusterfs.dht.linkto', 'v-client-1');
  const f = await b.mknod(b.root, 'f');
  const l = await b.mknod(b.root, 'hard', 0o101000, internal(f.stat.gfid));
  t.equal(l.stat.nlink, 2, 'a gfid that is here already gets one more link');
  t.equal(lstatSync(b.path('hard')).ino, lstatSync(b.path('f')).ino);
  t.same(gfid2path(b.path('f')), [`${ROOT_TEXT}/f`, `${ROOT_TEXT}/hard`]);
  const linkto = await b.mknod(b.root, 'linkto', 0o101000, internal(newGfid()));
  t.equal(b.xattr(b.path('linkto'), 'trusted.glusterfs.dht.linkto'), hex('v-client-1\0'));
  t.equal(
    await errnoOf(() => b.mknod(b.root, 'f', 0o100644, withGfid().setInt('force-replace', 1))),
    EEXIST,
    'data is not replaced',
  );
  const replaced = await b.mknod(b.root, 'linkto', 0o100644, withGfid().setInt('force-replace', 1));
  t.equal(replaced.stat.mode, 0o100644);
  t.notOk(existsSync(b.handle(linkto.stat.gfid)));
});

t.test('no space beyond the reserve', async (t) => {
  const b = await brick(t);
  b.posix.store.space.full = true;
  t.equal(await errnoOf(() => b.mkdir(b.root, 'd')), 28);
  t.equal(await errnoOf(() => b.create(b.root, 'f')), 28);
  await b.mknod(b.root, 'internal', 0o101000, withGfid().setInt('glusterfs-internal-fop', 1));
});
