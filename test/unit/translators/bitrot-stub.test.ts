import {
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { BitrotStubTranslator } from '../../../brickd/translators/features/bitrot-stub/bitrot-stub.js';
import { ObjectState } from '../../../brickd/translators/features/bitrot-stub/object-state.js';
import {
  BootTime,
  decodeSignRequest,
  decodeVersion,
  encodeSignature,
  encodeStubInit,
  encodeVersion,
} from '../../../brickd/translators/features/bitrot-stub/xattr-formats.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { gfidText, parseGfid } from '../../../mux/xlator/gfid.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EBADF, EINVAL, EIO, ENODATA, ENOENT, ENOSPC } from '../../../native/errno.js';
import { payload } from '../posix/files.js';
import { Brick, client, errnoOf, newGfid, withGfid } from '../posix/harness.js';

const VERSION = 'trusted.bit-rot.version';
const SIGNATURE = 'trusted.bit-rot.signature';
const BAD = 'trusted.bit-rot.bad-file';
const GET = 'trusted.glusterfs.get-signature';
const SET = 'trusted.glusterfs.set-signature';
const HINT = 'trusted.glusterfs.bit-rot.reopen-hint';
const BITD = -8;
const SCRUB = -9;
const HEAL = -6;
const HASH = Buffer.alloc(32, 0xab);
const WAIT = 1;
const SIGN = 2;

/** What the signer was told: [version, sign state]. */
type Told = [number, number];

/** The stub above a real posix: tests do what the server does with fds and inodes. */
class Stack {
  readonly brick: Brick;
  readonly stub: BitrotStubTranslator;
  readonly told: Told[] = [];
  /** Fops of the layer below, instead of posix's. */
  readonly over: Partial<Fops> = {};

  constructor(brick: Brick, bitrot: boolean) {
    this.brick = brick;
    const options = { bitrot, export: bytesOfText(brick.dir) };
    this.stub = new BitrotStubTranslator({ name: 'v-stub', type: 'stub', options, brick: brick.context, slot: 1 });
    const posix = brick.posix as unknown as Fops;
    const { over, told } = this;
    this.stub.next = new Proxy({} as Fops, {
      get(_t, fop: keyof Fops) {
        if (over[fop] !== undefined) return over[fop];
        if (fop !== 'ipc')
          return (call: Call, args: never) => (posix[fop] as (c: Call, a: never) => unknown)(call, args);
        return (_c: Call, { op, xdata }: { op: number; xdata: Dict }) => {
          const event = Buffer.from(xdata.bytes('RELEASE-EVENT')!);
          t.equal(op, 0);
          t.equal(event.length, 4104);
          t.equal(event.readUInt32LE(0), 0x10);
          told.push([event.readUInt32BE(8), event.readUInt32BE(32)]);
          return { xdata: null };
        };
      },
    });
  }

  call(pid = 100): Call {
    return Object.assign(this.brick.call(), { pid });
  }
  async create(name: string, pid = 100, xdata = withGfid(), flags = 0o302): Promise<{ inode: Inode; fd: Fd }> {
    const { root, table } = this.brick;
    const loc = { inode: table.child(root, name) ?? null, parent: root, name };
    const r = await this.stub.create(this.call(pid), { loc, flags, mode: 0o100640, umask: 0, pid, xdata });
    const inode = table.link(root, name, r.stat.gfid, r.stat.mode);
    const fd = new Fd(inode, flags, client, pid);
    r.bind(fd);
    return { inode, fd };
  }
  async open(inode: Inode, flags = 2, pid = 100): Promise<Fd> {
    const fd = new Fd(inode, flags, client, pid);
    await this.stub.open(this.call(pid), { inode, fd, flags, xdata: null });
    return fd;
  }
  close(fd: Fd): void {
    this.stub.release(fd);
    this.brick.posix.release(fd);
  }
  async write(fd: Fd, text: string, offset = 0): Promise<void> {
    const data = payload(Buffer.from(text));
    await this.stub.writev(this.call(), { fd, offset, flags: 0, xdata: null, ...data });
    data.region.release();
  }
  async read(fd: Fd): Promise<string> {
    const reply = await this.stub.readv(this.call(), { fd, offset: 0, size: 100, flags: 0, xdata: null });
    reply.region?.release();
    return String(reply.count);
  }
  async lookup(name: string, xdata: Dict | null = new Dict()) {
    const { root, table } = this.brick;
    const known = table.child(root, name) ?? null;
    const r = await this.stub.lookup(this.call(), { loc: { inode: known, parent: root, name }, gfid: null, xdata });
    return { ...r, inode: table.link(root, name, r.stat.gfid, r.stat.mode) };
  }
  async hint(inode: Inode, value: number): Promise<void> {
    const fd = await this.open(inode, 2, BITD);
    await this.stub.fsetxattr(this.call(BITD), { fd, dict: new Dict().setUint(HINT, value), flags: 0, xdata: null });
    this.close(fd);
  }
  async sign(inode: Inode, version: number): Promise<void> {
    const fd = await this.open(inode, 0, BITD);
    const dict = new Dict().setBytes(SET, request(version));
    await this.stub.fsetxattr(this.call(BITD), { fd, dict, flags: 0, xdata: null });
    this.close(fd);
  }
  async markBad(inode: Inode): Promise<void> {
    const fd = await this.open(inode, 2, SCRUB);
    await this.stub.fsetxattr(this.call(SCRUB), { fd, dict: new Dict().setInt(BAD, 1), flags: 0, xdata: null });
    this.close(fd);
  }
  async stale(inode: Inode, pid = SCRUB): Promise<number> {
    const { dict } = await this.stub.getxattr(this.call(pid), { inode, name: GET, xdata: null });
    return dict!.bytes(GET)![0]!;
  }
  /** The version on disk; 0: none. */
  version(name: string): number {
    const hex = this.brick.xattr(this.brick.path(name), VERSION);
    return hex === null ? 0 : Number(Buffer.from(hex, 'hex').readBigUInt64LE(0));
  }
  listed(): string[] {
    return readdirSync(this.brick.path('.glusterfs/quarantine')).filter((name) => !name.startsWith('stub-'));
  }
}

function request(version: number, type = 1, length = HASH.length): Buffer {
  const bytes = Buffer.alloc(24 + HASH.length);
  bytes.writeInt8(type, 0);
  bytes.writeUInt32BE(version, 8);
  bytes.writeBigUInt64LE(BigInt(length), 16);
  HASH.copy(bytes, 24);
  return bytes;
}

async function stack(t: Test, bitrot = true, layers: string[] = []): Promise<Stack> {
  const brick = await new Brick().start();
  for (const layer of layers) brick.layers.add(layer);
  const s = new Stack(brick, bitrot);
  await s.stub.init();
  t.teardown(async () => {
    await s.stub.fini();
    await brick.stop();
    brick.remove();
  });
  return s;
}

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

t.test('bad files', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  const { stub } = s;
  await s.write(fd, 'data');
  const asBitd = { fd, dict: new Dict().setInt(BAD, 1), flags: 0, xdata: null };
  t.equal(await errnoOf(() => stub.fsetxattr(s.call(BITD), asBitd)), EINVAL);
  await s.markBad(inode);
  const text = gfidText(inode.gfid);
  t.strictSame(s.listed(), [text]);
  t.equal(s.brick.xattr(s.brick.path('f'), BAD), '3100');
  t.equal(await errnoOf(() => s.read(fd)), EIO);
  t.equal(await errnoOf(() => s.write(fd, 'x')), EIO);
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO);
  t.equal(await errnoOf(() => stub.truncate(s.call(), { inode, offset: 0, xdata: null })), EIO);
  t.equal(await errnoOf(() => stub.stat(s.call(), { inode, xdata: null })), EIO);
  t.equal(await errnoOf(() => stub.fstat(s.call(), { fd, xdata: null })), EIO);
  t.equal(await errnoOf(() => s.stale(inode)), EIO);
  const uuid = 'trusted.glusterfs.node-uuid';
  t.equal(await errnoOf(() => stub.getxattr(s.call(), { inode, name: uuid, xdata: null })), EIO);
  t.equal((await s.lookup('f')).xdata!.number('glusterfs.bad-inode'), 1);
  t.ok((await stub.getxattr(s.call(SCRUB), { inode, name: BAD, xdata: null })).dict!.has(BAD), 'the daemons may ask');
  t.notOk((await stub.getxattr(s.call(), { inode, name: '', xdata: null })).dict!.has(BAD));
  s.close(fd);
  s.stub.forget(inode);
  t.equal((await s.lookup('f')).xdata!.number('glusterfs.bad-inode'), 1, 'after a restart');
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO);

  // Another name keeps it on the list.
  const { root, table } = s.brick;
  const posix = s.brick.posix as unknown as Fops;
  await posix.link(s.call(), { inode, newLoc: { inode, parent: root, name: 'g' }, xdata: null });
  table.link(root, 'g', inode.gfid, inode.type);
  await stub.unlink(s.call(), { loc: { inode, parent: root, name: 'f' }, xflags: 0, xdata: null });
  t.strictSame(s.listed(), [text]);
  const over = await s.create('h');
  s.close(over.fd);
  const rename = { oldLoc: { inode: over.inode, parent: root, name: 'h' }, newLoc: { inode, parent: root, name: 'g' } };
  await stub.rename(s.call(), { ...rename, xdata: null });
  t.strictSame(s.listed(), []);
});

t.test('a name that is known as another file', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  s.close(fd);
  await s.markBad(inode);
  s.stub.forget(inode);
  s.brick.table.link(s.brick.root, 'f', newGfid(), 0o120777);
  const found = await s.lookup('f');
  t.equal(found.inode, inode);
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO, 'its xattrs are still to be read');
});

t.test('a bad file that was removed on the brick is healed', async (t) => {
  const s = await stack(t);
  const gfid = newGfid();
  const { inode, fd } = await s.create('f', 100, withGfid(gfid));
  await s.write(fd, 'data');
  s.close(fd);
  await s.markBad(inode);
  unlinkSync(s.brick.path('f'));
  t.equal(await errnoOf(() => s.lookup('f')), ENOENT);
  t.equal(s.listed().length, 1, 'its handle is still there');
  unlinkSync(s.brick.handle(gfid));
  t.equal(await errnoOf(() => s.lookup('f')), ENOENT);
  t.strictSame(s.listed(), []);
  s.brick.table.unlink(s.brick.root, 'f');
  const healed = await s.create('f', HEAL, withGfid(gfid));
  await s.write(healed.fd, 'data');
  t.equal(s.version('f'), 2);
  s.close(healed.fd);

  // The same without a look-up between the removal and the heal.
  await s.markBad(healed.inode);
  unlinkSync(s.brick.path('f'));
  unlinkSync(s.brick.handle(gfid));
  s.brick.table.unlink(s.brick.root, 'f');
  const again = await s.create('f', HEAL, withGfid(gfid));
  await s.write(again.fd, 'data');
  s.close(again.fd);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.strictSame(s.listed(), []);
});

t.test('the list as a directory', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  s.close(fd);
  await s.markBad(inode);
  const gfid = parseGfid('00000000-0000-0000-0000-000000000008')!;
  const none = { inode: null, parent: null, name: '' };
  const { stat } = await s.stub.lookup(s.call(SCRUB), { loc: none, gfid, xdata: null });
  t.strictSame([stat.mode & 0o170777, gfidText(stat.gfid)], [0o40600, gfidText(gfid)]);
  const directory = s.brick.table.intern(stat.gfid, stat.mode);
  const list = new Fd(directory, 0, client, SCRUB);
  t.equal(await errnoOf(() => s.stub.readdir(s.call(), { fd: list, offset: 0n, size: 4096, xdata: null })), EBADF);
  await s.stub.opendir(s.call(SCRUB), { inode: directory, fd: list, xdata: null });
  const first = await s.stub.readdir(s.call(SCRUB), { fd: list, offset: 0n, size: 4096, xdata: null });
  const name = gfidText(inode.gfid);
  t.strictSame(
    first.entries.map((e) => e.name),
    [name],
  );
  t.equal(first.xdata!.text(name), '/f');
  const rest = await s.stub.readdir(s.call(), { fd: list, offset: first.entries[0]!.offset, size: 4096, xdata: null });
  t.strictSame([rest.entries.length, rest.errno], [0, ENOENT]);
  s.stub.releasedir(list);
  const below = { inode: null, parent: directory, name };
  t.equal(await errnoOf(() => s.stub.lookup(s.call(), { loc: below, gfid: null, xdata: null })), EINVAL);
});

t.test('the directory on disk', async (t) => {
  const s = await stack(t, false);
  const at = (name: string) => s.brick.path('.glusterfs', name);
  t.notOk(existsSync(at('quarantine')), 'off: there is none');
  mkdirSync(at('quanrantine'));
  writeFileSync(`${at('quanrantine')}/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(11)}9`, '');
  await s.stub.reconfigure({ bitrot: true, export: bytesOfText(s.brick.dir) });
  t.equal(s.listed().length, 1, 'what an early release has left');
  t.match(s.stub.dump()[0]!.lines, ['bad-files=1']);
  t.equal(statSync(`${at('quarantine')}/stub-00000000-0000-0000-0000-000000000008`).size, 0);
  await s.stub.reconfigure({ bitrot: false, export: bytesOfText(s.brick.dir) });
  t.strictSame(s.stub.dump(), []);

  const other = await stack(t, false);
  writeFileSync(other.brick.path('.glusterfs/quarantine'), '');
  const on = { bitrot: true, export: bytesOfText(other.brick.dir) };
  await t.rejects(other.stub.reconfigure(on), { message: /^brick .*quarantine failed: EEXIST/ });
  t.notOk(other.stub.wants('writev'));
  renameSync(other.brick.path('.glusterfs/quarantine'), other.brick.path('.glusterfs/x'));
  await other.stub.reconfigure(on);
  // The common file may be gone, and the list with it: marking goes on.
  unlinkSync(other.brick.path('.glusterfs/quarantine/stub-00000000-0000-0000-0000-000000000008'));
  const { inode, fd } = await other.create('f');
  other.close(fd);
  await other.markBad(inode);
  t.equal(other.listed().length, 1);
  unlinkSync(other.brick.path('.glusterfs/quarantine', other.listed()[0]!));
  rmdirSync(other.brick.path('.glusterfs/quarantine'));
  const second = await other.create('g');
  other.close(second.fd);
  await other.markBad(second.inode);
  t.match(other.brick.log.join('\n'), /adding .* to the list of bad files failed/);
  t.equal(await errnoOf(() => other.open(second.inode)), EIO);
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
