/** Exceptions that are no failures of fops cost the client or the fop that they concern, and leave their stack in the log. */
import t from 'tap';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import type { Upcall } from '../../../mux/xlator/translator.js';
import { EIO } from '../../../native/errno.js';
import { until } from '../../support/until.js';
import { ROOT, read, rig } from './rig.js';

const lines: string[] = [];
setLogSink({ wants: () => true, write: (line: LogLine) => void lines.push(line.text) });
t.beforeEach(() => void lines.splice(0));
const log = (): string => lines.join('\n');

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));
const fault = (): never => {
  throw new TypeError('a fault on purpose');
};
const OPEN = { gfid: ROOT, flags: 0, xdata: null };

t.test('in a fop: EIO, and on it goes', async (t) => {
  const { client, fake, brick } = await rig();
  client.socket.write(client.record(1, 'open', OPEN));
  await client.reply(1);
  for (const [xid, thrower] of [
    [2, fault],
    [3, async () => fault()],
  ] as const) {
    brick.top.readv = thrower;
    client.socket.write(client.record(xid, 'readv', read(0, 1, 10)));
    t.match((await client.result(xid, 'readv')).rsp, { op_ret: -1, op_errno: EIO });
  }
  t.match(log(), /READ: unexpected failure: TypeError: a fault on purpose \| at .*faults\.test\.js/);
  brick.top.readv = fake.readv.bind(fake);
  client.socket.write(client.record(4, 'readv', read(0, 1, 10)));
  t.match((await client.result(4, 'readv')).rsp, { op_ret: 10 });
  t.equal(brick.inFlight.count, 0, 'nothing is left under way');
});

t.test('in a reply that can not be encoded: nothing of it is sent, and what comes after is whole', async (t) => {
  const { client, brick } = await rig();
  client.socket.write(client.record(1, 'open', OPEN));
  await client.reply(1);
  brick.top.readv = () => ({ count: 4, errno: 0, stat: null as never, region: null, xdata: null });
  client.socket.write(Buffer.concat([client.record(2, 'readv', read(0, 1, 4)), client.record(3, 'open', OPEN)]));
  t.equal((await client.reply(2)).readUInt32BE(20), 5, 'SYSTEM_ERR');
  t.match((await client.result(3, 'open')).rsp, { op_ret: 0 });
  t.match(log(), /cannot encode the reply: TypeError/);
});

t.test('in what ends an fd, a client, an inode', async (t) => {
  const { client, fake, brick } = await rig();
  fake.release = fault;
  fake.releasedir = fault;
  fake.clientGone = fault;
  client.socket.write(client.record(1, 'open', OPEN));
  await client.reply(1);
  client.socket.write(client.record(2, 'release', { gfid: ROOT, fd: 0, xdata: null }));
  t.match((await client.result(2, 'release')).rsp, { op_ret: 0 });
  t.match(log(), /releasing an fd has failed: TypeError: a fault on purpose/);
  client.socket.destroy();
  await until(() => brick.clients.all.size === 0);
  t.equal(brick.clients.all.size, 0);
  t.match(log(), /ending client client-1 has failed: TypeError: a fault on purpose/);
  await brick.close();
});

t.test('in a timer', async (t) => {
  const { brick } = await rig();
  brick.timer(1, false, fault);
  await pause();
  t.match(log(), /a timer has failed: TypeError: a fault on purpose/);
});

t.test('in an upcall: whoever causes it does not notice, and the receiver gets no half a record', async (t) => {
  const { client, brick } = await rig();
  client.socket.write(client.record(1, 'open', OPEN));
  await client.reply(1);
  const [receiver] = brick.clients.all.values();
  brick.upcall(receiver!, {
    kind: 'cache-invalidation',
    key: ROOT,
    flags: 1,
    expireSec: 1,
    stat: null,
  } as unknown as Upcall);
  t.match(log(), /an upcall to client-1 has failed: TypeError/);
  client.socket.write(client.record(2, 'open', OPEN));
  t.match((await client.result(2, 'open')).rsp, { op_ret: 0 });
});

t.test('a disk that turns out to hang while its brick is closed keeps it no longer', async (t) => {
  const { client, fake, brick } = await rig();
  client.socket.write(client.record(1, 'open', OPEN));
  await client.reply(1);
  let answer = (): void => {};
  fake.release = () => {};
  brick.top.readv = () =>
    new Promise((_resolve, reject) => {
      answer = () => reject(new TypeError('much later'));
    });
  client.socket.write(client.record(2, 'readv', read(0, 1, 10)));
  await until(() => brick.inFlight.count !== 0);
  const began = performance.now();
  const closed = brick.close();
  await pause();
  brick.diskHangs(true);
  await closed;
  t.ok(performance.now() - began < 10_000, 'not waited for as long as for a healthy disk');
  t.match(log(), /1 fops still in progress after 1 s: closing without them/);
  answer();
});
