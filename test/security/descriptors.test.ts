/** One client can't take the descriptors of all: budgets, a reserve, and what happens at the end of both. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { RawClient, ROOT_KEY, ROOT_USER } from '../support/raw-client.js';
import { pause, until } from '../support/until.js';

const EMFILE = 24;
const openOf = (brick: BrickProcess): number => readdirSync(`/proc/${brick.pid}/fd`).length;
const skip = whyNotRoot ?? false;

function limitFiles(brick: BrickProcess, count: number): void {
  execFileSync('prlimit', ['--pid', String(brick.pid), `--nofile=${count}:${count}`]);
}

/** Waits until the process has no more open than that: closing is put off and batched. */
async function settled(brick: BrickProcess, most: number): Promise<number> {
  await until(() => openOf(brick) <= most);
  return openOf(brick);
}

t.setTimeout(90_000);

t.test('directories and files are closed by whichever release comes', { skip }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const dir = await client.mkdir(ROOT_KEY, 'd');
  const { gfid, fd } = await client.create(ROOT_KEY, 'f');
  await client.call('release', { gfid, fd });
  await pause(200);
  const before = openOf(brick);
  for (let i = 0; i < 20; i++) {
    for (const [open, release, key] of [
      ['open', 'release', dir],
      ['open', 'releasedir', dir],
      ['opendir', 'release', dir],
      ['open', 'releasedir', gfid],
    ] as const) {
      const opened = await client.call(open, { gfid: key, flags: 0 });
      t.equal(opened.ret, 0);
      t.equal((await client.call(release, { gfid: key, fd: opened.rsp.fd })).ret, 0);
    }
  }
  t.ok((await settled(brick, before + 3)) <= before + 3, `${openOf(brick)} of ${before}`);
  client.end();
});

t.test('a client that opens without end leaves others what they need', { skip }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const honest = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const own = await honest.create(ROOT_KEY, 'own');
  const deep: string[] = [];
  for (let i = 0; i < 10; i++) deep.push(await honest.mkdir(ROOT_KEY, `d${i}`));
  const greedy = await RawClient.login(brick.port, brick.brick);
  const limit = openOf(brick) + 200;
  limitFiles(brick, limit);
  let errno = 0;
  let held = 0;
  for (; errno === 0 && held < 400; held++) errno = (await greedy.call('opendir', { gfid: ROOT_KEY })).errno;
  t.equal(errno, EMFILE);
  t.ok(held > 50 && held <= limit / 2, `one client has ${held} of ${limit}`);
  const others = await Promise.all(
    Array.from({ length: 3 }, () => RawClient.login(brick.port, brick.brick, ROOT_USER)),
  );
  for (const other of others) {
    for (let i = 0; i < 200; i++) if ((await other.call('opendir', { gfid: ROOT_KEY })).errno !== 0) break;
  }
  t.equal((await others[0]!.call('create', { pargfid: ROOT_KEY, bname: 'refused' })).errno, EMFILE);
  t.equal((await honest.lookup(ROOT_KEY, 'refused')).errno, 2, 'a refused CREATE makes nothing');
  t.equal((await honest.call('writev', { ...own, size: 2 }, ROOT_USER, Buffer.from('ok'))).ret, 2);
  for (const [i, dir] of deep.entries()) {
    t.equal((await honest.lookup(dir, 'x')).errno, 2, 'look-ups go on');
    await honest.mkdir(dir, `sub${i}`);
  }
  t.equal((await honest.call('readv', { gfid: own.gfid, size: 2 })).payload.toString(), 'ok', 'by an anonymous fd');
  t.match(brick.log, /client .* cannot open more files for now/);
  greedy.end();
  for (const other of others) other.end();
  for (let i = 0; i < 100; i++) {
    if ((await honest.call('opendir', { gfid: ROOT_KEY })).errno === 0) break;
    await pause(20);
  }
  t.equal((await honest.call('opendir', { gfid: ROOT_KEY })).errno, 0, 'when they have gone there is room');
  honest.end();
});

t.test('new connections wait while there is no descriptor for them', { skip }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const honest = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  limitFiles(brick, openOf(brick) + 40);
  const idle: Socket[] = [];
  for (let i = 0; i < 60; i++) idle.push(connect({ port: brick.port, host: '127.0.0.1' }).on('error', () => {}));
  await pause(300);
  const ticks = () =>
    readFileSync(`/proc/${brick.pid}/stat`, 'latin1')
      .split(' ')
      .slice(13, 15)
      .reduce((sum, v) => sum + Number(v), 0);
  const [before, lines] = [ticks(), brick.log.split('\n').length];
  await pause(2000);
  t.ok(ticks() - before < 50, `${ticks() - before} ticks in two seconds`);
  t.ok(brick.log.split('\n').length - lines < 5, 'the log is quiet');
  t.equal(brick.log.match(/no connections are accepted for now/g)?.length, 1);
  await honest.create(ROOT_KEY, 'x');
  for (const socket of idle) socket.destroy();
  const later = await RawClient.login(brick.port, brick.brick, ROOT_USER).catch((error: unknown) => {
    t.comment(
      brick.log
        .split('\n')
        .filter((l) => l.startsWith('['))
        .slice(-12)
        .join('\n'),
    );
    throw error;
  });
  t.equal((await later.lookup(ROOT_KEY, 'x')).ret, 0);
  t.match(brick.log, /connections are accepted again/);
  later.end();
  honest.end();
});
