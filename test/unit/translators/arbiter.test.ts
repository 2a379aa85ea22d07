import t from 'tap';
import { createTranslator, implemented } from '../../../brickd/translators/catalog.js';
import { ArbiterTranslator } from '../../../brickd/translators/features/arbiter/arbiter.js';
import type { Fops, PrePostReply, WriteArgs } from '../../../mux/xlator/fops.js';
import { ENOSYS } from '../../../native/errno.js';
import { type Asked, callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, statOf } from './harness.js';

const client = new FakeClient();
const call = callOf(client);

function setup(next: Partial<Fops> = {}) {
  const brick = new FakeBrick();
  const asked: Asked[] = [];
  const arbiter = make(ArbiterTranslator, {}, brick, next, asked);
  const inode = brick.inode();
  const fd = fdOf(inode, client);
  const stat = statOf({ gfid: inode.gfid, mode: 0o100644, uid: 7 });
  const write = (over: Partial<WriteArgs> = {}): WriteArgs => ({
    fd,
    offset: 5,
    size: 100,
    flags: 0,
    region: undefined as never,
    start: 0,
    xdata: null,
    ...over,
  });
  return { brick, asked, arbiter, inode, fd, stat, write };
}

t.test('a brick with an arbiter is served', async (t) => {
  t.ok(implemented.has('features/arbiter'));
  const init = { name: 'v-arbiter', type: 'features/arbiter', options: {}, brick: new FakeBrick(), slot: 0 };
  t.type(createTranslator('features/arbiter', init), ArbiterTranslator);
});

t.test('changes of data are acknowledged and not done', async (t) => {
  const { arbiter, asked, inode, fd, stat, write } = setup({
    fstat: async () => ({ stat, xdata: null }),
  });
  const xdata = dictOf({ 'glusterfs.open-fd-count': 1, 'glusterfs.write-is-append': 4 });
  inode.fdCount = 3;
  const first = await arbiter.writev(call, write({ xdata }));
  t.equal(first.count, 100);
  t.equal(first.pre, stat);
  t.equal(first.post, stat);
  t.equal(first.xdata!.number('glusterfs.open-fd-count'), 3);
  t.equal(first.xdata!.number('glusterfs.write-is-append'), 1);
  t.same(
    asked.map((a) => a.fop),
    ['fstat'],
    'a file that no look-up has shown is asked for its attributes',
  );
  const range = { fd, offset: 0, length: 10, xdata: null };
  const replies = [
    arbiter.writev(call, write({ xdata: dictOf({ other: 1 }) })),
    arbiter.truncate(call, { inode, offset: 1, xdata: null }),
    arbiter.ftruncate(call, { fd, offset: 1, xdata: null }),
    arbiter.fallocate(call, { ...range, flags: 0 }),
    arbiter.discard(call, range),
    arbiter.zerofill(call, range),
  ];
  for (const reply of replies as PrePostReply[]) t.match(reply, { pre: { uid: 7 }, post: { uid: 7 }, xdata: null });
  t.equal(asked.length, 1, 'once');
});

t.test('a truncated file that no look-up has shown', async (t) => {
  const { arbiter, asked, inode, stat } = setup({ stat: () => ({ stat, xdata: null }) });
  for (let i = 0; i < 2; i++) t.equal((await arbiter.truncate(call, { inode, offset: 9, xdata: null })).post, stat);
  t.same(
    asked.map((a) => a.fop),
    ['stat'],
  );
});

t.test('attributes are those of the last look-up', async (t) => {
  const { arbiter, brick, inode, fd, stat, write } = setup({
    lookup: () => ({ stat: now, postparent: now, xdata: null }),
    fstat: () => ({ stat: now, xdata: null }),
  });
  let now = stat;
  const loc = { inode, parent: brick.root, name: 'f' };
  for (const uid of [7, 8]) {
    now = statOf({ gfid: inode.gfid, mode: 0o100644, uid });
    t.equal((await arbiter.lookup(call, { loc, gfid: null, xdata: null })).stat, now);
    t.equal((await arbiter.writev(call, write())).post.uid, uid);
  }
  arbiter.forget(inode);
  now = statOf({ gfid: inode.gfid, mode: 0o100644, uid: 9 });
  t.equal((await arbiter.ftruncate(call, { fd, offset: 0, xdata: null })).post.uid, 9);
});

t.test('nobody reads what is not there', async (t) => {
  const { arbiter, asked, fd } = setup();
  const read = { fd, offset: 0, size: 10, flags: 0, xdata: null };
  t.equal(await errnoOfAttempt(() => arbiter.readv(call, read)), ENOSYS);
  t.equal(await errnoOfAttempt(() => arbiter.seek(call, { fd, offset: 0, what: 0, xdata: null })), ENOSYS);
  t.same(asked, []);
});
