/** Which connections are one client's, and what they leave behind when they go. */
import t from 'tap';
import type { ClientIdentity } from '../../../mux/brick/client.js';
import { openSession } from '../../../mux/session/session.js';
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { LookupArgs, LookupReply } from '../../../mux/xlator/fops.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { ENOENT } from '../../../native/errno.js';
import { S_IFDIR } from '../../../native/linux.js';
import { pause } from '../../support/until.js';
import { brickOf, connection, Fake, IDENTITY } from './rig.js';

const GFID = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const directory = Object.assign(new Iatt(), { gfid: GFID, mode: S_IFDIR | 0o755, nlink: 2 });

/** Has a directory "d"; look-ups of it wait to be let through. */
class SubdirFake extends Fake {
  through: (() => void)[] = [];

  override lookup(): LookupReply;
  override lookup(_call: Call, args: LookupArgs): Promise<LookupReply>;
  override lookup(_call?: Call, args?: LookupArgs): LookupReply | Promise<LookupReply> {
    return new Promise((resolve, reject) =>
      this.through.push(() => {
        if (args?.loc.name === 'd') resolve({ stat: directory, postparent: directory, xdata: null });
        else reject(failure(ENOENT));
      }),
    );
  }
}

const at = (subdir: string, more: Partial<ClientIdentity> = {}): ClientIdentity => ({ ...IDENTITY, subdir, ...more });

t.test(
  'two connections of one client that mounts a sub-directory share it, and the last one to go lets go of it',
  async (t) => {
    const { brick, fake } = await brickOf(SubdirFake);
    const [a, b] = [await connection(), await connection()];
    const joining = [openSession(brick, at('/d'), a.fd), openSession(brick, at('/d'), b.fd)];
    await pause(5);
    for (const go of fake.through.splice(0)) go();
    const [one, two] = await Promise.all(joining);
    t.equal(one!.client, two!.client);
    t.equal(brick.clients.all.size, 1);
    t.equal(one!.client.connections, 2);
    const inode = brick.findChild(brick.root, 'd')!;
    t.equal(inode.refs, 1, 'the mounted directory is held once');
    a.socket.destroy();
    while (brick.clients.sessions.size > 1) await pause(5);
    t.equal([...brick.clients.all.values()][0], two!.client, 'the survivor is still known');
    t.equal(two!.client.alive, true);
    t.equal(inode.refs, 1);
    b.socket.destroy();
    while (brick.clients.sessions.size > 0) await pause(5);
    t.equal(brick.clients.all.size, 0);
    t.equal(inode.refs, 0);
    await brick.close();
  },
);

t.test('a sub-directory that is not there leaves no client behind', async (t) => {
  const { brick, fake } = await brickOf(SubdirFake);
  const { fd } = await connection();
  const joining = openSession(brick, at('/none'), fd);
  await pause(5);
  fake.through.shift()!();
  await t.rejects(joining, Object.assign(new Error('subdirectory for mount "/none" is not found'), { errno: ENOENT }));
  t.equal(brick.clients.all.size, 0);
  await brick.close();
});

t.test('a descriptor that can not be watched leaves no client behind', async (t) => {
  const { brick } = await brickOf(Fake);
  await t.rejects(openSession(brick, IDENTITY, 1 << 20));
  t.equal(brick.clients.all.size, 0);
  t.equal(brick.clients.sessions.size, 0);
  await brick.close();
});

t.test('the brick goes while a directory is looked up', async (t) => {
  const { brick, fake } = await brickOf(SubdirFake);
  const { fd } = await connection();
  const joining = openSession(brick, at('/d'), fd);
  await pause(5);
  const closing = brick.close();
  await pause(5);
  fake.through.shift()!();
  await t.rejects(joining, /detached/);
  await closing;
  t.equal(brick.clients.all.size, 0);
});

t.test('the same process-uuid with anything else that differs is another client', async (t) => {
  const { brick, fake } = await brickOf(SubdirFake);
  const others: Partial<ClientIdentity>[] = [
    { credential: '[390039,1,1000,1000,[],""]' },
    { trusted: false },
    { subdir: '/d' },
    { auth: { ...IDENTITY.auth, peerAddress: '10.0.0.9' } },
    { auth: { ...IDENTITY.auth, username: 'other' } },
    { auth: { ...IDENTITY.auth, tlsName: 'other' } },
  ];
  const join = async (identity: ClientIdentity) => {
    const { fd } = await connection();
    const joining = openSession(brick, identity, fd);
    await pause(5);
    for (const go of fake.through.splice(0)) go();
    return (await joining).client;
  };
  const first = await join(IDENTITY);
  t.equal(await join(IDENTITY), first, 'the same identity is the same client, as it is to stock');
  const all = new Set([first]);
  for (const other of others) all.add(await join({ ...IDENTITY, ...other }));
  t.equal(all.size, others.length + 1);
  await brick.close();
});
