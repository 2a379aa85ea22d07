/** Groups of users from the server's own database: looked up aside, shared, bounded, and with the order of fops kept. */
import t from 'tap';
import { UserGroups, userGroups } from '../../../mux/session/user-groups.js';
import { EAGAIN, EIO, ENOENT } from '../../../native/errno.js';
import { pause } from '../../support/until.js';
import { ROOT, RULES, rig } from './rig.js';

/** A directory service that answers when it is told to. */
class Service {
  readonly answers = new Map<number, number[] | number>();
  asked = new Map<number, number>();
  readonly take = (uid: number): number[] | number => {
    this.asked.set(uid, (this.asked.get(uid) ?? 0) + 1);
    const answer = this.answers.get(uid) ?? -EAGAIN;
    if (answer !== -EAGAIN) this.answers.delete(uid);
    return answer;
  };
}

t.test('callers share a look-up, and what it found is kept for so long', async (t) => {
  const service = new Service();
  const groups = new UserGroups();
  groups.take = service.take;
  let done = 0;
  for (let i = 0; i < 3; i++) groups.lookUp(7, () => done++);
  await pause(5);
  t.equal(done, 0);
  service.answers.set(7, [1, 2]);
  while (done < 3) await pause(5);
  t.same(groups.known(7, 300)?.groups, [1, 2]);
  t.equal(groups.known(7, 0), undefined, 'too old for a brick that keeps nothing');
  groups.lookUp(8, () => done++);
  service.answers.set(8, -ENOENT);
  while (done < 4) await pause(5);
  t.equal(groups.known(8, 300)?.groups, null);
});

t.test('a failed look-up is not tried again at once, and keeps what was found before', async (t) => {
  const service = new Service();
  const groups = new UserGroups();
  groups.take = service.take;
  const lookUp = (uid: number) => new Promise<void>((resolve) => groups.lookUp(uid, resolve));
  service.answers.set(7, -EIO);
  await lookUp(7);
  t.same(groups.known(7, 0)?.groups, [], 'as stock: no groups');
  service.answers.set(9, [5]);
  await lookUp(9);
  service.answers.set(9, -EIO);
  await lookUp(9);
  t.same(groups.known(9, 0)?.groups, [5]);
});

t.test('users of this machine', async (t) => {
  const groups = new UserGroups();
  await new Promise<void>((resolve) => groups.lookUp(1, resolve));
  t.ok((groups.last(1)?.length ?? 0) > 0);
  await new Promise<void>((resolve) => groups.lookUp(3_999_999_998, resolve));
  t.equal(groups.last(3_999_999_998), null);
});

t.test('fops wait for the groups of their user, in the order of their fds; others do not', async (t) => {
  const { brick, client, fake } = await rig();
  const service = new Service();
  const { take } = userGroups;
  userGroups.take = service.take;
  t.teardown(() => {
    userGroups.take = take;
  });
  brick.applyRules({ ...RULES, outstandingRpcLimit: 64, manageGids: true });
  for (let i = 1; i <= 2; i++) client.socket.write(client.record(i, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  await client.reply(2);
  const write = (xid: number, fd: number, offset: number, uid: number) => {
    const data = Buffer.alloc(1000 + offset, offset);
    const request = { gfid: ROOT, fd, offset, size: data.length, flag: 0, xdata: null };
    client.socket.write(client.record(xid, 'writev', request, data, uid));
  };
  write(10, 0, 1, 5001);
  write(11, 0, 2, 0);
  write(12, 1, 3, 0);
  write(13, 1, 4, 5002);
  client.socket.write(client.record(14, 'flush', { gfid: ROOT, fd: 0, xdata: null }));
  await client.reply(12);
  t.same(fake.came, [['write 3', []]], 'only what needs no look-up and is behind none');
  service.answers.set(5002, [22]);
  await client.reply(13);
  t.same(fake.came[1], ['write 4', [22]]);
  service.answers.set(5001, [11, 12]);
  await client.reply(14);
  await client.reply(11);
  t.same(fake.came.slice(2), [
    ['write 1', [11, 12]],
    ['write 2', []],
    ['flush', []],
  ]);
  t.same(
    fake.written.map((b) => [b.length, b[0]]).sort(),
    [1, 2, 3, 4].map((n) => [1000 + n, n]),
    'their data is kept meanwhile',
  );
  const asked = service.asked.get(5001);
  write(15, 0, 5, 5001);
  await client.reply(15);
  t.equal(service.asked.get(5001), asked, 'known by now');
  for (let i = 0; i < 100; i++) write(100 + i, 0, 1, 6000 + i);
  while (brick.inFlight.count < 64) await pause(5);
  await pause(50);
  t.equal(brick.inFlight.count, 64, 'a connection has so many waiting, and no more');
  client.socket.destroy();
  while (brick.clients.all.size > 0) await pause(5);
  t.equal(brick.inFlight.count, 0, 'they go with their connection');
  for (let i = 0; i < 100; i++) service.answers.set(6000 + i, [1]);
  await brick.close();
});
