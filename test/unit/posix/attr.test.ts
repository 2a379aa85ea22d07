import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, statfsSync } from 'node:fs';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { addon } from '../../../native/addon.js';
import { EACCES, EMFILE, ENOENT, ENOSPC, EPERM } from '../../../native/errno.js';
import { HealthCheck } from '../../../posix/brick-dir/health.js';
import { decodeMdata } from '../../../posix/disk/format/mdata-record.js';
import { brick, openFile, WRITE, write } from './files.js';
import { type Brick, errnoOf, withGfid } from './harness.js';

const onDisk = (b: Brick, path: string) => {
  const hex = b.xattr(path, 'trusted.glusterfs.mdata')!;
  return decodeMdata(Buffer.from(hex, 'hex'), 0, hex.length / 2)!;
};
const CTIME = 1;

t.test('stat and fstat', async (t) => {
  const { b, inode, fd } = await openFile(t);
  await write(b, fd, 'hello');
  await b.calm();
  const reply = b.posix.stat(b.call(), { inode, xdata: null });
  t.notOk(reply instanceof Promise, 'what the kernel has in its cache takes no promise');
  const { stat, xdata } = await reply;
  t.same([stat.size, stat.nlink, stat.mode], [5, 1, 0o100640]);
  t.same(stat.gfid, inode.gfid);
  t.equal(xdata, null);
  const asked = new Dict().setInt('glusterfs.content', 100).setInt('glusterfs.open-fd-count', 0).setInt('user.*', 0);
  execFileSync('setfattr', ['-n', 'user.a', '-v', 'x', b.path('f')]);
  const full = await b.posix.stat(b.call(), { inode, xdata: asked });
  t.equal(full.xdata!.text('glusterfs.content'), 'hello');
  t.equal(full.xdata!.number('glusterfs.open-fd-count'), 1);
  t.equal(full.xdata!.text('user.a'), 'x');
  const byFd = await b.posix.fstat(b.call(), { fd, xdata: asked });
  t.same({ ...byFd.stat }, { ...full.stat });
  t.notOk(byFd.xdata!.has('glusterfs.content'), 'content by path only');
  t.equal(byFd.xdata!.text('user.a'), 'x');
  const root = await b.posix.stat(b.call(), { inode: b.root, xdata: null });
  t.ok(root.stat.isDirectory);
  const dir = await b.opendir(b.root);
  t.ok((await b.posix.fstat(b.call(), { fd: dir, xdata: null })).stat.isDirectory);
  b.posix.releasedir(dir);
  execFileSync('rm', [b.path('f'), b.handle(inode.gfid)]);
  t.equal(await errnoOf(() => b.posix.stat(b.call(), { inode, xdata: null })), ENOENT);
  t.equal((await b.posix.fstat(b.call(), { fd, xdata: null })).stat.size, 5);
});

t.test('a removed directory', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const dir = await b.opendir(inode);
  await b.posix.stat(b.call(), { inode, xdata: null });
  execFileSync('rmdir', [b.path('d')]);
  t.equal(await errnoOf(() => b.posix.stat(b.call(), { inode, xdata: null })), ENOENT);
  const { stat } = await b.posix.fstat(b.call(), { fd: dir, xdata: null });
  t.same([stat.isDirectory, stat.nlink], [true, 0], 'who has it open still sees it');
  b.posix.releasedir(dir);
});

t.test('setattr', async (t) => {
  const { b, inode } = await openFile(t);
  const set = (valid: number, more: Partial<Iatt>, flags = CTIME, xdata: Dict | null = null) => {
    const call = b.call(flags);
    return b.posix
      .setattr(call, { inode, stat: Object.assign(new Iatt(), more), valid, xdata })
      .then((r) => ({ ...r, call }));
  };
  const mode = await set(1, { mode: 0o104755 });
  t.same([mode.pre.mode, mode.post.mode], [0o100640, 0o104755]);
  t.equal(mode.post.ctime, mode.call.timeSec);
  t.ok(mode.pre.ctime < mode.post.ctime);
  t.equal(onDisk(b, b.path('f')).ctime, mode.call.timeSec);
  const owner = await set(2 | 4, { uid: 77, gid: 88 });
  t.same([owner.post.uid, owner.post.gid], [77, 88]);
  t.equal(owner.post.mode, 0o100755, 'the kernel takes set-user-ID away');
  const both = await set(1 | 2, { uid: 1, mode: 0o104711 });
  t.equal(both.post.mode, 0o104711, 'owner first, then mode');
  const group = await set(4, { uid: 9999, gid: 5 });
  t.same([group.post.uid, group.post.gid], [1, 5]);

  const times = await set(0x10 | 0x20, { atime: 1000, atimeNsec: 1, mtime: 2000, mtimeNsec: 2 }, 0);
  t.same([times.post.atime, times.post.atimeNsec, times.post.mtime, times.post.mtimeNsec], [1000, 1, 2000, 2]);
  t.equal(times.post.ctime, times.call.timeSec, 'ctime rises whatever the flags');
  t.equal(onDisk(b, b.path('f')).mtime, 2000);
  t.equal(Math.floor(lstatSync(b.path('f')).mtimeMs / 1000), 2000);
  const atime = await set(0x10, { atime: 500 }, 0);
  t.same([atime.post.atime, atime.post.mtime], [500, 2000]);
  const later = await b.posix.stat(b.call(), { inode, xdata: null });
  t.equal(later.stat.mtime, 2000);
  const ctime = await set(0x40, { ctime: times.call.timeSec + 100 }, 0);
  t.equal(ctime.post.ctime, times.call.timeSec + 100);
  const back = await set(0x40, { ctime: 5 }, 0);
  t.equal(back.post.ctime, times.call.timeSec + 100);
  t.equal((await set(0, {}, 0)).post.mode, 0o100711);
  const asked = await set(0, {}, 0, new Dict().setInt('glusterfs.open-fd-count', 0));
  t.equal(asked.xdata!.number('glusterfs.open-fd-count'), 1);
});

t.test('setattr of a file without a time record', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  execFileSync('setfattr', ['-x', 'trusted.glusterfs.mdata', b.path('f')]);
  b.posix.forget(inode);
  const stat = Object.assign(new Iatt(), { mtime: 1000 });
  const r = await b.posix.setattr(b.call(0), { inode, stat, valid: 0x20, xdata: null });
  t.equal(r.post.mtime, 1000);
  t.equal(b.xattr(b.path('f'), 'trusted.glusterfs.mdata'), null, 'utimes makes none');
  const call = b.call(CTIME);
  await b.posix.setattr(call, { inode, stat: Object.assign(new Iatt(), { mode: 0o600 }), valid: 1, xdata: null });
  t.equal(onDisk(b, b.path('f')).ctime, call.timeSec);
});

t.test('setattr of links, directories and open files', async (t) => {
  const { b, fd } = await openFile(t, { 'create-mask': '0770', 'force-directory-mode': '0005' });
  const link = await b.posix.symlink(b.call(0b11111), {
    loc: { inode: null, parent: b.root, name: 'l' },
    target: 'f',
    umask: 0,
    xdata: withGfid(),
  });
  const inode = b.table.link(b.root, 'l', link.stat.gfid, link.stat.mode);
  const stat = Object.assign(new Iatt(), { mode: 0o120600, uid: 3, mtime: 42 });
  const l = await b.posix.setattr(b.call(), { inode, stat, valid: 1 | 2 | 0x20, xdata: null });
  t.same([l.post.mode, l.post.uid, l.post.mtime], [0o120777, 3, 42]);
  t.equal(lstatSync(b.path('f')).uid, 0);
  const d = await b.mkdir(b.root, 'd');
  const ds = Object.assign(new Iatt(), { mode: 0o40700, gid: 12 });
  const r = await b.posix.setattr(b.call(), { inode: d.inode, stat: ds, valid: 1 | 4, xdata: null });
  t.same([r.post.mode, r.post.gid], [0o40705, 12]);
  const f = await b.posix.fsetattr(b.call(), {
    fd,
    stat: Object.assign(new Iatt(), { mode: 0o666 }),
    valid: 1,
    xdata: null,
  });
  t.equal(f.post.mode, 0o100660);
  const dir = await b.opendir(d.inode);
  const fd2 = await b.posix.fsetattr(b.call(), { fd: dir, stat: ds, valid: 1, xdata: null });
  t.equal(fd2.post.mode, 0o40705);
  b.posix.releasedir(dir);
});

t.test('setattr that fails', async (t) => {
  const { b, inode } = await openFile(t);
  const before = onDisk(b, b.path('f'));
  execFileSync('chattr', ['+i', b.path('f')]);
  t.teardown(() => execFileSync('chattr', ['-i', b.path('f')]));
  const stat = Object.assign(new Iatt(), { mode: 0o600, mtime: 5 });
  t.equal(await errnoOf(() => b.posix.setattr(b.call(CTIME), { inode, stat, valid: 1 | 0x20, xdata: null })), EPERM);
  t.ok(onDisk(b, b.path('f')).equals(before));
  const seen = await b.posix.stat(b.call(), { inode, xdata: null });
  t.equal(seen.stat.ctime, before.ctime);
  execFileSync('chattr', ['-i', b.path('f')]);
});

t.test('access', async (t) => {
  const { b, inode } = await openFile(t);
  const access = (mask: number) => errnoOf(() => b.posix.access(b.call(), { inode, mask, xdata: null }));
  t.same([await access(0), await access(6), await access(1)], [0, 0, EACCES]);
  chmodSync(b.path('f'), 0o710);
  t.equal(await access(7), 0);
});

t.test('statfs', async (t) => {
  const b = await brick(t, { reserve: '10' });
  const real = statfsSync(b.dir);
  const f = await b.posix.statfs(b.call(), { inode: b.root, xdata: null });
  t.equal(f.blocks, real.blocks);
  t.equal(f.bsize, real.bsize);
  t.ok(Math.abs(real.bfree - f.bfree - Math.round(real.blocks / 10)) < 20000, 'less the reserve');
  t.ok(f.bavail <= f.bfree);
  await b.posix.reconfigure({ ...b.posix.options, 'shared-brick-count': 4, reserve: { bytes: 1e18 } });
  const shared = await b.posix.statfs(b.call(), { inode: b.root, xdata: null });
  t.equal(shared.blocks, Math.floor(real.blocks / 4));
  t.same([shared.bfree, shared.bavail], [0, 0]);
  await b.posix.reconfigure({ ...b.posix.options, 'export-statfs-size': false });
  const none = await b.posix.statfs(b.call(), { inode: b.root, xdata: null });
  t.same([none.blocks, none.files, none.bsize], [0, 0, real.bsize]);
});

t.test('a disk down to its reserve', async (t) => {
  const { b, inode, fd } = await openFile(t, { reserve: '0' });
  await write(b, fd, Buffer.alloc(8192, 'x'));
  await b.posix.reconfigure({ ...b.posix.options, reserve: { bytes: 1e18 } });
  t.ok(b.posix.store.space.full);
  t.equal((await write(b, fd, 'over', 100)).count, 4, 'what is on disk may be overwritten');
  t.equal(await errnoOf(() => write(b, fd, 'more', 8190)), ENOSPC);
  t.equal((await write(b, fd, 'more', 8190, { xdata: new Dict().setText('glusterfs-internal-fop', 'yes') })).count, 4);
  const internal = b.call(WRITE);
  internal.pid = -3;
  t.equal((await write(b, fd, 'more', 9000, { call: internal })).count, 4);
  const range = { fd, offset: 0, length: 100, xdata: null };
  t.equal(await errnoOf(() => b.posix.fallocate(b.call(), { ...range, flags: 0 })), ENOSPC);
  t.equal(await errnoOf(() => b.posix.zerofill(b.call(), { ...range, offset: 9000 })), ENOSPC);
  t.equal(await errnoOf(() => b.posix.zerofill(b.call(), range)), 0);
  t.equal(await errnoOf(() => b.posix.discard(b.call(), range)), 0);
  const dict = new Dict().setBytes('user.a', Buffer.from('x'));
  t.equal(await errnoOf(() => b.posix.setxattr(b.call(), { inode, dict, flags: 0, xdata: null })), ENOSPC);
  t.equal(await errnoOf(() => b.create(b.root, 'g')), ENOSPC);
  await b.posix.reconfigure({ ...b.posix.options, reserve: { percent: 0 } });
  t.notOk(b.posix.store.space.full);
  t.equal((await write(b, fd, 'more', 9000)).count, 4);
});

t.test('writes that reach the reserve between two looks at the disk', async (t) => {
  const { b, fd } = await openFile(t, { reserve: '0' });
  const { bsize, bfree } = statfsSync(b.dir);
  const bytes = bsize * bfree - 64 * 1024 * 1024;
  await b.posix.reconfigure({ ...b.posix.options, reserve: { bytes } });
  t.notOk(b.posix.store.space.full);
  const chunk = Buffer.alloc(1 << 20, 'x');
  let written = 0;
  let errno = 0;
  while (errno === 0 && written < 256) errno = await errnoOf(() => write(b, fd, chunk, written++ << 20));
  t.equal(errno, ENOSPC);
  t.ok(written > 32 && written <= 100, `after ${written} MiB`);
});

t.test('a health check without a descriptor is no fault of the disk', async (t) => {
  const b = await brick(t);
  const health = new HealthCheck(b.posix.store);
  health.start();
  t.teardown(() => health.stop());
  const before = addon.setFileLimit(1 << 16);
  const taken: number[] = [];
  const takeAll = () => {
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    }
  };
  const highest = Math.max(...readdirSync('/proc/self/fd').map(Number));
  addon.setFileLimit(highest + 8);
  try {
    let errno = 0;
    // Bricks of tests before may still close some.
    for (let n = 0; n < 50 && errno === 0; n++) {
      takeAll();
      errno = await health.check();
    }
    t.equal(errno, EMFILE);
  } finally {
    addon.setFileLimit(before);
    for (const fd of taken) closeSync(fd);
  }
  t.match(b.log.at(-1), /health check could not be done/);
  t.equal(await health.check(), 0, 'and it goes on');
  t.notMatch(b.log.join(), /going down/);
});

t.test('health check', async (t) => {
  const b = await brick(t, { 'health-check-interval': '1' });
  await new Promise((resolve) => setTimeout(resolve, 1300));
  const line = execFileSync('cat', [b.path('.glusterfs', 'health_check')]).toString();
  t.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  t.same(b.log, []);
  execFileSync('rm', [b.path('.glusterfs', 'health_check')]);
  execFileSync('mkdir', [b.path('.glusterfs', 'health_check')]);
  await new Promise((resolve) => setTimeout(resolve, 1300));
  t.match(b.log.at(-1), /health-check of .* failed: EISDIR/);
  const lines = b.log.length;
  await new Promise((resolve) => setTimeout(resolve, 1300));
  t.equal(b.log.length, lines, 'it fails once');
});

t.test('what nobody handles', async (t) => {
  const b = await brick(t);
  t.equal(await errnoOf(() => b.posix.ipc(b.call(), { op: 7, xdata: null })), 95);
});

t.test("lines of the log are in the translator's name", async (t) => {
  const b = await brick(t);
  const xdata = new Dict().setInt('trusted.glusterfs.cs.status', 1);
  await errnoOf(() => b.posix.truncate(b.call(), { inode: b.root, offset: 0, xdata }));
  t.same(
    b.lines.map((line) => line.domain),
    ['v-posix'],
  );
});
