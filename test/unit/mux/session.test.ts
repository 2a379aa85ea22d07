import t from 'tap';
import { openSession } from '../../../mux/session/session.js';
import { ENOENT } from '../../../native/errno.js';
import { until } from '../../support/until.js';
import { brickOf, Client, connection, Fake, IDENTITY, ROOT, RULES, read, rig } from './rig.js';

t.test('a fop comes back, with its data', async (t) => {
  const { client } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  t.match((await client.result(1, 'open')).rsp, { op_ret: 0, fd: 0 });
  client.socket.write(client.record(2, 'readv', read(0, 7, 4096)));
  const { rsp, payload } = await client.result(2, 'readv');
  t.match(rsp, { op_ret: 4096, size: 4096 });
  t.same(payload, Buffer.alloc(4096, 7));
  client.socket.write(client.record(3, 'readv', read(9, 7, 4096)));
  t.match((await client.result(3, 'readv')).rsp, { op_ret: -1, op_errno: 9 }, 'an fd that is not open');
  client.socket.write(client.record(4, 'readv', read(0, 404, 4096)));
  t.match((await client.result(4, 'readv')).rsp, { op_ret: -1, op_errno: ENOENT });
  client.socket.write(client.record(5, 'readv', read(-2, 1, 10)));
  t.match((await client.result(5, 'readv')).rsp, { op_ret: 10 }, 'an anonymous fd');
  client.socket.write(client.record(6, 'release', { gfid: ROOT, fd: 0, xdata: null }));
  t.match((await client.result(6, 'release')).rsp, { op_ret: 0 });
});

t.test('calls of the brick itself are told from those of clients', async (t) => {
  const { brick } = await rig();
  t.equal(brick.ownCall().client.memory, null);
  for (const { client } of brick.clients.sessions) t.not(client.memory, null);
});

t.test('data to write survives what is received meanwhile', async (t) => {
  const { client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  await client.reply(1);
  const parts: Buffer[] = [];
  for (let i = 0; i < 3; i++) {
    const data = Buffer.alloc(50_000 + i, 65 + i);
    const request = { gfid: ROOT, fd: 0, offset: i * 100_000, size: data.length, flag: 0, xdata: null };
    parts.push(client.record(10 + i, 'writev', request, data));
  }
  const all = Buffer.concat(parts);
  // In pieces that cut records anywhere.
  for (let at = 0; at < all.length; at += 7777) {
    client.socket.write(all.subarray(at, at + 7777));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 3; i++) t.match((await client.result(10 + i, 'writev')).rsp, { op_ret: 50_000 + i });
  t.same(
    fake.written.map((b) => [b.length, b[0], b.at(-1)]),
    [0, 1, 2].map((i) => [50_000 + i, 65 + i, 65 + i]),
  );
});

t.test('reading pauses at the limit of outstanding fops, lock requests do not count', async (t) => {
  const { client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  const flock = { type: 1, whence: 0, start: 0n, len: 0n, pid: 1, lk_owner: 'o' };
  for (let i = 0; i < 10; i++) {
    client.socket.write(client.record(100 + i, 'lk', { gfid: ROOT, fd: 0, cmd: 2, type: 1, flock, xdata: null }));
  }
  for (let i = 0; i < 10; i++) {
    client.socket.write(client.record(10 + i, 'readv', read(0, i, 100, 1)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.equal(fake.waiting.length, 14, 'ten locks and four reads have arrived');
  t.equal(fake.reading, 4);
  while (fake.waiting.length > 0 || fake.reading < 10) {
    for (const answer of fake.waiting.splice(0)) answer();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (let i = 0; i < 10; i++) t.match((await client.result(10 + i, 'readv')).rsp, { op_ret: 100 });
});

t.test('a connection that was paused goes on when the limit changes meanwhile', async (t) => {
  for (const outstandingRpcLimit of [2, 6]) {
    const { brick, client, fake } = await rig();
    client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
    await client.reply(1);
    for (let i = 0; i < 10; i++) client.socket.write(client.record(10 + i, 'readv', read(0, i, 100, 1)));
    while (fake.reading < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    brick.applyRules({ ...RULES, outstandingRpcLimit });
    for (let n = 0; n < 50 && fake.reading < 10; n++) {
      for (const answer of fake.waiting.splice(0)) answer();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    t.equal(fake.reading, 10, `with a limit of ${outstandingRpcLimit}`);
    for (const answer of fake.waiting.splice(0)) answer();
    client.socket.destroy();
    while (brick.clients.all.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await brick.close();
  }
});

t.test('a client that goes is noticed while nothing is read from it', async (t) => {
  const { brick, client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  for (let i = 0; i < 6; i++) client.socket.write(client.record(10 + i, 'readv', read(0, i, 100, 1)));
  while (fake.reading < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.destroy();
  await until(() => brick.clients.all.size === 0);
  t.equal(brick.clients.all.size, 0, 'although its fops hang');
  for (const answer of fake.waiting.splice(0)) answer();
  await brick.close();
});

t.test('a client that goes takes its fds along, after what is under way', async (t) => {
  const { brick, client, fake } = await rig();
  for (let i = 1; i <= 3; i++) client.socket.write(client.record(i, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(3);
  t.equal(brick.root.refs, 4);
  client.socket.write(client.record(9, 'readv', read(0, 1, 100, 1)));
  while (fake.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.destroy();
  while (brick.clients.all.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(fake.released, 2, 'the one in use stays');
  fake.waiting[0]!();
  while (brick.inFlight.count > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(fake.released, 3);
  t.equal(brick.root.refs, 1);
  await brick.close();
});

t.test('garbage ends the connection, wrong calls are refused and it goes on', async (t) => {
  const { client } = await rig();
  const bad = client.record(1, 'stat', { gfid: ROOT, xdata: null });
  const truncated = Buffer.from(bad.subarray(0, bad.length - 8));
  truncated.writeUInt32BE((0x80000000 | (truncated.length - 4)) >>> 0, 0);
  client.socket.write(truncated);
  t.equal((await client.reply(1)).readUInt32BE(20), 4, 'GARBAGE_ARGS');
  const procedure = client.record(2, 'stat', { gfid: ROOT, xdata: null });
  procedure.writeUInt32BE(999, 24);
  client.socket.write(procedure);
  t.equal((await client.reply(2)).readUInt32BE(20), 3, 'PROC_UNAVAIL');
  const program = client.record(3, 'stat', { gfid: ROOT, xdata: null });
  program.writeUInt32BE(4711, 16);
  client.socket.write(program);
  t.equal((await client.reply(3)).readUInt32BE(20), 1, 'PROG_UNAVAIL');
  client.socket.write(client.record(4, 'stat', { gfid: ROOT, xdata: null }));
  t.match(
    (await client.result(4, 'stat')).rsp,
    { op_ret: -1, op_errno: 38 },
    'served still; nobody implements stat here',
  );
  client.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  while (!client.closed) await new Promise((resolve) => setTimeout(resolve, 5));
  t.pass('a record of 2 GiB is the end');
});

t.test('a brick that ends has its translators let go of what they hold back', async (t) => {
  class Holding extends Fake {
    override closing(): void {
      for (const answer of this.waiting.splice(0)) answer();
    }
  }
  const { brick, fake } = await brickOf(Holding);
  const { socket, fd } = await connection();
  await openSession(brick, IDENTITY, fd);
  const client = new Client(socket);
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  client.socket.write(client.record(2, 'readv', read(0, 1, 100, 1)));
  while (fake.reading === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const began = Date.now();
  await brick.close();
  t.ok(Date.now() - began < 5000);
  t.equal(brick.inFlight.count, 0);
});
