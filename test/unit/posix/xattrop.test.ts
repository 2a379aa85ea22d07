import { execFileSync } from 'node:child_process';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EINVAL, ENOENT, ERANGE } from '../../../native/errno.js';
import { openFile } from './files.js';
import { type Brick, errnoOf } from './harness.js';

const be32 = (...n: number[]) => {
  const b = Buffer.alloc(n.length * 4);
  for (const [i, v] of n.entries()) b.writeInt32BE(v, i * 4);
  return b;
};
const be64 = (...n: bigint[]) => {
  const b = Buffer.alloc(n.length * 8);
  for (const [i, v] of n.entries()) b.writeBigInt64BE(v, i * 8);
  return b;
};
const ADD = 0;
const ADD64 = 1;
const GET_AND_SET = 4;
const ADD_DEFAULT = 5;
const ADD64_DEFAULT = 6;

const run = (b: Brick, inode: Inode, op: number, dict: Dict, xdata: Dict | null = null) =>
  b.posix.xattrop(b.call(), { inode, op, dict, xdata });
const hex = (dict: Dict | null, name: string) => Buffer.from(dict!.bytes(name)!).toString('hex');

t.test('arithmetic', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const key = 'trusted.afr.v-client-1';
  const zero = await run(b, inode, ADD, new Dict().setBytes(key, be32(0, 0, 0)));
  t.equal(hex(zero.dict, key), '0'.repeat(24));
  t.equal(b.xattr(b.path('f'), key), null, 'nothing to add, nothing stored');
  const one = await run(b, inode, ADD, new Dict().setBytes(key, be32(1, 0, 5)));
  t.equal(hex(one.dict, key), be32(1, 0, 5).toString('hex'));
  const back = await b.posix.fxattrop(b.call(), {
    fd,
    op: ADD,
    dict: new Dict().setBytes(key, be32(-1, 0, 1)),
    xdata: null,
  });
  t.equal(hex(back.dict, key), be32(0, 0, 6).toString('hex'));
  t.equal(b.xattr(b.path('f'), key), be32(0, 0, 6).toString('hex'));
  const read = await run(b, inode, ADD, new Dict().setBytes(key, be32(0, 0, 0)));
  t.equal(hex(read.dict, key), be32(0, 0, 6).toString('hex'));
  const wrap = await run(
    b,
    inode,
    ADD,
    new Dict().setBytes(key, be32(0x7fffffff, 0, 0)).setBytes('trusted.afr.other', be32(1)),
  );
  t.equal(hex(wrap.dict, key), be32(0x7fffffff, 0, 6).toString('hex'));
  t.equal(
    hex((await run(b, inode, ADD, new Dict().setBytes(key, be32(1, 0, 0)))).dict, key),
    `${'80000000'.padEnd(23, '0')}6`,
  );

  const big = 'trusted.ec.version';
  await run(b, inode, ADD64, new Dict().setBytes(big, be64(2n ** 40n, 3n)));
  t.equal(
    hex((await run(b, inode, ADD64, new Dict().setBytes(big, be64(1n, -3n)))).dict, big),
    be64(2n ** 40n + 1n, 0n).toString('hex'),
  );
});

t.test('defaults', async (t) => {
  const { b, inode } = await openFile(t);
  const first = await run(b, inode, ADD_DEFAULT, new Dict().setBytes('trusted.afr.d', be32(5, 6, 10, 20)));
  t.equal(hex(first.dict, 'trusted.afr.d'), be32(15, 26).toString('hex'));
  const second = await run(b, inode, ADD_DEFAULT, new Dict().setBytes('trusted.afr.d', be32(1, 1, 10, 20)));
  t.equal(hex(second.dict, 'trusted.afr.d'), be32(16, 27).toString('hex'));
  const wide = await run(b, inode, ADD64_DEFAULT, new Dict().setBytes('trusted.afr.e', be64(7n, 1n)));
  t.equal(hex(wide.dict, 'trusted.afr.e'), be64(8n).toString('hex'));
});

t.test('get and set', async (t) => {
  const { b, inode } = await openFile(t);
  const none = await run(b, inode, GET_AND_SET, new Dict().setBytes('trusted.afr.g', Buffer.from('abcd')));
  t.notOk(none.dict!.has('trusted.afr.g'));
  const old = await run(b, inode, GET_AND_SET, new Dict().setBytes('trusted.afr.g', Buffer.from('wxyz')));
  t.equal(old.dict!.text('trusted.afr.g'), 'abcd');
  t.equal(b.xattr(b.path('f'), 'trusted.afr.g'), Buffer.from('wxyz').toString('hex'));
});

t.test('failures', async (t) => {
  const { b, inode } = await openFile(t);
  t.equal(await errnoOf(() => run(b, inode, 2, new Dict().setBytes('trusted.afr.g', be32(1)))), EINVAL);
  execFileSync('setfattr', ['-n', 'trusted.afr.long', '-v', 'x'.repeat(40), b.path('f')]);
  t.equal(await errnoOf(() => run(b, inode, ADD, new Dict().setBytes('trusted.afr.long', be32(1)))), ERANGE);
  const two = new Dict()
    .setBytes('trusted.afr.good', be32(1))
    .setBytes('trusted.afr.long', be32(1))
    .setBytes('trusted.afr.late', be32(1));
  t.equal(await errnoOf(() => run(b, inode, ADD, two)), ERANGE);
  t.not(b.xattr(b.path('f'), 'trusted.afr.good'), null, 'keys before the failing one are done');
  t.equal(b.xattr(b.path('f'), 'trusted.afr.late'), null);
  execFileSync('rm', [b.path('f'), b.handle(inode.gfid)]);
  t.equal(await errnoOf(() => run(b, inode, ADD, new Dict().setBytes('trusted.afr.a', be32(1)))), ENOENT);
});

t.test('many at the same time', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const key = 'trusted.glusterfs.shard.file-size';
  const replies = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      i % 2 === 0
        ? run(b, inode, ADD64, new Dict().setBytes(key, be64(1n, 0n, 2n, 0n)))
        : b.posix.fxattrop(b.call(), {
            fd,
            op: ADD64,
            dict: new Dict().setBytes(key, be64(1n, 0n, 2n, 0n)),
            xdata: null,
          }),
    ),
  );
  t.equal(b.xattr(b.path('f'), key), be64(100n, 0n, 200n, 0n).toString('hex'));
  t.equal(new Set(replies.map((r) => hex(r.dict, key))).size, 100, 'each has its own sum');
});

t.test('with what else the request asks for', async (t) => {
  const { b, inode } = await openFile(t);
  const many = new Dict();
  for (let i = 0; i < 45; i++) many.setBytes(`trusted.afr.k${i}`, be32(i + 1));
  const r = await run(
    b,
    inode,
    ADD,
    many,
    new Dict().setInt('dht-get-mode-in-xattr', 1).setInt('glusterfs.open-fd-count', 0),
  );
  t.equal(r.dict!.size, 45);
  t.equal(r.ret, 0);
  t.equal(r.xdata!.number('dht-get-mode-in-xattr'), 0o100640);
  t.equal(r.xdata!.number('glusterfs.open-fd-count'), 1);
});
