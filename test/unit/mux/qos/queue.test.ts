/** Fops that wait: their order, their bounds, and what becomes of them when the client or the rules go. */
import t, { type Test } from 'tap';
import { qosRules } from '../../../../brickd/translators/user/qos/settings.js';
import { MAX_HELD_FOPS } from '../../../../mux/qos/queue.js';
import { HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc } from '../../../../mux/wire/programs/handshake.js';
import { beginCallAs } from '../../../../mux/wire/rpc.js';
import { XdrWriter } from '../../../../mux/wire/xdr.js';
import { region } from '../../../../native/memory.js';
import { pause, until } from '../../../support/until.js';
import { type Rig, ROOT, read, rig } from '../rig.js';

const rules = (options: Record<string, string>) => qosRules(new Map(Object.entries(options)), null);
const tenant = (r: Rig, name = 'volume') => r.brick.qos!.stats().tenants.find((x) => x.tenant === name)!;

let runs = 0;
/** A brick with its rules; one file is open as fd 0. */
async function limited(options: Record<string, string>): Promise<Rig> {
  const r = await rig();
  r.client.socket.write(r.client.record(1, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  await r.client.reply(1);
  r.brick.schedule(rules(options), `volume-${++runs}`);
  return r;
}

const write = (fd: number, data: Buffer) => ({ gfid: ROOT, fd, offset: 0, size: data.length, flag: 0, xdata: null });
const fdOnly = { gfid: ROOT, fd: 0, xdata: null };

async function settled(t: Test, r: Rig): Promise<void> {
  await until(() => r.brick.inFlight.count === 0);
  t.equal(r.brick.inFlight.count, 0, 'no call is left');
  for (const name of ['volume']) t.match(tenant(r, name), { queued: 0, queuedBytes: 0 });
  t.equal(r.brick.qos!.stats().inFlight, 0);
}

t.test('a rate holds, and what waits is counted', async (t) => {
  const r = await limited({ limit: 'ops=100,burst=10ms' });
  const began = performance.now();
  for (let i = 0; i < 30; i++) r.client.socket.write(r.client.record(10 + i, 'readv', read(0, i, 100)));
  for (let i = 0; i < 30; i++) t.match((await r.client.result(10 + i, 'readv')).rsp, { op_ret: 100 });
  const took = performance.now() - began;
  t.ok(took > 270 && took < 600, `30 fops at 100/s took ${took} ms`);
  const s = tenant(r);
  t.match(s, { fops: 30, overdue: 0, dropped: 0, bytes: 3000 });
  t.ok(s.delayed >= 24 && s.delaySeconds > 2, `${s.delayed} delayed, ${s.delaySeconds} s`);
  t.equal(
    s.delayCounts.reduce((a, b) => a + b, 0),
    s.delayed,
  );
  await settled(t, r);
});

t.test('a flush does not overtake writes of its fd, and waits for nothing else', async (t) => {
  const r = await limited({ limit: 'ops=20,burst=10ms' });
  const { client, fake } = r;
  for (let i = 0; i < 5; i++) {
    client.socket.write(
      client.record(10 + i, 'writev', write(0, Buffer.from(`write ${i}`)), Buffer.from(`write ${i}`)),
    );
  }
  client.socket.write(client.record(20, 'flush', fdOnly));
  client.socket.write(client.record(1000, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  client.socket.write(client.record(21, 'flush', { ...fdOnly, fd: 7 }));
  await client.reply(21);
  t.equal(fake.flushed, 0, 'the one that came first still waits');
  await client.reply(20);
  t.same(fake.written.length >= 4, true, 'behind the writes (of which the last may be under way)');
  await client.reply(1000);
  t.same(
    fake.written.map((b) => b.toString()),
    [0, 1, 2, 3, 4].map((i) => `write ${i}`),
    'whose data is whole, in their order',
  );
  t.equal(tenant(r).fops, 6, 'a flush costs nothing');
  await settled(t, r);
});

t.test('a lock waits behind writes of its fd only', async (t) => {
  const r = await limited({ limit: 'ops=20,burst=10ms' });
  const { client, fake } = r;
  const flock = { type: 1, whence: 0, start: 0n, len: 0n, pid: 1, lk_owner: 'o' };
  const lk = { gfid: ROOT, fd: 0, cmd: 2, type: 1, flock, xdata: null };
  client.socket.write(client.record(5, 'lk', lk));
  for (let i = 0; i < 4; i++)
    client.socket.write(client.record(10 + i, 'writev', write(0, Buffer.from('x')), Buffer.from('x')));
  client.socket.write(client.record(6, 'lk', lk));
  await pause(20);
  t.equal(fake.waiting.length, 1, 'the first one at once');
  await client.reply(13);
  await pause(20);
  t.equal(fake.waiting.length, 2);
  for (const go of fake.waiting.splice(0)) go();
  await settled(t, r);
});

t.test('what waits for a client that is gone is dropped', async (t) => {
  const r = await limited({ limit: 'ops=1' });
  const { client, brick } = r;
  const data = Buffer.alloc(3000, 7);
  for (let i = 0; i < 50; i++) client.socket.write(client.record(10 + i, 'writev', write(0, data), data));
  client.socket.write(client.record(99, 'flush', fdOnly));
  while (tenant(r).queued < 49) await pause(5);
  t.equal(brick.inFlight.count >= 50, true);
  client.socket.destroy();
  while (brick.clients.all.size > 0) await pause(5);
  t.match(tenant(r), { dropped: 49 });
  await settled(t, r);
  t.equal(brick.root.refs, 1);
  await brick.close();
});

t.test('a delay has its bound, and is no debt', async (t) => {
  const r = await limited({ limit: 'ops=1', 'max-delay': '100ms' });
  for (let i = 0; i < 20; i++) r.client.socket.write(r.client.record(10 + i, 'readv', read(0, i, 100)));
  const began = performance.now();
  for (let i = 0; i < 20; i++) await r.client.reply(10 + i);
  t.ok(performance.now() - began < 400, `${performance.now() - began} ms`);
  t.ok(tenant(r).overdue >= 18);
  t.ok(tenant(r).limits[0]!.tokens > -2, `${tenant(r).limits[0]!.tokens} tokens`);
  await settled(t, r);
});

t.test('a connection with too much that waits is not read, one below its bound is', async (t) => {
  const r = await limited({ limit: 'ops=1', 'max-delay': 'none' });
  const { client, brick } = r;
  const send = (from: number, n: number) => {
    const all: Buffer[] = [];
    for (let i = 0; i < n; i++) all.push(client.record(from + i, 'readv', read(0, 1, 10)));
    client.socket.write(Buffer.concat(all));
  };
  send(10, MAX_HELD_FOPS - 20);
  while (tenant(r).queued < MAX_HELD_FOPS - 30) await pause(5);
  t.equal(brick.qos!.stats().pausedConnections, 0);
  client.socket.write(client.record(5000, 'flush', { ...fdOnly, fd: 3 }));
  await client.reply(5000);
  send(6000, 1000);
  await pause(50);
  client.socket.write(client.record(9000, 'flush', { ...fdOnly, fd: 3 }));
  await pause(100);
  t.equal(brick.qos!.stats().pausedConnections, 1);
  t.notOk(client.replies.has(9000));
  brick.schedule(rules({ limit: 'ops=1000000' }), `volume-${runs}`);
  await client.reply(9000);
  await client.reply(6999);
  await settled(t, r);
});

t.test('a ping is answered while hundreds wait', async (t) => {
  const r = await limited({ limit: 'ops=1', 'max-delay': 'none' });
  const { client } = r;
  const all: Buffer[] = [];
  for (let i = 0; i < 500; i++) all.push(client.record(10 + i, 'readv', read(0, 1, 10)));
  client.socket.write(Buffer.concat(all));
  while (tenant(r).queued < 490) await pause(5);
  const w = new XdrWriter(region(4096));
  beginCallAs(w, 7000, HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.ping, { pid: 1, uid: 0, gid: 0 });
  w.endRecord(0);
  const began = performance.now();
  client.socket.write(w.bytes.subarray(0, w.at));
  await client.reply(7000);
  t.ok(performance.now() - began < 100, `${performance.now() - began} ms`);
  client.socket.destroy();
  while (r.brick.clients.all.size > 0) await pause(5);
  await settled(t, r);
});

t.test('reads that wait for their own rate do not hold writes up', async (t) => {
  const r = await limited({ 'limit-total': 'read-ops=1', limit: 'write-ops=1000', 'max-delay': 'none' });
  const { client, fake } = r;
  client.socket.write(client.record(2, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  for (let i = 0; i < 10; i++) client.socket.write(client.record(10 + i, 'readv', read(0, i, 100)));
  while (tenant(r).queued < 9) await pause(5);
  const send = (xid: number, fd: number, text: string) =>
    client.socket.write(client.record(xid, 'writev', write(fd, Buffer.from(text)), Buffer.from(text)));
  send(30, -2, 'free');
  send(31, 0, 'behind');
  t.match((await client.result(30, 'writev')).rsp, { op_ret: 4 });
  t.same(fake.written.map(String), ['free'], 'but for writes to the fd that a read before them waits for');
  r.brick.schedule(rules({}), `volume-${runs}`);
  t.match((await client.result(31, 'writev')).rsp, { op_ret: 6 });
  await settled(t, r);
});

t.test('bricks of one file system share its disk', async (t) => {
  const [a, b, c] = await Promise.all([rig(), rig(), rig()]);
  a.brick.onDevice(7);
  b.brick.onDevice(7);
  c.brick.onDevice(8);
  for (const r of [a, b, c]) r.brick.schedule(rules({}), `volume-${++runs}`);
  a.brick.limitCalls(40);
  const limit = (r: Rig): number => r.brick.qos!.stats().inFlightLimit;
  t.equal(limit(a), 50);
  t.equal(limit(b), 50);
  t.equal(limit(c), 20);
  for (const r of [a, b, c]) r.brick.schedule(null, '');
});

t.test('rules change and go while fops wait', async (t) => {
  const r = await limited({ 'match-me': 'pid=1000', 'limit-me': 'ops=1', 'max-delay': 'none' });
  const { client, brick } = r;
  for (let i = 0; i < 20; i++) client.socket.write(client.record(10 + i, 'readv', read(0, i, 100)));
  while (tenant(r, 'me').queued < 18) await pause(5);
  brick.schedule(rules({ limit: 'ops=100' }), `volume-${runs}`);
  t.ok(tenant(r).queued >= 18, 'what waited belongs to another tenant');
  await client.reply(29);
  brick.schedule(rules({ limit: 'ops=1', 'max-delay': 'none' }), `volume-${runs}`);
  for (let i = 0; i < 20; i++) client.socket.write(client.record(40 + i, 'readv', read(0, i, 100)));
  while (tenant(r).queued < 17) await pause(5);
  brick.schedule(null, '');
  t.equal(brick.qos, null);
  await client.reply(59);
  t.equal(brick.inFlight.count, 0);
  client.socket.write(client.record(70, 'readv', read(0, 1, 100)));
  t.match((await client.result(70, 'readv')).rsp, { op_ret: 100 });
});

t.test('reads that find less than they asked for are charged for what they found', async (t) => {
  const r = await limited({ limit: 'read-bytes=1MB,burst=10s' });
  const before = tenant(r).limits[0]!.tokens;
  r.client.socket.write(r.client.record(10, 'readv', read(0, 404, 1 << 20)));
  t.match((await r.client.result(10, 'readv')).rsp, { op_ret: -1 });
  await settled(t, r);
  t.ok(before - tenant(r).limits[0]!.tokens < 1 << 18, 'a read that failed costs no bytes');
});

t.test('a fop that outlives the scheduling of its brick frees its slot of the disk', async (t) => {
  const leaving = await limited({ limit: 'ops=1000' });
  const staying = await limited({ limit: 'ops=1000' });
  leaving.client.socket.write(leaving.client.record(10, 'readv', read(0, 1, 100, 1)));
  await until(() => leaving.fake.reading !== 0);
  t.equal(staying.brick.qos!.stats().inFlight, 1, 'bricks of one disk share its slots');
  leaving.brick.schedule(null, '');
  leaving.fake.waiting.shift()!();
  t.match((await leaving.client.result(10, 'readv')).rsp, { op_ret: 100 });
  t.equal(staying.brick.qos!.stats().inFlight, 0);
});
