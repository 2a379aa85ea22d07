/** Invariants of bricks, fops and what fops hold: what breaks one is told by name, and a fop that does takes its brick down. */
import t from 'tap';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import { ClientMemory } from '../../../mux/brick/client-memory.js';
import { InFlightFops } from '../../../mux/brick/in-flight.js';
import { HANDLERS, servedFop } from '../../../mux/fops/handlers.js';
import { FopPool } from '../../../mux/session/fop-pool.js';
import { CallDecoder } from '../../../mux/wire/call-decoder.js';
import { Call } from '../../../mux/xlator/call.js';
import { fopByName } from '../../../mux/xlator/fop-table.js';
import { Fd, Inode } from '../../../mux/xlator/inode.js';
import { AssertionError, assert } from '../../../native/assert.js';
import { EIO } from '../../../native/errno.js';
import { brickOf, Fake, ROOT, read, rig } from './rig.js';

const lines: string[] = [];
setLogSink({ wants: () => true, write: (line: LogLine) => void lines.push(line.text) });

const client = { memory: null } as never;
const inodeOf = () => new Inode(new Uint8Array(16), 'k');
const nothing = (): void => {};

t.test('a fop that breaks an invariant fails with EIO and takes its brick down, which is told once', async (t) => {
  const reasons: string[] = [];
  const { client, brick } = await rig((reason) => reasons.push(reason));
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  const broken = (): never => {
    assert(false, 'two and two are four');
    throw new Error('not reached');
  };
  for (const [xid, thrower] of [
    [2, broken],
    [3, async () => broken()],
  ] as const) {
    brick.top.readv = thrower;
    client.socket.write(client.record(xid, 'readv', read(0, 1, 10)));
    t.match((await client.result(xid, 'readv')).rsp, { op_ret: -1, op_errno: EIO });
  }
  t.strictSame(reasons, ['READ: assertion failed: two and two are four']);
  t.equal(brick.failed, true);
  t.match(lines.join('\n'), /READ: unexpected failure: AssertionError: assertion failed: two and two are four \| at /);
  t.equal(brick.inFlight.count, 0);
});

t.test('a brick lives once', async (t) => {
  const { brick } = await brickOf(Fake);
  await brick.close();
  await t.rejects(brick.close(), AssertionError);
});

t.test('a call ends once', async (t) => {
  const call = new Call(client, 1);
  call.end(nothing);
  t.throws(() => call.end(nothing), AssertionError);
});

t.test('uses of inodes and fds end as often as they begin', async (t) => {
  const inode = inodeOf();
  inode.ref();
  inode.unref();
  t.throws(() => inode.unref(), AssertionError);
  const fd = new Fd(inode, 0, client, 1);
  fd.ref();
  t.throws(() => fd.release(), AssertionError, 'a call uses it');
  fd.close();
  t.throws(() => fd.close(), AssertionError);
  t.equal(fd.unref(), true, 'the last use of a closed fd');
  t.throws(() => fd.unref(), AssertionError);
  fd.release();
  t.equal(fd.state, 'released');
  t.throws(() => fd.release(), AssertionError);
  t.throws(() => fd.ref(), AssertionError);
});

t.test('an anonymous fd is released after its only call', async (t) => {
  const released: Fd[] = [];
  const call = new Call(client, 1);
  const fd = new Fd(inodeOf(), 0, client, 1, true);
  call.holdFd(fd);
  call.end((one) => released.push(one));
  t.strictSame(released, [fd]);
});

t.test('counts of fops and of memory do not fall below zero', async (t) => {
  const inFlight = new InFlightFops();
  inFlight.started();
  inFlight.ended();
  t.throws(() => inFlight.ended(), AssertionError);
  const memory = new ClientMemory();
  memory.take(10);
  t.throws(() => memory.give(11), AssertionError);
});

t.test('a call is taken apart when the one before has been', async (t) => {
  const decoder = new CallDecoder();
  const bytes = Buffer.alloc(64);
  decoder.open(bytes, 0, 64);
  t.throws(() => decoder.open(bytes, 0, 64), AssertionError);
  decoder.close();
  decoder.open(bytes, 0, 64);
  decoder.close();
  t.throws(() => decoder.parseHeader(), AssertionError);
});

t.test('a fop runs once, and is used again after its end only', async (t) => {
  const { brick } = await brickOf(Fake);
  const replies: string[] = [];
  const session = {
    brick,
    client: { memory: null, uid: 'u', fops: 1, files: { note: nothing } },
    connection: { fault: (thrown: unknown) => replies.push(String(thrown)) },
    closed: true,
    top: brick.top,
    table: brick.table,
    fopStarted: nothing,
    fopEnded: nothing,
    setQueueFull: nothing,
  };
  const served = servedFop(fopByName('release').number);
  if (served === undefined) throw new Error('release is served');
  let finish: (reply: unknown) => void = nothing;
  const waiting = { ...HANDLERS.release, wind: () => new Promise((resolve) => (finish = resolve)) };
  const pool = new FopPool();
  const begin = () => {
    const fop = pool.take();
    fop.begin(session as never, { ...served, handler: waiting }, new CallDecoder(), {}, null as never, 0, 0);
    return fop;
  };
  const fop = begin();
  t.throws(() => fop.drop(null), AssertionError, 'it does not wait');
  fop.start();
  t.throws(() => fop.start(), AssertionError, 'it runs already');
  t.throws(() => fop.waits(), AssertionError);
  t.throws(() => fop.proceed({}), AssertionError, 'no queue holds it');
  t.equal(brick.inFlight.count, 1);
  const other = begin();
  t.not(other, fop, 'one under way is nobody else’s');
  other.waits();
  other.drop(null);
  finish({ xdata: null });
  await null;
  await null;
  t.equal(brick.inFlight.count, 0);
  t.throws(() => fop.reply({}), AssertionError, 'it is answered once');
  t.equal(begin(), fop, 'one that has ended is used again');
  t.strictSame(replies, []);
});
