/** What the changelog records, and in which order. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { RecordScanner } from '../../../brickd/translators/features/changelog/torn-record.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { EEXIST, EOPNOTSUPP } from '../../../native/errno.js';
import { until } from '../../support/until.js';
import { client, ROOT, Setup, TEXT_HEADER } from './changelog-setup.js';
import { callOf, dictOf, errnoOfAttempt, fdOf, gfidOf, state, statOf } from './harness.js';

/** Wire numbers of fops. */
const WIRE = { setattr: 38, setxattr: 17 };

const has = (setup: Setup, records: string) => `${TEXT_HEADER}${records}` === setup.current;

t.test('records of entries as texts', async (t) => {
  const s = await new Setup().start();
  const g = gfidText(s.gfid);
  const call = callOf(client, { uid: 5, gid: 6 });
  await s.create('f');
  let want = `E${g}\x0023\x0033188\x005\x006\x00${ROOT}/f\0`;
  t.ok(has(s, want), 'when the create is answered, its record is in the file');
  await s.t.mkdir(call, { loc: s.loc('d'), mode: 0o755, umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x004\x0016877\x005\x006\x00${ROOT}/d\0`;
  await s.t.mknod(call, { loc: s.loc('n'), mode: 0o10600, rdev: 0, umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x003\x004480\x005\x006\x00${ROOT}/n\0`;
  await s.t.symlink(call, { loc: s.loc('s'), target: 't', umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x007\x00${ROOT}/s\0`;
  const inode = s.brick.inode();
  const i = gfidText(inode.gfid);
  await s.t.link(call, { inode, newLoc: s.loc('l'), xdata: null });
  want += `E${i}\x009\x00${ROOT}/l\0`;
  await s.t.unlink(call, { loc: { ...s.loc('l'), inode }, xflags: 0, xdata: null });
  want += `E${i}\x005\x00${ROOT}/l\0\0\0`;
  await s.t.rmdir(call, { loc: { ...s.loc('d'), inode }, flags: 0, xdata: null });
  want += `E${i}\x006\x00${ROOT}/d\0\0\0`;
  const rename = { oldLoc: { ...s.loc('a'), inode }, newLoc: s.loc('b') };
  await s.t.rename(call, { ...rename, xdata: null });
  await s.t.rename(call, { ...rename, xdata: dictOf({ 'changelog.rename-op': new Uint8Array(50) }) });
  want += `E${i}\x008\x00${ROOT}/a\0${ROOT}/b\0`;
  const names = Buffer.alloc(40 + 4 + 5);
  names[15] = 1;
  names[31] = 1;
  names.writeInt32LE(4, 32);
  names.writeInt32LE(5, 36);
  names.latin1Write('old\0newer\0', 40);
  const unlink = { loc: { ...s.loc('linkto'), inode }, xflags: 0 };
  await s.t.unlink(call, { ...unlink, xdata: dictOf({ 'changelog.rename-op': names }) });
  want += `E${i}\x008\x00${ROOT}/old\0${ROOT}/newer\0`;
  t.equal(s.current, TEXT_HEADER + want);
  t.equal(statSync(join(s.journals, 'CHANGELOG')).mode & 0o777, 0o644);
  await s.t.fini();
});

t.test('whose changes are recorded', async (t) => {
  const fail = () => {
    throw failure(EEXIST);
  };
  const s = await new Setup().start({}, { mkdir: fail });
  const internal = new Dict().setInt('glusterfs-internal-fop', 1).setGfid('gfid-req', s.gfid);
  const inode = s.brick.inode();
  const loc = { ...s.loc('x'), inode };
  await s.create('rebalanced', -3);
  const anonymous = { loc: s.loc('x'), flags: 0, mode: 0, umask: 0, pid: 1, xdata: null };
  await s.t.create(callOf(client), anonymous);
  const mkdir = { loc, mode: 0, umask: 0, xdata: s.gfidReq() };
  t.equal(await errnoOfAttempt(() => s.t.mkdir(callOf(client), mkdir)), EEXIST);
  await s.t.unlink(callOf(client), { loc, xflags: 0, xdata: internal });
  await s.t.mknod(callOf(client), { loc, mode: 0, rdev: 0, umask: 0, xdata: internal });
  t.ok(has(s, ''), 'nothing of all that');
  await s.t.unlink(callOf(client, { pid: -6 }), { loc, xflags: 0, xdata: internal });
  t.ok(s.current.endsWith(`\x005\x00${ROOT}/x\0\0\0`), 'what self-heal removes');
  await s.t.fini();
});

t.test('data and metadata once in a slice', async (t) => {
  const s = await new Setup().start();
  const inode = s.brick.inode();
  const i = gfidText(inode.gfid);
  const call = callOf(client);
  const write = { fd: fdOf(inode, client), offset: 0, size: 3, flags: 0, region: null as never, start: 0, xdata: null };
  const setattr = { inode, stat: statOf({}), valid: 1, xdata: null };
  const setxattr = { inode, dict: dictOf({ 'user.a': '1' }), flags: 0, xdata: null };
  const changes = async () => {
    for (let n = 0; n < 3; n++) {
      await s.t.writev(call, write);
      await s.t.truncate(call, { inode, offset: 0, xdata: null });
      await s.t.setattr(Object.assign(callOf(client), { fop: WIRE.setattr }), setattr);
      await s.t.setxattr(Object.assign(callOf(client), { fop: WIRE.setxattr }), setxattr);
    }
  };
  await changes();
  const want = `D${i}\0M${i}\x0038\0M${i}\x0017\0`;
  t.equal(s.current, TEXT_HEADER + want);
  await s.roll('binary');
  t.same(s.complete, [TEXT_HEADER + want]);
  await changes();
  const gfid = Buffer.from(inode.gfid).latin1Slice();
  const binary = `D${gfid}\0M${gfid}\0\x26\0\0\0\0M${gfid}\0\x11\0\0\0\0`;
  t.equal(s.current, TEXT_HEADER.replace('2\n', '1\n') + binary);
  t.equal(await errnoOfAttempt(() => s.t.setattr(callOf(client), setattr)), 0);
  for (let n = 0; n < 4; n++) {
    await s.t.reconfigure(s.options({ changelog: 'off' }));
    await s.t.reconfigure(s.options());
    await changes();
    t.equal(s.current, TEXT_HEADER + want, 'a slice of a later time is another one');
  }
  await s.t.fini();
});

t.test('every fop that changes data is recorded', async (t) => {
  const stat = statOf({});
  const done = async () => ({ pre: stat, post: stat, xdata: null });
  let count = 0;
  const copyFileRange = async () => ({ count, stat, pre: stat, post: stat, xdata: null });
  const next = { ftruncate: done, fallocate: done, discard: done, zerofill: done, copyFileRange };
  const s = await new Setup().start({}, next);
  const call = callOf(client);
  const source = fdOf(s.brick.inode(), client);
  let want = '';
  const fd = () => {
    const inode = s.brick.inode();
    want += `D${gfidText(inode.gfid)}\0`;
    return fdOf(inode, client);
  };
  const range = { offset: 0, length: 8, xdata: null };
  await s.t.ftruncate(call, { fd: fd(), offset: 0, xdata: null });
  await s.t.fallocate(call, { fd: fd(), flags: 0, ...range });
  await s.t.discard(call, { fd: fd(), ...range });
  await s.t.zerofill(call, { fd: fd(), ...range });
  const copy = { fdIn: source, offsetIn: 0, fdOut: fd(), offsetOut: 0, size: 8, flags: 0, xdata: null };
  await s.t.copyFileRange(call, { ...copy, fdOut: source });
  count = 8;
  await s.t.copyFileRange(call, copy);
  t.equal(s.current, TEXT_HEADER + want);
  await s.t.fini();
});

t.test('what a slice has already waits for no record of others', async (t) => {
  const s = await new Setup().start();
  const inode = s.brick.inode();
  const truncate = () => Promise.resolve(s.t.truncate(callOf(client), { inode, offset: 0, xdata: null }));
  const first = truncate();
  const again = truncate();
  await Promise.race([again, first]);
  t.match(s.current, /\nD/, 'neither is answered before their record is in the file');
  await Promise.all([again, first]);
  let others = 0;
  const create = s.create('other').then(() => others++);
  await truncate();
  t.equal(others, 0);
  await create;
  await s.t.fini();
});

t.test('geo-replication has a file sent once more', async (t) => {
  const s = await new Setup().start();
  const call = Object.assign(callOf(client, { uid: 1, gid: 2 }), { fop: WIRE.setxattr });
  const inode = s.brick.inode();
  inode.parent = s.brick.root;
  inode.name = 'f';
  const ask = (value: string) =>
    errnoOfAttempt(() =>
      s.t.setxattr(call, { inode, dict: dictOf({ 'glusterfs.geo-rep.trigger-sync': value }), flags: 0, xdata: null }),
    );
  t.equal(await ask('2'), EOPNOTSUPP);
  t.equal(await ask('1'), 0);
  const i = gfidText(inode.gfid);
  t.equal(s.current, `${TEXT_HEADER}E${i}\x0023\x0033188\x001\x002\x00${ROOT}/f\0D${i}\0`);
  await s.t.fini();
});

t.test('the path of what is removed', async (t) => {
  const s = await new Setup().start({ 'capture-del-path': 'on' });
  const dir = s.brick.inode(0o040000);
  dir.parent = s.brick.root;
  dir.name = 'dir';
  const inode = s.brick.inode();
  const loc = { inode, parent: dir, name: 'f' };
  await s.t.unlink(callOf(client), { loc, xflags: 0, xdata: null });
  t.match(s.current, /\/f\0dir\/f\0$/);
  const lost = { inode, parent: s.brick.inode(0o040000), name: 'g' };
  await s.t.unlink(callOf(client), { loc: lost, xflags: 0, xdata: null });
  t.match(s.current, /\/g\0\0\0$/, 'not known by its name, nor by a handle');
  await s.t.fini();
});

t.test('the index', async (t) => {
  const s = await new Setup().start();
  await s.roll('binary');
  await s.create('a');
  await s.roll('ascii');
  const { records, name } = s.index;
  t.equal(records.length, 2);
  t.match(records[0], /changelogs\/\d{4}\/\d\d\/\d\d\/changelog\.\d{10}$/, 'an empty slice has no file');
  t.match(records[1], /changelogs\/\d{4}\/\d\d\/\d\d\/CHANGELOG\.\d{10}$/);
  t.ok(Number(records[1]!.slice(-10)) > Number(records[0]!.slice(-10)), 'times rise, however fast slices follow');
  await s.t.reconfigure(s.options({ changelog: 'off' }));
  t.notOk(readdirSync(s.journals).includes('CHANGELOG'), 'none is written while it is off');
  await s.t.reconfigure(s.options());
  t.not(s.index.name, name, 'changes that were not recorded make a new index');
  await s.t.fini();
});

t.test('a snapshot', async (t) => {
  let release = (): void => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stat = statOf({ gfid: gfidOf(3) });
  const mkdir = async () => {
    await slow;
    return { stat, preparent: stat, postparent: stat, xdata: null };
  };
  const s = await new Setup().start({}, { mkdir });
  const call = callOf(client);
  const earlier = s.t.mkdir(call, { loc: s.loc('earlier'), mode: 0, umask: 0, xdata: s.gfidReq() });
  const raised = s.t.setBarrier(true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(await state(raised), 'pending', 'a change that has begun is waited for');
  release();
  await raised;
  await earlier;
  t.match(s.complete.at(-1), /earlier/, 'and is in the journal that is complete');
  const held = s.create('held');
  const inode = s.brick.inode();
  await s.t.truncate(call, { inode, offset: 0, xdata: null });
  t.equal(readFileSync(join(s.journals, 'csnap/CHANGELOG.SNAP'), 'latin1'), `${TEXT_HEADER}D${gfidText(inode.gfid)}\0`);
  t.equal(await state(held), 'pending');
  await t.rejects(s.t.setBarrier(true));
  await s.t.setBarrier(false);
  await held;
  t.match(s.current, /held/);
  await t.rejects(s.t.setBarrier(false));
  await s.t.fini();
});

t.test('a snapshot that takes longer than the barrier holds', async (t) => {
  const s = await new Setup().start({ 'changelog-barrier-timeout': '1' });
  const raised = s.t.setBarrier(true);
  await t.rejects(s.t.setBarrier(true), 'one that is asked for while another is being raised');
  await raised;
  await s.create('held');
  t.match(s.current, /held/, 'changes go on after the timeout');
  await t.rejects(s.t.setBarrier(false), 'and who takes the snapshot is told');
  await s.t.setBarrier(true);
  await s.t.setBarrier(false);
  await s.t.fini();
});

t.test('slices of no length are of a second', async (t) => {
  const s = await new Setup().start({ 'rollover-time': '0' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.ok(s.t.dump()[0]!.lines.includes('changelog.rollovers=0'));
  await s.t.fini();
});

t.test('many changes at a time are written together, in order', async (t) => {
  const s = await new Setup().start();
  const all: Promise<unknown>[] = [];
  for (let n = 0; n < 5000; n++) all.push(s.create(`f${n}`));
  await Promise.all(all);
  const names = [...s.current.matchAll(/\/(f\d+)\0/g)].map((m) => m[1]);
  t.same(
    names,
    names.map((_, n) => `f${n}`),
  );
  t.equal(names.length, 5000);
  await s.t.fini();
});

t.test('changes of one name are made and recorded one after the other', async (t) => {
  const stat = statOf({ gfid: gfidOf(3) });
  const going: { what: string; end: () => void }[] = [];
  const slowly = (what: string) => () =>
    new Promise<never>((resolve) => {
      going.push({ what, end: () => resolve({ stat, preparent: stat, postparent: stat, xdata: null } as never) });
    });
  const s = await new Setup().start({}, { mkdir: slowly('mkdir'), unlink: slowly('unlink'), rename: slowly('rename') });
  const call = callOf(client);
  const inode = s.brick.inode(0o040000);
  const mkdir = (name: string) => s.t.mkdir(call, { loc: s.loc(name), mode: 0, umask: 0, xdata: s.gfidReq() });
  const all = [
    s.t.unlink(call, { loc: { ...s.loc('a'), inode }, xflags: 0, xdata: null }),
    mkdir('a'),
    mkdir('b'),
    s.t.rename(call, { oldLoc: { ...s.loc('a'), inode }, newLoc: s.loc('b'), xdata: null }),
    mkdir('a'),
  ];
  const end = async (what: string) => {
    going
      .splice(
        going.findIndex((g) => g.what === what),
        1,
      )[0]!
      .end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  t.same(
    going.map((g) => g.what),
    ['unlink', 'mkdir'],
  );
  await end('mkdir');
  t.same(
    going.map((g) => g.what),
    ['unlink'],
    'the rename waits for both of its names',
  );
  for (const what of ['unlink', 'mkdir', 'rename', 'mkdir']) {
    await until(() => going.length === 1);
    await end(what);
  }
  await Promise.all(all);
  const fops = s.current.split('\n')[1]!.match(/E[-0-9a-f]{36}.(\d)/gs)!;
  t.equal(fops.map((r) => r.at(-1)).join(''), '45484', 'mkdir b, unlink a, mkdir a, rename, mkdir a');
  await s.t.fini();
});

t.test('changes go on while slices end', async (t) => {
  const s = await new Setup().start();
  let made = 0;
  let going = true;
  const changes = (async () => {
    while (going) await Promise.all([s.create(`f${made++}`), s.create(`f${made++}`)]);
  })();
  for (let n = 0; n < 6; n++) await s.roll(n % 2 === 0 ? 'binary' : 'ascii');
  going = false;
  await changes;
  const text = [...s.complete, s.current].join('');
  t.equal(new Set(text.match(/\/f\d+\0/g)).size, made, 'none is missing');
  for (const journal of [...s.complete, s.current]) {
    const scanner = new RecordScanner();
    scanner.push(Buffer.from(journal, 'latin1'));
    t.equal(scanner.end, journal.length, 'each has whole records in one encoding');
  }
  await s.t.fini();
});

t.test('nothing is paid while it is off', async (t) => {
  const s = await new Setup().start({ changelog: 'off' });
  for (const fop of ['create', 'writev', 'setattr', 'open', 'unlink'] as const) t.notOk(s.t.wants(fop), fop);
  t.same(readdirSync(s.path), ['changelogs']);
  await s.t.fini();
});
