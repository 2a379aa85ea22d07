/**
 * The limit of a namespace holds whatever a client does: many writes at once, files that it names by gfid after a restart,
 * commands that are not its to give. What was counted survives a crash but for the last seconds.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EDQUOT, ENOTSUP, EPERM, EXDEV } from '../../native/errno.js';
import { BrickProcess, LOGIN, whyNotRoot, withVolume } from '../support/brick-process.js';
import { dictOf, gfidRequest, newKey, RawClient, ROOT_KEY, ROOT_USER, USER, type Who } from '../support/raw-client.js';

const skip = whyNotRoot ?? false;
t.setTimeout(120_000);
const HELPER: Who = { uid: 0, gid: 0, pid: -14 };
const NAMESPACE = 'trusted.glusterfs.namespace';
const LIMIT = 'trusted.gfs.squota.limit';
const SIZE = 'trusted.gfs.squota.size';
const LIMIT_BYTES = 100_000;

const quota = (text: string): string =>
  withVolume(text, 'locks', 'simple-quota', ['type features/simple-quota', 'option pass-through false']);

const login = (brick: BrickProcess): Promise<RawClient> =>
  RawClient.login(brick.port, brick.brick, ROOT_USER, { username: LOGIN.user, password: LOGIN.password });

async function start(t: Test): Promise<{ brick: BrickProcess; client: RawClient }> {
  const brick = await new BrickProcess({ volfile: quota }).start();
  t.teardown(() => brick.remove());
  return { brick, client: await login(brick) };
}

async function mknod(client: RawClient, pargfid: string, bname: string): Promise<string> {
  const key = newKey();
  const made = await client.call('mknod', { pargfid, bname, mode: 0o100666, xdata: gfidRequest(key) }, ROOT_USER);
  t.equal(made.errno, 0);
  return key;
}

async function set(client: RawClient, gfid: string, values: Record<string, string>, who: Who): Promise<number> {
  return (await client.call('setxattr', { gfid, dict: dictOf(values) }, who)).errno;
}

async function namespace(client: RawClient, name: string): Promise<string> {
  const key = await client.mkdir(ROOT_KEY, name, 0o777);
  t.equal(await set(client, key, { [NAMESPACE]: 'true' }, HELPER), 0);
  t.equal(await set(client, key, { [LIMIT]: String(LIMIT_BYTES) }, HELPER), 0);
  return key;
}

const write = async (client: RawClient, gfid: string, size: number, offset = 0): Promise<number> =>
  (await client.call('writev', { gfid, offset, size }, USER, Buffer.alloc(size, 'x'))).errno;

const stored = (brick: BrickProcess, name: string): number =>
  Number(
    execFileSync('getfattr', ['--only-values', '--absolute-names', '-n', SIZE, join(brick.brick, name)], {
      encoding: 'latin1',
    }).replace('\0', ''),
  );

t.test('many writes at once do not take more than the limit', { skip }, async (t) => {
  const { client } = await start(t);
  const n = await namespace(client, 'n');
  const inner = await client.mkdir(n, 'inner', 0o777);
  const files: string[] = [];
  for (let i = 0; i < 20; i++) files.push(await mknod(client, inner, `f${i}`));
  const results = await Promise.all(files.map((gfid) => write(client, gfid, 8192)));
  // 20 files, of a block each, leave room for 10 writes.
  t.equal(results.filter((errno) => errno === 0).length, 10);
  t.equal(results.filter((errno) => errno === EDQUOT).length, 10);
  const outside = await mknod(client, ROOT_KEY, 'outside');
  t.equal(await write(client, outside, 8192), 0);
});

t.test('files that are named by gfid alone count where they are, after restarts and crashes', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const n = await namespace(client, 'n');
  const file = await mknod(client, await client.mkdir(n, 'inner', 0o777), 'f');
  t.equal(await write(client, file, 65536), 0);
  await brick.stop();
  t.equal(stored(brick, 'n'), 512 + 65536, 'written at the end');
  await brick.start();
  const again = await login(brick);
  t.equal(await write(again, file, 65536, 65536), EDQUOT);
  t.equal(await write(again, file, 16384, 65536), 0);
  // What was counted is on disk before long: a crash loses no more than that.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await brick.stop('SIGKILL');
  await brick.start();
  t.equal(stored(brick, 'n'), 512 + 65536 + 16384);
  const third = await login(brick);
  t.equal(await write(third, file, 16384, 81920), 0);
  t.equal(await write(third, file, 16384, 98304), EDQUOT);
});

t.test('commands and namespaces are not for everybody', { skip }, async (t) => {
  const { client } = await start(t);
  const n = await namespace(client, 'n');
  const other = await client.mkdir(ROOT_KEY, 'other');
  t.equal(await set(client, other, { [NAMESPACE]: 'true' }, ROOT_USER), EPERM, 'only by internal clients');
  t.equal(await set(client, n, { 'glusterfs.quota.disable-check': '1' }, USER), EPERM);
  t.equal(await set(client, n, { 'glusterfs.quota.total-usage': '0' }, USER), EPERM);
  t.equal(await set(client, other, { [LIMIT]: '1' }, HELPER), EPERM, 'not the root of a namespace');
  const removal = { gfid: n, name: NAMESPACE };
  t.equal((await client.call('removexattr', removal, HELPER)).errno, ENOTSUP);
  const file = await mknod(client, n, 'f');
  const rename = { oldgfid: n, oldbname: 'f', newgfid: other, newbname: 'f' };
  t.equal((await client.call('rename', rename, ROOT_USER)).errno, EXDEV);
  const link = { oldgfid: file, newgfid: other, newbname: 'f' };
  t.equal((await client.call('link', link, ROOT_USER)).errno, EXDEV);
});

t.test('switched on and off while it runs', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const n = await namespace(client, 'n');
  const file = await mknod(client, n, 'f');
  t.equal(await write(client, file, 90_000), 0);
  const turn = async (on: boolean) => {
    brick.reload((text) => text.replace(/option pass-through \w+/, `option pass-through ${!on}`));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  };
  t.equal(await write(client, file, 16384, 90_000), EDQUOT);
  await turn(false);
  t.equal(await write(client, file, 16384, 90_000), 0);
  await turn(true);
  t.equal(await write(client, file, 16384, 110_000), EDQUOT);
});
