import { statSync } from 'node:fs';
import t from 'tap';
import { ObjectState } from '../../../brickd/translators/features/bitrot-stub/object-state.js';
import {
  BootTime,
  decodeSignRequest,
  decodeVersion,
  encodeSignature,
  encodeStubInit,
  encodeVersion,
} from '../../../brickd/translators/features/bitrot-stub/xattr-formats.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EINVAL, ENODATA, ENOSPC } from '../../../native/errno.js';
import { errnoOf, withGfid } from '../posix/harness.js';
import { BAD, BITD, HINT, request, SCRUB, SET, SIGN, SIGNATURE, stack, VERSION, WAIT } from './bitrot-stack.js';

t.test('layouts', async (t) => {
  const boot = new BootTime(0x01020304 * 1000 + 5);
  t.equal(Buffer.from(encodeVersion(258, boot)).toString('hex'), '0201000000000000' + '01020304' + '00001388');
  t.equal(decodeVersion(encodeVersion(258, boot)), 258);
  t.equal(decodeVersion(new Uint8Array(15)), undefined);
  t.equal(decodeVersion(new Uint8Array(16).fill(0xff)), undefined, 'a number that is not exact');
  const { version, signature } = decodeSignRequest(request(7))!;
  t.equal(version, 7);
  t.equal(Buffer.from(signature).toString('hex'), `01${'0700000000000000'}${'ab'.repeat(32)}`);
  t.equal(decodeSignRequest(request(7, 2)), null, 'a kind of hash that nobody knows');
  t.equal(decodeSignRequest(request(7, 1, 33)), null, 'a hash that is longer than the value');
  t.equal(decodeSignRequest(new Uint8Array(23)), null);
  const answer = Buffer.from(encodeSignature(encodeVersion(258, boot), signature, true)!);
  const head = `01${'00'.repeat(7)}0700000000000000010203040000138801${'00'.repeat(7)}2000000000000000`;
  t.equal(answer.toString('hex'), head + 'ab'.repeat(32));
  t.equal(encodeSignature(new Uint8Array(3), signature, true), null);
  const init = Buffer.from(encodeStubInit(boot, bytesOfText('/brick')));
  t.equal(init.length, 4104);
  t.equal(init.subarray(0, 15).toString('hex'), `0102030400001388${Buffer.from('/brick\0').toString('hex')}`);
});

t.test('the signer is told twice', async (t) => {
  const object = new ObjectState(null, 4, false);
  object.opened();
  object.closed();
  t.equal(object.released(), null, 'not changed');
  object.opened();
  object.opened();
  object.raised();
  t.throws(() => object.raised(), /once for a series of changes/);
  object.closed();
  t.equal(object.released(), null, 'somebody has it open');
  object.closed();
  t.strictSame(object.released(), { version: 5, sign: WAIT });
  t.equal(object.released(), null, 'the signer knows');
  t.ok(object.waitsForSigner);
  object.opened();
  object.hinted();
  object.closed();
  t.strictSame(object.released(), { version: 5, sign: SIGN });
  t.notOk(object.changed, 'the next change raises it');
  object.hinted();
  t.strictSame(object.released(), { version: 5, sign: SIGN }, 'forgotten since the signer was told');
  t.throws(() => object.closed(), /more files are closed/);
});

t.test('a file is written, signed, written again', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  t.equal(s.version('f'), 0, 'an empty file has no version');
  await Promise.all([s.write(fd, 'one'), s.write(fd, 'two', 3)]);
  t.equal(s.version('f'), 2);
  const second = await s.open(inode);
  s.close(fd);
  t.strictSame(s.told, [], 'somebody has it open');
  await s.write(second, 'three');
  s.close(second);
  t.strictSame(s.told, [[2, WAIT]]);
  t.equal(await errnoOf(() => s.stale(inode)), ENODATA, 'there is no signature');
  await s.hint(inode, 0);
  t.strictSame(s.told.splice(0), [
    [2, WAIT],
    [2, SIGN],
  ]);
  await s.sign(inode, 2);
  t.equal(s.brick.xattr(s.brick.path('f'), SIGNATURE), `01${'0200000000000000'}${'ab'.repeat(32)}`);
  t.equal(await s.stale(inode), 0);
  t.strictSame(s.told, [], 'reading tells nobody');

  const third = await s.open(inode);
  t.equal(s.version('f'), 2, 'opening changes nothing');
  await s.write(third, 'four');
  t.equal(s.version('f'), 3);
  t.equal(await s.stale(inode), 1, 'to the scrubber');
  t.equal(await s.stale(inode, BITD), 0, 'the signer leaves it alone');
  await s.sign(inode, 2);
  t.equal(await s.stale(inode), 1, 'a signature of an older version is not taken');
  t.equal(await errnoOf(() => s.sign(inode, 4)), EINVAL);
  s.close(third);
  t.equal(await s.stale(inode, BITD), 1);
  const notBitd = {
    fd: await s.open(inode, 0, SCRUB),
    dict: new Dict().setBytes(SET, request(3)),
    flags: 0,
    xdata: null,
  };
  t.equal(await errnoOf(() => s.stub.fsetxattr(s.call(SCRUB), notBitd)), EINVAL);
  t.equal(await errnoOf(() => s.stub.fsetxattr(s.call(), notBitd)), EINVAL);
  const squashed = Object.assign(s.call(BITD), { privileged: false });
  t.equal(await errnoOf(() => s.stub.fsetxattr(squashed, notBitd)), EINVAL);
  s.close(notBitd.fd);
});

t.test('a late hint for a file that was signed meanwhile', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  await s.write(fd, 'one');
  s.close(fd);
  await s.hint(inode, 0);
  await s.sign(inode, 2);
  s.told.length = 0;
  const writer = await s.open(inode);
  await s.hint(inode, 0);
  await s.write(writer, 'two');
  t.equal(s.version('f'), 3, 'the contents are others than those that were signed');
  t.equal(await s.stale(inode), 1, 'to the scrubber');
  s.close(writer);
  t.strictSame(s.told, [[3, SIGN]]);
});

t.test('every change of contents raises the version', async (t) => {
  const s = await stack(t);
  const { stub } = s;
  const range = { offset: 0, length: 4096, xdata: null };
  const changes: [string, (inode: Inode, fd: Fd) => unknown][] = [
    ['truncate', (inode) => stub.truncate(s.call(), { inode, offset: 2, xdata: null })],
    ['ftruncate', (_i, fd) => stub.ftruncate(s.call(), { fd, offset: 2, xdata: null })],
    ['fallocate', (_i, fd) => stub.fallocate(s.call(), { fd, flags: 0, ...range })],
    ['discard', (_i, fd) => stub.discard(s.call(), { fd, ...range })],
    ['zerofill', (_i, fd) => stub.zerofill(s.call(), { fd, ...range })],
    ['open that empties', async (inode) => s.close(await s.open(inode, 0o1001))],
    ['create that empties', async (inode) => s.close((await s.create(inode.name, 100, withGfid(), 0o1101)).fd)],
  ];
  for (const [what, change] of changes) {
    const { inode, fd } = await s.create(what);
    await change(inode, fd);
    s.close(fd);
    t.equal(s.version(what), 2, what);
    t.strictSame(s.told.splice(0), [[2, WAIT]], what);
  }
  const kept = await s.create('kept');
  s.close(kept.fd);
  s.over.create = () => {
    throw failure(ENOSPC);
  };
  t.equal(await errnoOf(() => s.create('kept', 100, withGfid(), 0o1101)), ENOSPC);
  delete s.over.create;
  t.strictSame(s.told.splice(0), [[2, WAIT]], 'no descriptor of a create that failed will be closed');
  const { inode, fd } = await s.create('quiet');
  await stub.setxattr(s.call(), { inode, dict: new Dict().setText('user.a', 'x'), flags: 0, xdata: null });
  await s.read(fd);
  s.close(fd);
  t.equal(s.version('quiet'), 0);
  t.strictSame(s.told, []);
  await stub.truncate(s.call(), { inode, offset: 5, xdata: null });
  t.strictSame(s.told, [[2, WAIT]], 'the change itself counts as open');
});

t.test('what is on disk counts after a restart', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  await s.write(fd, 'x');
  s.stub.forget(inode);
  await s.write(fd, 'y');
  t.equal(s.version('f'), 3, 'read by the file');
  s.close(fd);
  s.stub.forget(inode);
  const found = await s.lookup('f');
  t.strictSame([...found.xdata!.map.keys()], [], 'nothing of it is shown');
  await s.hint(found.inode, 1);
  t.equal(s.version('f'), 4);
  t.strictSame(
    s.told,
    [
      [3, WAIT],
      [4, SIGN],
    ],
    'the crawler has it signed at once',
  );
});

t.test('a version that cannot be stored fails the write', async (t) => {
  const s = await stack(t);
  const { fd } = await s.create('f');
  s.over.fsetxattr = () => {
    throw failure(ENOSPC);
  };
  t.equal(await errnoOf(() => s.write(fd, 'x')), ENOSPC);
  t.equal(statSync(s.brick.path('f')).size, 0);
  delete s.over.fsetxattr;
  await s.write(fd, 'x');
  s.close(fd);
  t.equal(s.version('f'), 2);
});

t.test('malformed xattrs', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  const posix = s.brick.posix as unknown as Fops;
  const set = (name: string, value: Uint8Array) =>
    posix.setxattr(s.call(), { inode, dict: new Dict().setBytes(name, value), flags: 0, xdata: null });
  await set(SIGNATURE, Buffer.from(`01${'0900000000000000'}aa`, 'hex'));
  s.stub.forget(inode);
  await s.lookup('f');
  t.match(s.brick.log.join('\n'), /is signed and has no version/);
  t.equal(await errnoOf(() => s.stale(inode)), EINVAL);
  await set(VERSION, Buffer.from('xx'));
  s.stub.forget(inode);
  await s.lookup('f');
  t.match(s.brick.log.join('\n'), /has a malformed trusted.bit-rot.version/);
  await s.write(fd, 'x');
  t.equal(s.version('f'), 10, 'never a version that was signed');
  s.close(fd);
});

t.test('what was known before it was switched off does not count', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  await s.write(fd, 'x');
  await s.markBad(inode);
  const set = (bitrot: boolean) => s.stub.reconfigure({ bitrot, export: bytesOfText(s.brick.dir) });
  await set(false);
  const posix = s.brick.posix as unknown as Fops;
  await posix.removexattr(s.call(), { inode, name: BAD, xdata: null });
  await set(true);
  t.equal(await s.read(fd), '1');
  await s.write(fd, 'y');
  t.equal(s.version('f'), 3, 'it may have been changed and signed');
  s.close(fd);
  t.strictSame(s.listed(), []);
});

t.test('off, and on an arbiter', async (t) => {
  const off = await stack(t, false);
  for (const fop of ['writev', 'readv', 'open', 'create', 'stat', 'truncate'] as const)
    t.notOk(off.stub.wants(fop), fop);
  t.ok(off.stub.wants('setxattr'));
  const stubInit = 'trusted.glusterfs.bit-rot.stub-init';
  const { root } = off.brick;
  t.equal(await errnoOf(() => off.stub.getxattr(off.call(), { inode: root, name: stubInit, xdata: null })), ENODATA);

  const arbiter = await stack(t, true, ['features/arbiter']);
  t.notOk(arbiter.stub.wants('writev'));
  const r = await arbiter.stub.getxattr(arbiter.call(BITD), { inode: arbiter.brick.root, name: stubInit, xdata: null });
  t.equal(r.ret, 4104, 'the signer connects to it');
  const { inode } = await arbiter.brick.mknod(arbiter.brick.root, 'f');
  t.equal(await errnoOf(() => arbiter.stale(inode)), ENODATA, 'an empty file without a signature: left alone');
  const fd = await arbiter.open(inode, 2, BITD);
  const dict = new Dict().setUint(HINT, 1);
  await arbiter.stub.fsetxattr(arbiter.call(BITD), { fd, dict, flags: 0, xdata: null });
  arbiter.close(fd);
  t.equal(arbiter.brick.xattr(arbiter.brick.path('f'), HINT), null);
  t.strictSame(arbiter.told, []);
});
