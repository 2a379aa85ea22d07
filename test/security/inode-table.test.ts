/** Nothing that a client asks makes the brick believe that a directory is below itself: walks to the root end. */
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { dictOf, keyOf, RawClient, ROOT_KEY, ROOT_USER } from '../support/raw-client.js';

const LIMIT_MS = 20_000;
const ANCESTRY = 'glusterfs.ancestry.dentry';
const PATHINFO = 'trusted.glusterfs.pathinfo';

/** Fails when the brick does not answer in time: then it walks in a circle. */
async function soon<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), LIMIT_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

async function pathinfo(client: RawClient, gfid: string): Promise<string> {
  const answer = await soon(client.call('getxattr', { gfid, name: PATHINFO, namelen: PATHINFO.length }, ROOT_USER));
  return answer.ret < 0 ? `errno ${answer.errno}` : (answer.rsp.dict.text(PATHINFO) as string);
}

t.test('cycles', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const honest = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const hostile = await RawClient.login(brick.port, brick.brick);
  const a = await honest.mkdir(ROOT_KEY, 'a', 0o777);
  const b = await honest.mkdir(a, 'b', 0o777);
  const c = await honest.mkdir(b, 'c', 0o777);

  const holds = async (what: string): Promise<void> => {
    t.match(await pathinfo(honest, c), /\/brick\/a\/b\/c>$/, `${what}: paths are right`);
    const made = await soon(honest.create(c, 'f'));
    t.match(await pathinfo(honest, made.gfid), /\/brick\/a\/b\/c\/f>$/, what);
    t.equal((await soon(honest.call('unlink', { pargfid: c, bname: 'f' }))).ret, 0, `${what}: files are removed`);
    for (const [parent, name, gfid] of [
      [ROOT_KEY, 'a', a],
      [a, 'b', b],
      [b, 'c', c],
    ] as const) {
      t.equal((await soon(honest.lookup(parent, name))).errno, 0, `${what}: ${name} is found`);
      t.equal(await honest.gfid(parent, name), gfid);
    }
  };
  await holds('before');

  for (const parent of [ROOT_KEY, a, b, c]) {
    for (const name of ['.', '..']) await soon(hostile.lookup(parent, name));
  }
  await holds('look-up of dots');

  for (const gfid of [c, b, a, ROOT_KEY]) {
    for (const fop of ['readdirp', 'readdir'] as const) {
      const xdata = dictOf({ [ANCESTRY]: 1 });
      await soon(hostile.call(fop, { gfid, size: 65536, xdata }));
    }
    await holds('ancestry');
  }

  // By their handles, without names in between.
  await hostile.call('readdirp', { gfid: c, size: 65536, xdata: dictOf({ [ANCESTRY]: 1 }) });
  for (const [from, name, to] of [
    [ROOT_KEY, 'a', b],
    [ROOT_KEY, 'a', c],
    [a, 'b', b],
    [a, 'b', c],
  ] as const) {
    const moved = await soon(
      hostile.call('rename', { oldgfid: from, oldbname: name, newgfid: to, newbname: 'x' }, ROOT_USER),
    );
    t.equal(moved.ret, -1, 'a directory is not moved below itself');
  }
  await holds('rename');

  for (const [parent, name] of [
    [b, 'c'],
    [a, 'b'],
    [ROOT_KEY, 'a'],
  ] as const) {
    t.equal((await soon(honest.call('rmdir', { pargfid: parent, bname: name }))).ret, 0, `${name} is removed`);
  }
  t.equal(brick.exit, null);
  honest.end();
  hostile.end();
});

t.test("quota's clients are told the way to a directory", { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const first = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const a = await first.mkdir(ROOT_KEY, 'a');
  const b = await first.mkdir(a, 'b');
  first.end();
  // Started anew, it knows neither.
  await brick.stop();
  await brick.start();
  const client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const way = await client.call('readdirp', { gfid: b, size: 65536, xdata: dictOf({ [ANCESTRY]: 1 }) });
  t.same(
    way.rsp.reply.map((e: { name: string; stat: { gfid: Uint8Array } }) => [e.name, keyOf(e.stat.gfid)]),
    [
      ['/', ROOT_KEY],
      ['a', a],
      ['b', b],
    ],
  );
  const name = 'glusterfs.gfid2path';
  const known = await client.call('getxattr', { gfid: b, name, namelen: name.length });
  t.equal(known.rsp.dict.text(name), '/a/b', 'and the brick knows it from then on');
  client.end();
});
