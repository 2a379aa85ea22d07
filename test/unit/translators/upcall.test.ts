import t from 'tap';
import { UpcallTranslator } from '../../../brickd/translators/features/upcall/upcall.js';
import { Watchers } from '../../../brickd/translators/features/upcall/watchers.js';
import { MAX_PATTERNS } from '../../../brickd/translators/features/upcall/xattr-filter.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import type { CacheInvalidation } from '../../../mux/xlator/translator.js';
import { EINVAL, EIO } from '../../../native/errno.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, statOf } from './harness.js';

const a = new FakeClient('a');
const b = new FakeClient('b');
const c = new FakeClient('c');

/** With lower layers that answer `reply` to every fop of `names`. */
function setup(
  replies: Record<string, unknown> = {},
  options = { 'cache-invalidation': true, 'cache-invalidation-timeout': 60 },
) {
  const brick = new FakeBrick();
  const next = Object.fromEntries(Object.entries(replies).map(([name, reply]) => [name, () => reply]));
  const upcall = make(UpcallTranslator, options, brick, next as Partial<Fops>);
  const told = (): [string, number, string][] =>
    brick.upcalls.splice(0).map(({ client, message }) => {
      const m = message as CacheInvalidation;
      return [client.uid, m.flags, m.key];
    });
  return { brick, upcall, fops: upcall as unknown as Fops, told };
}

const xdata = null;

t.test('others that have used a file hear of a change, its author does not', async (t) => {
  const pre = statOf({ size: 1 });
  const post = statOf({ size: 2 });
  const { brick, fops, told } = setup({ writev: Promise.resolve({ pre, post, count: 1, xdata }) });
  const inode = brick.inode();
  await fops.stat(callOf(a), { inode, xdata });
  await fops.stat(callOf(b), { inode, xdata });
  t.same(told(), [], 'looking is no change');
  const write = (client: FakeClient) =>
    fops.writev(callOf(client), {
      fd: fdOf(inode, client),
      offset: 0,
      size: 1,
      flags: 0,
      region: undefined as never,
      start: 0,
      xdata,
    });
  await write(a);
  t.match(brick.upcalls, [
    { client: b, message: { flags: 0x18, expireSec: 60, stat: post, parent: NO_IATT, xattrs: null } },
  ]);
  t.same(told(), [['b', 0x18, inode.key]]);
  await write(c);
  t.same(told(), [
    ['a', 0x18, inode.key],
    ['b', 0x18, inode.key],
  ]);
  b.alive = false;
  await write(a);
  t.same(told(), [['c', 0x18, inode.key]], 'who has gone is told nothing');
  b.alive = true;
});

t.test('a fop that fails changes nothing', async (t) => {
  const { brick, fops, told } = setup();
  const inode = brick.inode();
  await fops.stat(callOf(a), { inode, xdata });
  (fops as unknown as UpcallTranslator).next = new Proxy({} as Fops, {
    get: () => () => {
      throw failure(EIO);
    },
  });
  t.throws(() => fops.truncate(callOf(b), { inode, offset: 0, xdata }));
  t.same(told(), []);
});

t.test('names', async (t) => {
  const entry = { stat: statOf({}), preparent: statOf({}), postparent: statOf({}), xdata };
  const rename = {
    stat: statOf({}),
    preOldParent: entry.stat,
    postOldParent: statOf({ mtime: 1 }),
    preNewParent: entry.stat,
    postNewParent: statOf({ mtime: 2 }),
    xdata,
  };
  const { brick, fops, told } = setup({
    mkdir: entry,
    unlink: entry,
    rmdir: entry,
    link: entry,
    namelink: entry,
    rename,
  });
  const inode = brick.inode();
  const made = brick.inode();
  entry.stat.gfid = made.gfid;
  const [p, q, victim] = [brick.inode(), brick.inode(), brick.inode()];
  for (const i of [inode, p, q, victim]) await fops.stat(callOf(a), { inode: i, xdata });
  const loc = { inode, parent: p, name: 'n' };
  const blank = { inode: null, parent: p, name: 'n' };
  const removed = [
    ['a', 0x211, inode.key],
    ['a', 0x10, p.key],
  ];
  await fops.mkdir(callOf(b), { loc: blank, mode: 0, umask: 0, xdata });
  t.same(told(), [['a', 0x10, p.key]], 'a new name: the times of its directory');
  await fops.namelink(callOf(b), { loc: blank, xdata });
  t.same(told(), [['a', 0x10, p.key]]);
  await fops.unlink(callOf(b), { loc, xflags: 0, xdata });
  t.match(brick.upcalls, [{}, { message: { stat: entry.postparent } }]);
  t.same(told(), removed, 'a removed one: the file and the times of its directory');
  await fops.rmdir(callOf(b), { loc, flags: 0, xdata });
  t.same(told(), removed);
  await fops.link(callOf(b), { inode, newLoc: loc, xdata });
  t.same(told(), removed, 'a further one');
  await fops.rename(callOf(b), { oldLoc: loc, newLoc: { inode: victim, parent: q, name: 'm' }, xdata });
  t.match(brick.upcalls, [
    { message: { flags: 0x280, parent: rename.postNewParent, oldParent: rename.postOldParent } },
    { message: { parent: rename.postNewParent } },
    { message: { stat: rename.postOldParent } },
    { message: { stat: rename.postNewParent } },
  ]);
  t.same(
    told(),
    [
      ['a', 0x280, inode.key],
      ['a', 0x211, victim.key],
      ['a', 0x10, p.key],
      ['a', 0x10, q.key],
    ],
    'both directories, and the file that had the name',
  );
  await fops.rename(callOf(b), { oldLoc: loc, newLoc: { inode: null, parent: p, name: 'm' }, xdata });
  t.same(
    told(),
    [
      ['a', 0x280, inode.key],
      ['a', 0x10, p.key],
    ],
    'one directory, told of once',
  );
});

t.test('attributes, with the mode the xattrs', async (t) => {
  const reply = { pre: statOf({ mode: 0o100644 }), post: statOf({ mode: 0o100644 }), xdata };
  const { brick, fops, told } = setup({ setattr: reply });
  const inode = brick.inode();
  await fops.stat(callOf(a), { inode, xdata });
  const args = { inode, stat: statOf({}), valid: 1, xdata };
  await fops.setattr(callOf(b), args);
  t.same(told(), [['a', 0x5e, inode.key]]);
  reply.post = statOf({ mode: 0o100600 });
  await fops.setattr(callOf(b), args);
  t.same(told(), [['a', 0x45e, inode.key]]);
});

t.test('xattrs that somebody wants to hear of', async (t) => {
  const post = statOf({ size: 3 });
  const { brick, fops, told } = setup({
    setxattr: { xdata: new Dict().setIatt('virt-gf-poststat', post) },
    xattrop: { dict: dictOf({ 'trusted.afr.x': Uint8Array.of(1) }), xdata },
  });
  const inode = brick.inode();
  await fops.stat(callOf(a), { inode, xdata });
  const set = (values: Record<string, string>) =>
    fops.setxattr(callOf(b), { inode, dict: dictOf(values), flags: 0, xdata });
  await set({ 'user.a': '1' });
  t.same(told(), [], 'nobody has asked for any');
  await fops.ipc(callOf(a), { op: 2, xdata: dictOf({ 'user.*': 0, 'trusted.afr*': 0 }) });
  await set({ 'trusted.a': '1' });
  t.same(told(), []);
  await set({ 'user.a': '1', 'trusted.a': '1' });
  const { message } = brick.upcalls[0]! as { message: CacheInvalidation };
  t.same([...message.xattrs!.map.keys()], ['user.a']);
  t.equal(message.stat, post);
  t.same(told(), [['a', 0x410, inode.key]]);
  await fops.removexattr(callOf(b), { inode, name: 'user.a', xdata });
  t.same(told(), [['a', 0x800, inode.key]]);
  const count = (value: number) =>
    fops.xattrop(callOf(b), { inode, op: 0, dict: dictOf({ 'trusted.afr.x': Uint8Array.of(value) }), xdata });
  await count(0);
  t.same(told(), [], 'adding nothing');
  await count(2);
  t.same(told(), [], 'it was not zero before');
  await count(1);
  t.same(told(), [['a', 0x400, inode.key]]);
});

t.test('look-ups and listings make a client hear of files that no table knows yet', async (t) => {
  const stat = statOf({});
  const entries = [{ stat }, { stat: NO_IATT }];
  const { brick, fops, told, upcall } = setup({
    readdirp: { entries, errno: 0, xdata },
    truncate: { pre: stat, post: stat, xdata },
  });
  const inode = brick.inode();
  stat.gfid = inode.gfid;
  await fops.readdirp(callOf(a), { fd: fdOf(brick.root, a), offset: 0n, size: 1, xdata });
  t.equal(upcall.watched, 2, 'the directory and its file');
  await fops.truncate(callOf(b), { inode, offset: 0, xdata });
  t.same(told(), [['a', 0x18, inode.key]]);
  upcall.forget(inode);
  t.same(told(), [
    ['a', 0x100, inode.key],
    ['b', 0x100, inode.key],
  ]);
  t.equal(upcall.watched, 1);
});

t.test('switched off', async (t) => {
  const { upcall, brick, fops } = setup();
  await upcall.init();
  await fops.stat(callOf(a), { inode: brick.inode(), xdata });
  t.ok(upcall.wants('writev'));
  await upcall.reconfigure({ 'cache-invalidation': false, 'cache-invalidation-timeout': 60 });
  t.notOk(upcall.wants('writev'));
  t.ok(upcall.wants('ipc'), 'clients register all the same');
  t.equal(upcall.watched, 1, 'the cache of the client has it still');
  await upcall.fini();
  t.equal(upcall.watched, 0);
});

t.test('what a client may register is bounded, and goes with it', async (t) => {
  const { brick, fops, told, upcall } = setup({ setxattr: { xdata } });
  const [hostile, honest] = [new FakeClient('hostile'), new FakeClient('honest')];
  const patterns = (n: number, length = 3) =>
    dictOf(Object.fromEntries(Array.from({ length: n }, (_, i) => [`u${i}`.padEnd(length, '*'), 0])));
  const register = (client: FakeClient, xdata: Dict) => fops.ipc(callOf(client), { op: 2, xdata });
  t.equal(await errnoOfAttempt(() => register(hostile, patterns(MAX_PATTERNS + 1))), EINVAL);
  t.equal(await errnoOfAttempt(() => register(hostile, patterns(1, 300))), EINVAL);
  await register(hostile, patterns(MAX_PATTERNS));
  await register(hostile, patterns(MAX_PATTERNS));
  await register(honest, dictOf({ 'user.*': 0 }));
  const inode = brick.inode();
  await fops.stat(callOf(honest), { inode, xdata });
  const set = () => fops.setxattr(callOf(a), { inode, dict: dictOf({ 'user.a': '1' }), flags: 0, xdata });
  await set();
  t.same(told(), [['honest', 0x400, inode.key]]);
  upcall.clientGone(honest);
  t.equal(upcall.watched, 1, 'what the author of the change has is left');
  upcall.clientGone(a);
  t.equal(upcall.watched, 0);
  await fops.stat(callOf(b), { inode, xdata });
  await set();
  t.same(told(), [], 'nobody asks for it any more');
});

t.test('a client that uses too many files gives one up for each', (t) => {
  const w = new Watchers(3);
  for (let i = 0; i < 3; i++) t.equal(w.used(`f${i}`, a, 100), null);
  t.equal(w.used('f1', a, 101), null, 'it has that one');
  t.equal(w.used('f3', a, 101), 'f0');
  t.equal(w.used('f0', b, 101), null, 'others have their own');
  t.equal(w.size, 4);
  w.clientGone(a);
  t.equal(w.size, 1);
  t.equal(w.used('f9', a, 102), null);
  t.end();
});

t.test('interest ends', async (t) => {
  const w = new Watchers();
  const told: string[] = [];
  const tell = (client: { uid: string }) => void told.push(client.uid);
  for (let i = 0; i < 10; i++) w.used(`f${i}`, a, 100 + i);
  w.used('f0', b, 200);
  w.others('f0', c, 100, tell);
  t.same(told, ['b'], 'a has not used it since');
  w.sweep(104, 4);
  w.sweep(104, 4);
  t.equal(w.size, 6, 'a sweep goes on where it stopped');
  told.length = 0;
  w.forget('f0', tell);
  t.same(told, ['b']);
});
