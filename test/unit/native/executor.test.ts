/** The rules of the executor: the failed state, its flags, registers, directories of a batch. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { ALWAYS, CLEANUP, IGNORE, reg } from '../../../native/layout.js';
import { scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;
const { O_RDWR, O_CREAT, O_RDONLY, ENOENT, ECANCELED, EBADF, EEXIST } = c as Record<string, number> & {
  [K in 'O_RDWR' | 'O_CREAT' | 'O_RDONLY' | 'ENOENT' | 'ECANCELED' | 'EBADF' | 'EEXIST']: number;
};
const descriptors = (): number => readdirSync('/proc/self/fd').length;

t.test('a failing op fails the batch: the rest is skipped but for CLEANUP and ALWAYS', async (t) => {
  const b = batch();
  b.mkdir(dir.fd, 'made', 0o755);
  const missing = b.unlink(dir.fd, 'missing');
  const skipped = b.mkdir(dir.fd, 'never', 0o755);
  const undo = b.unlink(dir.fd, 'made', c['AT_REMOVEDIR'], CLEANUP);
  const always = b.mkdir(dir.fd, 'always', 0o755, ALWAYS);
  t.equal(b.run(), -ENOENT);
  t.equal(b.failedOp, missing);
  t.equal(b.errno, ENOENT);
  t.equal(b.result(skipped), -ECANCELED);
  t.equal(b.result(undo), 0);
  t.equal(b.result(always), 0);
  t.notOk(existsSync(dir.at('made')));
  t.notOk(existsSync(dir.at('never')));
  t.ok(existsSync(dir.at('always')));
  b.release();
});

t.test('without a failure CLEANUP ops are skipped', async (t) => {
  const b = batch();
  b.mkdir(dir.fd, 'kept', 0o755);
  const undo = b.unlink(dir.fd, 'kept', c['AT_REMOVEDIR'], CLEANUP);
  t.equal(b.run(), 0);
  t.equal(b.result(undo), -ECANCELED);
  t.equal(b.failedOp, -1);
  t.ok(existsSync(dir.at('kept')));
  b.release();
});

t.test('IGNORE, CLEANUP and ALWAYS ops may fail themselves', async (t) => {
  const b = batch();
  const first = b.unlink(dir.fd, 'missing', 0, IGNORE);
  const second = b.unlink(dir.fd, 'missing', 0, ALWAYS);
  const third = b.mkdir(dir.fd, 'after', 0o755);
  t.equal(b.run(), 0);
  t.equal(b.result(first), -ENOENT);
  t.equal(b.result(second), -ENOENT);
  t.equal(b.result(third), 0);
  b.release();

  const d = batch();
  d.mkdir(dir.fd, 'after', 0o755);
  d.unlink(dir.fd, 'missing', 0, CLEANUP);
  t.equal(d.run(), -EEXIST, 'the first failure is the one that counts');
  d.release();
});

t.test('registers', async (t) => {
  writeFileSync(dir.at('file'), 'hello');
  const before = descriptors();
  const b = batch();
  const fd = b.open(dir.fd, 'file', O_RDONLY);
  const out = b.out(16);
  const read = b.pread(reg(fd), out, 16, 0);
  b.close(reg(fd), ALWAYS);
  t.equal(b.run(), 0);
  t.equal(b.result(read), 5);
  t.equal(b.view(out, 5).latin1Slice(), 'hello');
  b.release();
  t.equal(descriptors(), before, 'closed again');

  const d = batch();
  const none = d.open(dir.fd, 'missing', O_RDONLY, 0, 0, IGNORE);
  const stat = d.mkdir(dir.fd, 'some', 0o755);
  const onFailed = d.pread(reg(none), d.out(8), 8, 0, 0, IGNORE);
  const onOther = d.pread(reg(stat), d.out(8), 8, 0, 0, IGNORE);
  const onItself = d.pread(reg(4), d.out(8), 8, 0, 0, IGNORE);
  const onLater = d.pread(reg(9), d.out(8), 8, 0, 0, IGNORE);
  const beyond = d.pread(reg(1e6), d.out(8), 8, 0, 0, IGNORE);
  const closes = d.close(reg(none), IGNORE);
  t.equal(d.run(), 0);
  for (const op of [onFailed, onOther, onItself, onLater, beyond, closes]) t.equal(d.result(op), -EBADF);
  d.release();
});

t.test('what a failed batch has opened is closed by ALWAYS', async (t) => {
  const before = descriptors();
  const b = batch();
  const fd = b.open(dir.fd, 'new', O_RDWR | O_CREAT, 0o600);
  b.unlink(dir.fd, 'missing');
  b.close(reg(fd), ALWAYS);
  const unused = b.open(dir.fd, 'new', O_RDWR);
  b.close(reg(unused), ALWAYS);
  t.equal(b.run(), -ENOENT);
  t.equal(descriptors(), before);
  b.release();
});

t.test('the current directory of the process stays', async (t) => {
  const at = process.cwd();
  mkdirSync(dir.at('one'));
  mkdirSync(dir.at('two'));
  writeFileSync(dir.at('one/f'), '');
  writeFileSync(dir.at('two/f'), '');
  const b = batch();
  const one = b.open(dir.fd, 'one', O_RDONLY);
  b.setxattr(reg(one), 'f', 'user.where', Buffer.from('one'));
  b.close(reg(one));
  // The same number again, another directory.
  const two = b.open(dir.fd, 'two', O_RDONLY);
  b.setxattr(reg(two), 'f', 'user.where', Buffer.from('two'));
  const out = b.out(8);
  const back = b.getxattr(dir.fd, 'one/f', 'user.where', out, 8);
  b.close(reg(two), ALWAYS);
  if (b.run() === -c['EOPNOTSUPP']!) return void t.comment('no user xattrs here');
  t.equal(b.result(one), b.result(two), 'the number came back');
  t.equal(b.result(back), 3);
  t.equal(b.view(out, 3).latin1Slice(), 'one');
  b.release();
  process.chdir(at);
  t.equal(existsSync('/proc/self/cwd'), true);
  t.equal(process.cwd(), at);
  t.notOk(existsSync('f'), 'not in either directory');
});

t.test('unknown codes and wrong arguments', async (t) => {
  const b = batch();
  b.close(dir.fd);
  b.f64[0] = 200;
  t.equal(b.run(), -c['ENOSYS']!);
  b.release();
  // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
  const any = addon as any;
  for (const wrong of [undefined, null, 'x', 0, -1, Number.NaN, Number.POSITIVE_INFINITY, {}])
    t.throws(() => any.runBatch(wrong), TypeError);
  for (const wrong of [undefined, 3, {}, new Uint8Array(8)]) t.throws(() => any.addressOf(wrong), TypeError);
  t.ok(any.addressOf(new SharedArrayBuffer(4096)) > 4096);
  t.ok(any.addressOf(new ArrayBuffer(4096)) > 4096);
});

t.test('umask holds for batches', async (t) => {
  const former = addon.umask(0o077);
  const b = batch();
  b.mkdir(dir.fd, 'masked', 0o777);
  const at = b.statOut();
  b.statx(dir.fd, 'masked', at);
  b.run();
  t.equal(b.f64[at + 3]! & 0o777, 0o700);
  b.release();
  t.equal(addon.umask(former), 0o077);
});
