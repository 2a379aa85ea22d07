/** Locks are cleared by administrators only; interrupting a lock request concerns the caller's own. */
import t from 'tap';
import { BrickProcess, LOGIN, whyNotRoot } from '../support/brick-process.js';
import { type Answer, RawClient, ROOT_KEY, ROOT_USER, USER, type Who } from '../support/raw-client.js';

const EPERM = 1;
const EINTR = 4;
const F_WRLCK = 1;
const SETLK = 1;
const SETLKW = 2;

interface Held {
  gfid: string;
  fd: number;
}

const lock = (client: RawClient, { gfid, fd }: Held, cmd: number, who: Who): Promise<Answer> =>
  client.call(
    'lk',
    {
      gfid,
      fd,
      cmd,
      type: F_WRLCK,
      flock: { type: F_WRLCK, whence: 0, start: 0n, len: 0n, pid: who.pid ?? 0, lk_owner: who.lkOwner ?? 'raw!' },
    },
    who,
  );
const clear = (client: RawClient, { gfid, fd }: Held, name: string, who?: Who): Promise<Answer> =>
  client.call('fgetxattr', { gfid, fd, name, namelen: name.length }, who);
const cleared = (answer: Answer, name: string): string =>
  answer.ret < 0 ? `errno ${answer.errno}` : (answer.rsp.dict.text(name) as string).replace(/^.*: /, '');

for (const squash of ['off', 'on']) {
  t.test(`root-squash ${squash}`, { skip: whyNotRoot ?? false }, async (t) => {
    const brick = await new BrickProcess({ options: { server: { 'root-squash': squash } } }).start();
    t.teardown(() => brick.remove());
    const login = { username: LOGIN.user, password: LOGIN.password };
    const uuid = 'CTX_ID:22222222-owner';
    const owner = await RawClient.login(brick.port, brick.brick, USER, { ...login, 'process-uuid': uuid });
    const admin = await RawClient.login(brick.port, brick.brick, ROOT_USER, login);
    const stranger = await RawClient.login(brick.port, brick.brick, USER);
    const thief = await RawClient.login(brick.port, brick.brick, USER, { 'process-uuid': uuid });
    await admin.call('setattr', { gfid: ROOT_KEY, valid: 1, stbuf: await rootStat(admin) }, { ...ROOT_USER, pid: -6 });
    const made = await owner.create(ROOT_KEY, 'f', 0o666);
    const held = (client: RawClient): Promise<Held> => opened(client, made.gfid);
    const strange = await held(stranger);
    const stolen = await held(thief);
    const administered = await held(admin);

    t.equal((await lock(owner, made, SETLK, USER)).ret, 0);
    for (const name of ['glusterfs.clrlk.tposix.kall', 'glusterfs.clrlk.tinode.kall', 'glusterfs.clrlk.tentry.kall']) {
      t.equal(cleared(await clear(stranger, strange, name), name), `errno ${EPERM}`, name);
      const { errno } = await stranger.call('getxattr', { gfid: made.gfid, name, namelen: name.length });
      t.equal(errno, EPERM, `${name} by getxattr`);
    }
    for (const name of ['glusterfs.intrlk.tinode.kall', 'glusterfs.intrlk.tentry.kall']) {
      t.equal(cleared(await clear(stranger, strange, name), name), `errno ${EPERM}`, name);
    }
    if (squash === 'on') {
      const name = 'glusterfs.clrlk.tposix.kall';
      t.equal(cleared(await clear(stranger, strange, name, { ...ROOT_USER, pid: -6 }), name), `errno ${EPERM}`);
    }

    // An interruption reaches the own process's requests, whatever others claim to be.
    const name = 'glusterfs.intrlk.tposix.kblocked';
    const other = { ...USER, pid: 4712, lkOwner: 'second' };
    const waiting = lock(owner, made, SETLKW, other);
    await owner.lookup(ROOT_KEY, 'f');
    t.equal(cleared(await clear(stranger, strange, name, other), name), 'No locks cleared.');
    t.equal(cleared(await clear(thief, stolen, name, other), name), 'No locks cleared.');
    t.equal(cleared(await clear(owner, made, name), name), 'No locks cleared.', 'another process');
    t.match(cleared(await clear(owner, made, name, other), name), /blocked locks=1/);
    t.equal((await waiting).errno, EINTR);

    const all = 'glusterfs.clrlk.tposix.kall';
    t.match(cleared(await clear(admin, administered, all), all), /granted locks=1/, 'root with a login');
    for (const client of [owner, admin, stranger, thief]) client.end();
  });
}

async function rootStat(client: RawClient) {
  const stat = (await client.call('stat', { gfid: ROOT_KEY })).rsp.stat;
  stat.mode = 0o040777;
  return stat;
}

async function opened(client: RawClient, gfid: string): Promise<Held> {
  const answer = await client.call('open', { gfid, flags: 0 });
  return { gfid, fd: answer.rsp.fd };
}
