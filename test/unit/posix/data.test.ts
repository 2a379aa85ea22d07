import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import { Fd } from '../../../mux/xlator/inode.js';
import { EBADF, EBUSY, EINVAL, EISDIR, ELOOP, ENOENT, ENXIO } from '../../../native/errno.js';
import { Pipe, pipeCount, trimPipes } from '../../../native/pipe.js';
import { decodeMdata } from '../../../posix/disk/format/mdata-record.js';
import { readContent } from '../../../posix/disk/query/small-file-content.js';
import { anonymous, brick, open, openFile, read, release, WRITE, write } from './files.js';
import { type Brick, client, errnoOf, withGfid } from './harness.js';

const onDisk = (b: Brick, path: string) => {
  const hex = b.xattr(path, 'trusted.glusterfs.mdata')!;
  return decodeMdata(Buffer.from(hex, 'hex'), 0, hex.length / 2)!;
};

t.test('read what was written', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const w = await write(b, fd, 'hello world');
  t.equal(w.count, 11);
  t.equal(w.pre.size, 0);
  t.equal(w.post.size, 11);
  t.equal(w.post.mtime, onDisk(b, b.path('f')).mtime);
  t.ok(w.post.mtime > w.pre.mtime);
  t.equal(w.post.nlink, 1);
  t.same(w.post.gfid, inode.gfid);
  t.equal(readFileSync(b.path('f'), 'latin1'), 'hello world');

  await b.calm();
  const whole = await read(b, fd, 100);
  t.equal(whole.text, 'hello world');
  t.equal(whole.errno, ENOENT, 'the end of the file');
  t.equal(whole.stat.size, 11);
  t.equal(whole.stat.mtime, w.post.mtime);
  t.ok(whole.inline, 'from the page cache without a promise');
  const part = await read(b, fd, 5, 6);
  t.equal(part.text, 'world');
  t.equal(part.errno, ENOENT);
  const first = await read(b, fd, 5);
  t.equal(first.text, 'hello');
  t.equal(first.errno, 0);
  const beyond = await read(b, fd, 5, 100);
  t.equal(beyond.count, 0);
  t.equal(beyond.errno, ENOENT);
  t.equal(beyond.region, null);
  t.equal(await errnoOf(() => read(b, fd, 0)), EINVAL);
});

t.test('a read that the page cache has only in part', async (t) => {
  const { b, fd } = await openFile(t);
  const data = Buffer.alloc(1 << 20, 'abcdefg');
  writeFileSync(b.path('f'), data);
  execFileSync('sync', ['-f', b.path('f')]);
  execFileSync('dd', [`of=${b.path('f')}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
  execFileSync('dd', [`if=${b.path('f')}`, 'of=/dev/null', 'bs=4096', 'count=2'], { stdio: 'ignore' });
  const r = await read(b, fd, 1 << 20);
  t.equal(r.count, 1 << 20);
  t.equal(r.text, data.latin1Slice());
  t.equal(r.errno, ENOENT);
});

t.test('a large read hands over the pages of the file', async (t) => {
  const MIB = 1 << 20;
  const { b, fd } = await openFile(t);
  const data = Buffer.alloc(3 * MIB + 5000);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i - (i % 4));
  writeFileSync(b.path('f'), data);
  const part = (from: number, to: number) => data.latin1Slice(from, to);
  const same = async (what: string, size: number, offset: number, piped: boolean) => {
    const r = await read(b, fd, size, offset);
    const end = Math.min(data.length, offset + size);
    t.equal(r.text === part(offset, end), true, what);
    t.equal(r.count, Math.max(0, end - offset));
    t.equal(r.errno, end === data.length ? ENOENT : 0);
    t.equal(r.stat.size, data.length);
    t.equal(r.piped, piped, `${what}: ${piped ? 'in a pipe' : 'copied'}`);
  };
  await same('a mebibyte', MIB, MIB, true);
  await same('from inside a page', MIB, 1234, false);
  await same('more than a pipe holds', 2 * MIB, 0, false);
  await same('a little', 4096, 8192, false);
  await same('half of one', MIB / 2, 4096, true);
  await same('to the end', MIB, 3 * MIB - 1044480 + 4096, true);
  await same('a piece before the end', MIB, 3 * MIB, false);

  execFileSync('truncate', ['-s', '0', b.path('f')]);
  execFileSync('truncate', ['-s', String(2 * MIB), b.path('f')]);
  const hole = await read(b, fd, MIB, MIB);
  t.equal(hole.piped, true);
  t.equal(hole.text === Buffer.alloc(MIB).latin1Slice(), true, 'a hole');
  t.equal(hole.errno, ENOENT);
});

t.test('pipes are used again, bounded, and given back', async (t) => {
  const MIB = 1 << 20;
  const { b, fd } = await openFile(t);
  writeFileSync(b.path('f'), Buffer.alloc(MIB, 'x'));
  trimPipes();
  const before = pipeCount();
  for (let i = 0; i < 10; i++) t.equal((await read(b, fd, MIB)).piped, true);
  t.equal(pipeCount(), before + 1, 'one after the other, one is enough');
  const get = () => b.posix.readv(b.call(), { fd, offset: 0, size: MIB, flags: 0, xdata: null });
  const replies = await Promise.all(Array.from({ length: 40 }, get));
  t.ok(replies.every((r) => r.count === MIB));
  t.equal(replies.filter((r) => r.region instanceof Pipe).length, 32 - before, 'no more than that at once');
  for (const r of replies) r.region!.release();
  trimPipes();
  t.equal(pipeCount(), before);
});

t.test('what takes long to copy is no work for the event loop', async (t) => {
  const MIB = 1 << 20;
  const { b, fd } = await openFile(t);
  writeFileSync(b.path('f'), Buffer.alloc(4 * MIB, 'abc'));
  await b.calm();
  // At offsets that no pipe takes.
  const short = await read(b, fd, MIB, 1);
  t.ok(short.inline);
  t.equal(short.count, MIB);
  const long = await read(b, fd, 3 * MIB, 1);
  t.notOk(long.inline);
  t.equal(long.text, Buffer.alloc(4 * MIB, 'abc').latin1Slice(1, 1 + 3 * MIB));
  const { store } = b.posix;
  t.notOk(readContent(store, store.rootFd, 'f', MIB) instanceof Promise);
  const content = readContent(store, store.rootFd, 'f', 2 * MIB);
  t.ok(content instanceof Promise);
  t.equal((await content)?.length, 2 * MIB);
});

t.test('a read with an access time to set', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, 'x');
  const call = b.call(0b100);
  const r = await read(b, fd, 10, 0, call);
  t.equal(r.stat.atime, call.timeSec);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(onDisk(b, b.path('f')).atime, call.timeSec);
});

t.test('writes of one turn', async (t) => {
  const { b, fd } = await openFile(t);
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, i) => write(b, fd, String.fromCharCode(65 + (i % 26)).repeat(10), i * 10)),
  );
  t.same(
    replies.map((r) => [r.count, r.pre.size, r.post.size]),
    replies.map((_, i) => [10, i * 10, i * 10 + 10]),
    'each sees the file before and after itself',
  );
  const last = replies.at(-1)!.post;
  for (const r of replies) t.ok(r.post.mtime >= r.pre.mtime);
  t.equal(onDisk(b, b.path('f')).mtime, last.mtime);
  const r = await read(b, fd, 1000);
  t.equal(r.count, 400);
  t.equal(r.text.slice(250, 270), 'ZZZZZZZZZZAAAAAAAAAA');
});

t.test('a write that fails leaves those of the same turn alone', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const readOnly = await open(b, inode, 0);
  const before = onDisk(b, b.path('f'));
  const first = write(b, fd, 'one', 0);
  const bad = errnoOf(() => write(b, readOnly, 'bad', 0));
  const last = write(b, fd, 'two', 3);
  t.equal((await first).count, 3);
  t.equal(await bad, EBADF);
  t.equal((await last).post.size, 6);
  t.equal(readFileSync(b.path('f'), 'latin1'), 'onetwo');
  t.ok(onDisk(b, b.path('f')).mtime > before.mtime);
  const stored = onDisk(b, b.path('f'));
  t.equal(await errnoOf(() => write(b, readOnly, 'bad', 0)), EBADF);
  t.ok(onDisk(b, b.path('f')).equals(stored), 'a failing write sets no time');
});

t.test('what a write is asked to tell', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const ask = () =>
    new Dict().setInt('glusterfs.write-is-append', 1).setInt('glusterfs.open-fd-count', 1).setInt('other', 1);
  const [one, two, three] = await Promise.all([
    write(b, fd, 'abc', 0, { xdata: ask() }),
    write(b, fd, 'def', 3, { xdata: ask() }),
    write(b, fd, 'X', 1, { xdata: ask() }),
  ]);
  t.same(
    [one, two, three].map((r) => r!.xdata!.number('glusterfs.write-is-append')),
    [1, 1, 0],
  );
  t.equal(one!.xdata!.number('glusterfs.open-fd-count'), 1);
  t.equal(one!.xdata!.size, 2);
  const append = await open(b, inode, 0o2002);
  const r = await write(b, append, 'end', 0, { xdata: ask() });
  t.equal(r.xdata!.number('glusterfs.write-is-append'), 1);
  t.equal(readFileSync(b.path('f'), 'latin1'), 'aXcdefend');
});

t.test('migration against users', async (t) => {
  const { b, fd } = await openFile(t);
  const migrating = new Dict().setInt('glusterfs.avoid.overwrite', 1);
  t.equal((await write(b, fd, 'copy', 0, { xdata: migrating })).count, 4);
  const user = new Dict().setBytes('trusted.glusterfs.protect.writes', Buffer.from('1\0'));
  t.equal((await write(b, fd, 'user', 0, { xdata: user })).count, 4);
  t.equal(b.xattr(b.path('f'), 'trusted.glusterfs.protect.writes'), '3100');
  t.equal(await errnoOf(() => write(b, fd, 'copy', 0, { xdata: migrating })), EBUSY);
  t.equal(readFileSync(b.path('f'), 'latin1'), 'user');
});

t.test('synchronous writes', async (t) => {
  const { b, fd } = await openFile(t);
  const r = await Promise.all([write(b, fd, 'abc', 0, { flags: 0o4010000 }), write(b, fd, 'def', 3)]);
  t.same(
    r.map((w) => w.count),
    [3, 3],
  );
});

t.test('direct I/O', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const data = Buffer.alloc(16384);
  for (let i = 0; i < data.length; i++) data[i] = (i * 7) >> 4;
  const direct = await open(b, inode, 0o40002);
  const writes = await Promise.all(
    [0, 4096, 8192, 12288].map((at) => write(b, direct, data.subarray(at, at + 4096), at)),
  );
  t.same(
    writes.map((w) => w.count),
    [4096, 4096, 4096, 4096],
  );
  t.ok(readFileSync(b.path('f')).equals(data));
  const r = await read(b, direct, 8192, 4096);
  t.equal(r.text, data.latin1Slice(4096, 12288));
  t.equal((await read(b, direct, 1 << 20)).count, 16384, 'a large read that ends with the file');
  release(b, direct);
  release(b, fd);
});

t.test('requests that do not fit the sectors of the disk, by a direct fd', async (t) => {
  const { b, inode, fd } = await openFile(t);
  let model = Buffer.alloc(0);
  for (const flags of [0o40002, 0o40002 | 0o10000, 0o40002 | 0o4010000]) {
    const direct = await open(b, inode, flags);
    // Among them direct ones, and whole blocks beside parts of blocks.
    const ranges = [
      [0, 4096],
      [4096, 512],
      [131072, 33],
      [131105, 100000],
      [7, 1],
      [512, 512],
      [1, 8192],
      [300000, 3],
      [8192, 4096],
    ] as const;
    for (const [offset, size] of ranges) {
      const data = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + size + flags) & 255));
      if (model.length < offset + size) model = Buffer.concat([model, Buffer.alloc(offset + size - model.length)]);
      data.copy(model, offset);
      t.equal((await write(b, direct, data, offset)).count, size);
      const at = Math.max(0, offset - 3);
      t.equal((await read(b, direct, size + 5, at)).text, model.subarray(at, at + size + 5).latin1Slice());
    }
    t.equal((await read(b, direct, 1 << 20, 1)).text, model.subarray(1).latin1Slice());
    t.equal((await read(b, fd, 1 << 20)).text, model.latin1Slice(), 'others read the same');
    t.equal((await read(b, direct, 10, model.length)).count, 0);
    const sum = await b.posix.rchecksum(b.call(), { fd: direct, offset: 1, length: 5000, xdata: null });
    t.same(sum, await b.posix.rchecksum(b.call(), { fd, offset: 1, length: 5000, xdata: null }));
    release(b, direct);
  }
  const reader = await open(b, inode, 0o40000);
  t.equal(await errnoOf(() => write(b, reader, 'abc', 0)), EBADF);
  release(b, reader);
  release(b, fd);
});

t.test('anonymous fds', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  const fd = anonymous(inode);
  t.equal((await write(b, fd, 'abc')).count, 3);
  t.equal((await read(b, anonymous(inode), 3)).text, 'abc');
  t.equal((await b.posix.fstat(b.call(), { fd: anonymous(inode), xdata: null })).stat.size, 3);
  const fifo = await b.mknod(b.root, 'p', 0o010644);
  t.equal(await errnoOf(() => read(b, anonymous(fifo.inode), 1)), EBADF);
  const device = await b.mknod(b.root, 'd', 0o020644);
  t.equal(await errnoOf(() => read(b, anonymous(device.inode), 1)), EINVAL);
  // The file is removed and healed: another one with the same gfid.
  execFileSync('rm', [b.path('f'), b.handle(inode.gfid)]);
  await b.mknod(b.root, 'f', 0o100644, withGfid(inode.gfid));
  t.equal((await read(b, anonymous(inode), 3)).count, 0, 'the new file is read, not the old one');
  release(b, fd);
});

t.test('a shared descriptor does not keep a removed file alive for long', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  await write(b, anonymous(inode), 'abc');
  const held = () =>
    execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c "${b.dir}.*deleted" || true`])
      .toString()
      .trim();
  await b.unlink(b.root, 'f');
  b.posix.forget(inode);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(held(), '0');
});

t.test('open', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  writeFileSync(b.path('f'), 'content');
  await b.calm();
  const reply = b.posix.open(b.call(), { inode, fd: new Fd(inode, 0, client, 1), flags: 0, xdata: null });
  t.notOk(reply instanceof Promise, 'with the handle in the kernel’s cache, no promise');
  const fd = await open(b, inode, 0o1002);
  t.equal((await read(b, fd, 10)).count, 0, 'O_TRUNC');
  t.equal(await errnoOf(() => open(b, b.root, 2)), EISDIR);
  const dir = await open(b, b.root, 0);
  release(b, dir);
  t.equal(await errnoOf(() => open(b, inode, 0o200000)), 20, 'O_DIRECTORY of a file');
  const device = await b.mknod(b.root, 'c', 0o020644);
  t.equal(await errnoOf(() => open(b, device.inode, 0)), EINVAL);
  const link = await b.posix.symlink(b.call(), {
    loc: { inode: null, parent: b.root, name: 'l' },
    target: 'f',
    umask: 0,
    xdata: withGfid(),
  });
  const linkInode = b.table.link(b.root, 'l', link.stat.gfid, link.stat.mode);
  t.equal(await errnoOf(() => open(b, linkInode, 0)), ELOOP);
  const fifo = await b.mknod(b.root, 'p', 0o010644);
  t.equal(await errnoOf(() => open(b, fifo.inode, 1)), EINVAL, 'a FIFO is not opened');
  execFileSync('rm', [b.path('f'), b.handle(inode.gfid)]);
  t.equal(await errnoOf(() => open(b, inode, 0)), ENOENT);
  const stray = new Fd(inode, 0, client, 1);
  t.equal(await errnoOf(() => read(b, stray, 1)), EINVAL, 'an fd that was never opened');
  t.equal(await errnoOf(() => b.posix.flush(b.call(), { fd: stray, xdata: null })), EINVAL);
  t.same(await b.posix.flush(b.call(), { fd, xdata: null }), { xdata: null });
});

t.test('a file that loses its last name while it is open', async (t) => {
  const { b, inode, fd } = await openFile(t);
  await write(b, fd, 'still here');
  const second = await open(b, inode, 0);
  await b.unlink(b.root, 'f');
  const parked = b.path('.glusterfs', 'unlink', b.handle(inode.gfid).split('/').at(-1)!);
  t.ok(existsSync(parked));
  t.equal((await read(b, fd, 100)).text, 'still here');
  t.equal((await b.posix.fstat(b.call(), { fd, xdata: null })).stat.nlink, 0);
  t.equal((await read(b, anonymous(inode), 100)).text, 'still here', 'by an anonymous fd, too');
  const third = await open(b, inode, 2);
  await write(b, third, 'STILL');
  release(b, third);
  release(b, fd);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.ok(existsSync(parked));
  release(b, second);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.notOk(existsSync(parked), 'the last close removes it');
});

t.test('truncate and ftruncate', async (t) => {
  const { b, inode, fd } = await openFile(t);
  await write(b, fd, 'hello world');
  const call = b.call(WRITE);
  const r = await b.posix.truncate(call, { inode, offset: 5, xdata: null });
  t.same([r.pre.size, r.post.size], [11, 5]);
  t.equal(r.post.mtime, call.timeSec);
  const f = await b.posix.ftruncate(b.call(WRITE), { fd, offset: 100, xdata: null });
  t.same([f.pre.size, f.post.size], [5, 100]);
  t.equal(onDisk(b, b.path('f')).mtime, f.post.mtime);
  t.equal(await errnoOf(() => b.posix.truncate(b.call(), { inode: b.root, offset: 0, xdata: null })), EISDIR);
  const readOnly = await open(b, inode, 0);
  t.equal(await errnoOf(() => b.posix.ftruncate(b.call(), { fd: readOnly, offset: 0, xdata: null })), EINVAL);
});

t.test('fallocate, discard, zerofill, seek', async (t) => {
  const { b, fd } = await openFile(t);
  const posix = b.posix;
  const keep = await posix.fallocate(b.call(), { fd, flags: 1, offset: 0, length: 65536, xdata: null });
  t.equal(keep.post.size, 0);
  const grow = await posix.fallocate(b.call(), { fd, flags: 0, offset: 0, length: 65536, xdata: null });
  t.equal(grow.post.size, 65536);
  await write(b, fd, Buffer.alloc(65536, 'x'));
  const d = await posix.discard(b.call(WRITE), { fd, offset: 16384, length: 16384, xdata: null });
  t.equal(d.post.size, 65536);
  t.ok(d.post.blocks < d.pre.blocks);
  const hole = await posix.seek(b.call(), { fd, offset: 0, what: 1, xdata: null });
  t.equal(hole.offset, 16384);
  const data = await posix.seek(b.call(), { fd, offset: 16384, what: 0, xdata: null });
  t.equal(data.offset, 32768);
  t.equal(await errnoOf(() => posix.seek(b.call(), { fd, offset: 65536, what: 0, xdata: null })), ENXIO);
  t.equal(await errnoOf(() => posix.seek(b.call(), { fd, offset: 0, what: 7, xdata: null })), 95);
  const z = await posix.zerofill(b.call(WRITE), { fd, offset: 65530, length: 100, xdata: null });
  t.equal(z.post.size, 65630);
  t.same([...readFileSync(b.path('f')).subarray(65528, 65532)], [120, 120, 0, 0]);
  t.equal(await errnoOf(() => posix.fallocate(b.call(), { fd, flags: 0, offset: 0, length: 0, xdata: null })), EINVAL);
});

t.test('fsync', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, 'abc');
  for (const datasync of [false, true]) {
    const r = await b.posix.fsync(b.call(), { fd, datasync, xdata: null });
    t.equal(r.post.size, 3);
  }
  const many = await Promise.all(
    Array.from({ length: 30 }, () => b.posix.fsync(b.call(), { fd, datasync: false, xdata: null })),
  );
  t.equal(many.length, 30);
});

for (const mode of ['none', 'syncfs', 'syncfs-single-fsync', 'syncfs-reverse-fsync', 'reverse-fsync']) {
  t.test(`batch-fsync-mode ${mode}`, async (t) => {
    const { b, fd } = await openFile(t, {
      'batch-fsync-mode': mode,
      'batch-fsync-delay-usec': mode === 'syncfs' ? '2000' : mode === 'reverse-fsync' ? '-1' : '0',
    });
    const xdata = new Dict().setInt('batch-fsync', 1);
    for (let round = 0; round < 2; round++) {
      const replies = await Promise.all(
        Array.from({ length: 25 }, () => b.posix.fsync(b.call(), { fd, datasync: false, xdata })),
      );
      t.equal(replies[0]!.post.mode, mode === 'none' ? 0o100640 : 0, 'no attributes from a batch');
    }
  });
}

t.test('rchecksum', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, 'Wikipedia');
  const args = { fd, offset: 0, length: 100, xdata: null };
  const md5 = await b.posix.rchecksum(b.call(), args);
  // adler32 from 0 instead of 1: 0x11e60398 less 1 in the low half, less 9 in the high one.
  t.equal(md5.weak >>> 0, 0x11dd0397);
  t.equal(
    Buffer.from(md5.strong).toString('hex'),
    `9c677286866aad38f4d7660d3bd1c1bc${'0'.repeat(32)}`.replace(
      /^.{32}/,
      execFileSync('md5sum', [b.path('f')])
        .toString()
        .slice(0, 32),
    ),
  );
  t.equal(md5.flags, 0);
  t.notOk(md5.xdata!.has('fips-mode-rchecksum'));
  await b.posix.reconfigure({ ...b.posix.options, 'fips-mode-rchecksum': true });
  const sha = await b.posix.rchecksum(b.call(), { ...args, xdata: new Dict().setInt('check-zero-filled', 1) });
  t.equal(
    Buffer.from(sha.strong).toString('hex'),
    execFileSync('sha256sum', [b.path('f')])
      .toString()
      .slice(0, 64),
  );
  t.equal(sha.xdata!.number('fips-mode-rchecksum'), 1);
  t.equal(sha.xdata!.number('buf-has-zeroes'), 0);
  await b.posix.zerofill(b.call(), { fd, offset: 0, length: 9, xdata: null });
  const zero = await b.posix.rchecksum(b.call(), { ...args, xdata: new Dict().setInt('check-zero-filled', 1) });
  t.equal(zero.xdata!.number('buf-has-zeroes'), 1);
  t.equal(await errnoOf(() => b.posix.rchecksum(b.call(), { ...args, length: -1 })), EINVAL);
});

t.test('copy_file_range', async (t) => {
  const { b, fd } = await openFile(t);
  await write(b, fd, 'hello world');
  const to = await b.create(b.root, 'g');
  const call = b.call(0b111);
  const r = await b.posix.copyFileRange(call, {
    fdIn: fd,
    offsetIn: 6,
    fdOut: to.fd,
    offsetOut: 2,
    size: 5,
    flags: 0,
    xdata: null,
  });
  t.equal(r.count, 5);
  t.same([r.pre.size, r.post.size, r.stat.size], [0, 7, 11]);
  t.equal(r.post.mtime, call.timeSec);
  t.equal(r.stat.atime, call.timeSec);
  t.ok(r.stat.mtime < call.timeSec);
  t.equal(readFileSync(b.path('g'), 'latin1'), '\0\0world');
});

t.test('clients of cloudsync are refused', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const xdata = new Dict().setInt('trusted.glusterfs.cs.status', 1);
  t.equal(await errnoOf(() => b.posix.readv(b.call(), { fd, offset: 0, size: 1, flags: 0, xdata })), 95);
  t.equal(await errnoOf(() => write(b, fd, 'x', 0, { xdata })), 95);
  t.equal(await errnoOf(() => b.posix.truncate(b.call(), { inode, offset: 0, xdata })), 95);
  t.equal(b.log.length, 1);
});
