/** Each op on files and names does what its system call does. */
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ALWAYS, CHECKSUM, IGNORE, reg, STAT } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import { scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;
const root = process.getuid?.() === 0;

/** Runs one op; its result. */
function one(op: (b: Batch) => number): number {
  const b = batch();
  const at = op(b);
  b.run();
  const result = b.result(at);
  b.release();
  return result;
}

/** Set where openat2 is missing (kernels before 5.6, some sandboxes): nothing can be known to be cached then. */
const cached = process.env['BRICKD_TEST_NO_OPENAT2'] === undefined ? c['RESOLVE_CACHED']! : 0;

t.test('open below a directory', async (t) => {
  writeFileSync(dir.at('f'), 'abc');
  symlinkSync('f', dir.at('l'));
  mkdirSync(dir.at('a/b/c'), { recursive: true });
  symlinkSync('a', dir.at('la'));
  const beneath = c['RESOLVE_BENEATH']! | c['RESOLVE_NO_SYMLINKS']!;
  const { O_RDONLY, O_RDWR, O_PATH, O_NOFOLLOW, O_CREAT, O_DIRECTORY } = c as Record<string, number>;
  for (const [path, flags, resolve, wanted] of [
    ['l', O_RDONLY, c['RESOLVE_NO_SYMLINKS'], 'ELOOP'],
    ['l', O_PATH, beneath, 'ELOOP'],
    ['l', O_PATH! | O_NOFOLLOW!, beneath, ''],
    ['la/b', O_RDONLY, beneath, 'ELOOP'],
    ['f/b', O_RDONLY, beneath, 'ENOTDIR'],
    ['f/', O_RDONLY, beneath, 'ENOTDIR'],
    ['../x', O_RDONLY, c['RESOLVE_BENEATH'], 'EXDEV'],
    ['..', O_RDONLY, beneath, 'EXDEV'],
    ['/etc', O_RDONLY, beneath, 'EXDEV'],
    ['', O_RDONLY, beneath, 'ENOENT'],
    ['a/b//c/', O_RDONLY! | O_DIRECTORY!, beneath, ''],
    ['a/./b', O_PATH, beneath, ''],
    ['a/x/b', O_PATH, beneath, 'ENOENT'],
    ['a/b/new', O_RDWR! | O_CREAT!, beneath, ''],
  ] as const) {
    const before = readdirSync('/proc/self/fd').length;
    const fd = one((b) => b.open(dir.fd, path, flags!, 0o644, resolve!));
    if (wanted !== '') t.equal(fd, -c[wanted]!, `${path}: ${wanted}`);
    else {
      t.ok(fd > 2, `${path} opens`);
      addon.closeFd(fd);
    }
    t.equal(readdirSync('/proc/self/fd').length, before, 'no descriptor is left');
  }
});

t.test('open: flags, close-on-exec', async (t) => {
  const fd = one((b) => b.open(dir.fd, 'f', c['O_RDONLY']!, 0o644, cached));
  t.ok(fd > 2, 'a mode without O_CREAT and a cached look-up');
  t.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), /flags:\s+02[0-7]*/);
  t.equal(addon.closeFd(fd), 0);
  const path = one((b) =>
    b.open(dir.fd, 'f', c['O_PATH']! | c['O_RDWR']! | c['O_NOFOLLOW']!, 0, c['RESOLVE_NO_SYMLINKS']!),
  );
  t.ok(path > 2, 'O_PATH with other flags, as openat takes it');
  addon.closeFd(path);
  const absolute = one((b) => b.open(c['AT_FDCWD']!, dir.at('f'), c['O_RDONLY']!));
  t.ok(absolute > 2);
  addon.closeFd(absolute);
  t.equal(
    one((b) => b.open(-1, 'f', 0)),
    -c['EBADF']!,
  );
});

t.test('pwrite, pread, truncate, fallocate, lseek, copyrange, sync', async (t) => {
  const r = region(65536);
  r.bytes.fill('x', 0, 10000);
  const b = batch();
  const fd = b.open(dir.fd, 'data', c['O_RDWR']! | c['O_CREAT']!, 0o644);
  const written = b.pwrite(reg(fd), r.address, 10000, 100);
  const read = b.pread(reg(fd), r.address + 20000, 20000, 0);
  const end = b.lseek(reg(fd), 0, c['SEEK_END']!);
  const wrong = b.pread(reg(fd), r.address, 1, -1, 0, IGNORE);
  const cut = b.truncate(reg(fd), 5000);
  const room = b.fallocate(reg(fd), c['FALLOC_FL_KEEP_SIZE']!, 0, 1 << 20, IGNORE);
  const to = b.open(dir.fd, 'copy', c['O_RDWR']! | c['O_CREAT']!, 0o644);
  const copied = b.copyFileRange(reg(fd), 4000, reg(to), 0, 4000);
  b.fsync(reg(fd));
  b.fdatasync(reg(to));
  b.syncfs(reg(to));
  b.close(reg(fd), ALWAYS);
  b.close(reg(to), ALWAYS);
  t.equal(b.run(), 0);
  t.equal(b.result(written), 10000);
  t.equal(b.result(read), 10100);
  t.equal(r.bytes[20099], 0);
  t.equal(r.bytes[20100], 'x'.charCodeAt(0));
  t.equal(b.result(end), 10100);
  t.equal(b.result(wrong), -c['EINVAL']!);
  t.equal(b.result(cut), 0);
  t.ok([0, -c['EOPNOTSUPP']!].includes(b.result(room)));
  t.equal(b.result(copied), 1000);
  t.equal(readFileSync(dir.at('copy')).length, 1000);
  b.release();
  r.release();
});

t.test('checksum', async (t) => {
  // adler32 by its definition, but for the start at 0.
  const weak = (b: Buffer): number => {
    let a = 0;
    let s = 0;
    for (const byte of b) {
      a = (a + byte) % 65521;
      s = (s + a) % 65521;
    }
    return s * 65536 + a;
  };
  const answer = region(CHECKSUM.bytes);
  const file = Buffer.alloc(200_001);
  for (let i = 0; i < file.length; i++) file[i] = (i * 7919) >> 3;
  writeFileSync(dir.at('sums'), file);
  writeFileSync(dir.at('zeros'), Buffer.alloc(100_000));
  const sum = (name: string, offset: number, length: number, sha256: boolean) => {
    const b = batch();
    const fd = b.open(dir.fd, name, c['O_RDONLY']!);
    // In one go or, as long ranges are, in parts.
    const cut = Math.floor(length / 3);
    const ops = [];
    if (cut > 0) {
      ops.push(b.checksum(reg(fd), offset, cut, { sha256, first: true, last: false }, answer.address, IGNORE));
      ops.push(b.checksum(reg(fd), offset + cut, 0, { sha256, first: false, last: false }, answer.address, IGNORE));
    }
    const last = { sha256, first: cut === 0, last: true };
    ops.push(b.checksum(reg(fd), offset + cut, length - cut, last, answer.address, IGNORE));
    b.close(reg(fd), ALWAYS);
    b.run();
    const results = ops.map((op) => b.result(op));
    b.release();
    return results.find((n) => n < 0) ?? results.reduce((a, n) => a + n, 0);
  };
  for (const [offset, length] of [
    [0, 0],
    [0, 1],
    [5, 65536],
    [0, 65537],
    [4096, 131072],
    [0, 1 << 20],
    [200_001, 10],
  ] as const) {
    const part = file.subarray(offset, offset + length);
    for (const algorithm of ['sha256', 'md5']) {
      const what = `${algorithm} of ${length} at ${offset}`;
      t.equal(sum('sums', offset, length, algorithm === 'sha256'), part.length, what);
      t.equal(answer.bytes.readUInt32LE(0), weak(part), what);
      const digest = createHash(algorithm).update(part).digest();
      t.same(answer.bytes.subarray(8, 8 + digest.length), digest, what);
      t.equal(answer.bytes.readUInt32LE(4), part.some((byte) => byte !== 0) ? 0 : 1, what);
    }
  }
  t.equal(sum('zeros', 0, 1 << 20, true), 100_000);
  t.equal(answer.bytes.readUInt32LE(4), 1);
  t.equal(sum('sums', -1, 10, true), -c['EINVAL']!);
  answer.release();
});

t.test('statx and statvfs', async (t) => {
  writeFileSync(dir.at('s'), 'seven b');
  const b = batch();
  const named = b.statOut();
  const opened = b.statOut();
  const vfs = b.doubles(b.out(11 * 8));
  b.statx(dir.fd, 's', named);
  const fd = b.open(dir.fd, 's', c['O_RDONLY']!);
  b.statx(reg(fd), null, opened);
  b.statvfs(reg(fd), vfs);
  b.close(reg(fd), ALWAYS);
  t.equal(b.run(), 0);
  const s = lstatSync(dir.at('s'), { bigint: true });
  for (const at of [named, opened]) {
    t.equal(BigInt(b.f64[at + STAT.dev]!), s.dev);
    t.equal((BigInt(b.f64[at + STAT.inoHigh]!) << 32n) | BigInt(b.f64[at + STAT.inoLow]!), s.ino);
    t.equal(b.f64[at + STAT.size], 7);
    t.equal(b.f64[at + STAT.mode], Number(s.mode));
    t.equal(b.f64[at + STAT.uid], Number(s.uid));
    t.equal(
      BigInt(b.f64[at + STAT.mtime]!) * 1_000_000_000n + BigInt(b.f64[at + STAT.mtimeNsec]!),
      s.mtimeNs,
      'times to the nanosecond',
    );
  }
  const f = statfsSync(dir.path);
  t.equal(b.f64[vfs], f.bsize);
  t.equal(b.f64[vfs + 2], f.blocks);
  t.equal(b.f64[vfs + 5], f.files);
  t.equal(b.f64[vfs + 10], 255);
  b.release();
});

t.test('names: link, rename, mkdir, mknod, symlink, readlink, unlink', async (t) => {
  writeFileSync(dir.at('n'), 'n');
  t.equal(
    one((b) => b.link(dir.fd, 'n', dir.fd, 'n2')),
    0,
  );
  const fd = addon.open(dir.at('n'), c['O_RDONLY']!, 0);
  t.equal(
    one((b) => b.linkFd(fd, dir.fd, 'n3')),
    0,
  );
  t.equal(lstatSync(dir.at('n')).nlink, 3);
  addon.closeFd(fd);
  t.equal(
    one((b) => b.rename(dir.fd, 'n2', dir.fd, 'n3', c['RENAME_NOREPLACE']!)),
    -c['EEXIST']!,
  );
  t.equal(
    one((b) => b.rename(dir.fd, 'n3', dir.fd, 'n4')),
    0,
  );
  t.equal(
    one((b) => b.mkdir(dir.fd, 'd', 0o700)),
    0,
  );
  t.equal(
    one((b) => b.mknod(dir.fd, 'fifo', c['S_IFIFO']! | 0o600, 0)),
    0,
  );
  t.ok(lstatSync(dir.at('fifo')).isFIFO());
  if (root) {
    const rdev = lstatSync('/dev/null').rdev;
    t.equal(
      one((b) => b.mknod(dir.fd, 'null', c['S_IFCHR']! | 0o600, rdev)),
      0,
    );
    t.equal(lstatSync(dir.at('null')).rdev, rdev);
  }
  const name = 'byte \xff\xe9 string';
  t.equal(
    one((b) => b.symlink('tar\xe9get', dir.fd, name)),
    0,
  );
  const b = batch();
  const out = b.out(64);
  const read = b.readlink(dir.fd, name, out, 64);
  t.equal(b.run(), 0);
  t.equal(b.view(out, b.result(read)).latin1Slice(), 'tar\xe9get');
  b.release();
  t.same(readlinkSync(Buffer.from(dir.at(name), 'latin1'), 'buffer'), Buffer.from('tar\xe9get', 'latin1'));
  t.equal(
    one((b) => b.unlink(dir.fd, 'd')),
    -c['EISDIR']!,
  );
  t.equal(
    one((b) => b.unlink(dir.fd, 'd', c['AT_REMOVEDIR']!)),
    0,
  );
});

t.test('chmod, chown, utimens never follow a symlink', async (t) => {
  writeFileSync(dir.at('target'), '', { mode: 0o600 });
  symlinkSync('target', dir.at('link'));
  t.equal(
    one((b) => b.chmod(dir.fd, 'link', 0o777)),
    -c['EOPNOTSUPP']!,
  );
  t.equal(
    one((b) => b.chmod(dir.fd, 'target', 0o4711)),
    0,
  );
  t.equal(lstatSync(dir.at('target')).mode & 0o7777, 0o4711);
  t.equal(
    one((b) => b.utimens(dir.fd, 'link', 11, 12, 13, 14)),
    0,
  );
  t.equal(lstatSync(dir.at('link'), { bigint: true }).mtimeNs, 13_000_000_014n);
  t.not(lstatSync(dir.at('target'), { bigint: true }).mtimeNs, 13_000_000_014n);
  if (root) {
    t.equal(
      one((b) => b.chown(dir.fd, 'link', 12, -1)),
      0,
    );
    t.equal(lstatSync(dir.at('link')).uid, 12);
    t.equal(lstatSync(dir.at('link')).gid, 0);
    t.equal(lstatSync(dir.at('target')).uid, 0);
  }
  for (const flags of [c['O_RDONLY']!, c['O_PATH']!]) {
    const fd = addon.open(dir.at('target'), flags, 0);
    t.equal(
      one((b) => b.chmod(fd, null, 0o640)),
      0,
    );
    t.equal(
      one((b) => b.utimens(fd, null, 0, 0x3ffffffe, 21, 22)),
      0,
    );
    t.equal(
      one((b) => b.chown(fd, null, -1, -1)),
      0,
    );
    t.equal(lstatSync(dir.at('target')).mode & 0o777, 0o640);
    t.equal(lstatSync(dir.at('target'), { bigint: true }).mtimeNs, 21_000_000_022n);
    t.equal(
      one((b) => b.chmod(fd, null, 0o600)),
      0,
    );
    addon.closeFd(fd);
  }
});
