/** A connection that sends another client's process-uuid gets nothing of that client: neither its fds nor its trust nor its root. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BrickProcess, LOGIN, whyNotRoot } from '../support/brick-process.js';
import { RawClient, ROOT_KEY, ROOT_USER, USER } from '../support/raw-client.js';

const EBADF = 9;
/** Whom root squashing makes of root. */
const NOBODY = 65534;

t.test('a stolen process-uuid', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess({ options: { server: { 'root-squash': 'on' } } }).start();
  t.teardown(() => brick.remove());
  const uuid = 'CTX_ID:11111111-GRAPH_ID:0-PID:1-HOST:h-PC_NAME:v-client-0-RECON_NO:-0';
  const login = { username: LOGIN.user, password: LOGIN.password, 'process-uuid': uuid };
  /** One of Gluster's own: root squashing spares it. */
  const healer = { ...ROOT_USER, pid: -6 };
  const owner = await RawClient.login(brick.port, brick.brick, healer, login);
  const file = await owner.create(ROOT_KEY, 'secret', 0o600);
  t.equal((await owner.call('writev', { gfid: file.gfid, fd: file.fd, size: 3 }, healer, Buffer.from('abc'))).ret, 3);
  const sub = await owner.mkdir(ROOT_KEY, 'sub', 0o777);

  const thieves: [string, RawClient][] = [
    ['without login', await RawClient.login(brick.port, brick.brick, healer, { 'process-uuid': uuid })],
    ['as another user', await RawClient.login(brick.port, brick.brick, USER, { 'process-uuid': uuid })],
    [
      'of a sub-directory',
      await RawClient.login(brick.port, brick.brick, healer, { ...login, 'subdir-mount': '/sub' }),
    ],
  ];
  for (const [name, thief] of thieves) {
    const read = { gfid: file.gfid, fd: file.fd, size: 10 };
    t.equal((await thief.call('readv', read)).errno, EBADF, `${name}: the fd is not its own`);
    await thief.call('release', { gfid: file.gfid, fd: file.fd });
  }
  const [, untrusted] = thieves[0]!;
  await untrusted.create(sub, 'squashed');
  t.equal(statSync(join(brick.brick, 'sub/squashed')).uid, NOBODY, 'it is not trusted');
  const [, below] = thieves[2]!;
  t.equal((await below.lookup(ROOT_KEY, 'secret')).ret, -1, 'it has the root that it mounted');
  const made = await below.create(ROOT_KEY, 'below');
  t.equal(await owner.gfid(sub, 'below'), made.gfid);
  t.equal((await owner.lookup(ROOT_KEY, 'secret')).ret, 0, 'the owner keeps its root');

  t.equal((await owner.call('readv', { gfid: file.gfid, fd: file.fd, size: 10 })).payload.toString(), 'abc');
  for (const [, thief] of thieves) thief.end();
  t.equal((await owner.call('fstat', { gfid: file.gfid, fd: file.fd })).ret, 0, 'the fd outlives the thieves');
  owner.end();
});

t.test(
  'a client that connects again while its old connection is not known to be dead',
  { skip: whyNotRoot ?? false },
  async (t) => {
    const brick = await new BrickProcess().start();
    t.teardown(() => brick.remove());
    const uuid = { 'process-uuid': 'CTX_ID:22222222-RECON_NO:-0' };
    const first = await RawClient.login(brick.port, brick.brick, ROOT_USER, uuid);
    const file = await first.create(ROOT_KEY, 'f');
    const second = await RawClient.login(brick.port, brick.brick, ROOT_USER, uuid);
    t.equal(
      (await second.call('fstat', { gfid: file.gfid, fd: file.fd })).ret,
      0,
      'the same client: stock lets it go on',
    );
    first.end();
    t.equal((await second.call('fstat', { gfid: file.gfid, fd: file.fd })).ret, 0);
    const third = await RawClient.login(brick.port, brick.brick, ROOT_USER, {
      'process-uuid': 'CTX_ID:22222222-RECON_NO:-1',
    });
    t.equal(
      (await third.call('fstat', { gfid: file.gfid, fd: file.fd })).errno,
      EBADF,
      'the next number starts afresh',
    );
    second.end();
    third.end();
  },
);
