import t from 'tap';
import {
  DEFAULT_THRESHOLD_MS,
  KEPT,
  MOST_UNDER_WAY,
  SlowFops,
  slowText,
  type WatchedFop,
} from '../../../mux/brick/slow-fops.js';
import { Call } from '../../../mux/xlator/call.js';
import type { Client as FopClient } from '../../../mux/xlator/inode.js';
import type { Waited } from '../../../mux/xlator/waits.js';
import { batch } from '../../../native/batch.js';
import { bytesOfText } from '../../../native/bytes.js';
import { Priority } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';
import { ROOT, read, rig } from './rig.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Watched implements WatchedFop {
  slowNumber = 0;
  readonly cameMs: number;
  readonly waits: Waited[];

  constructor(cameMs: number, waits: Waited[] = []) {
    this.cameMs = cameMs;
    this.waits = waits;
  }

  report(nowMs: number) {
    return {
      atMs: 0,
      fop: 'WRITE',
      path: '/a/b',
      client: 'uid',
      clientName: 'fuse',
      peer: '10.0.0.1:1000',
      pid: 12,
      uid: 3,
      offset: 4096,
      size: 10,
      ms: nowMs - this.cameMs,
      underWay: true,
      errno: 0,
      waits: this.waits,
    };
  }
}

function setup() {
  const listed: WatchedFop[] = [];
  const lines: string[] = [];
  const line = (_: number, text: string): void => void lines.push(text);
  const log = { error: line, warning: line, info: line, debug: line };
  const inFlight = {
    watched: () => listed,
    get waiting() {
      return listed.length;
    },
  };
  const slow = new SlowFops({ name: bytesOfText('/b'), log, inFlight });
  t.teardown(() => slow.stop());
  return { slow, listed, lines };
}

t.test('what is under way is told of once, counted once, and kept when it ends', async (t) => {
  const { slow, listed, lines } = setup();
  const fop = new Watched(0, [{ place: 'lock', detail: 'client fuse', ms: 1400 }]);
  listed.push(fop, new Watched(1000));
  slow.look(500);
  t.equal(lines.length, 0, 'not slow yet');
  slow.look(1500);
  slow.look(1700);
  t.same(lines, [
    '/b: slow fop: WRITE /a/b of 10 bytes at 4096 by client fuse (10.0.0.1:1000), pid 12, uid 3 under way for 1.50 s: 1.40 s for a lock held by client fuse',
  ]);
  t.same([...slow.counts], [['lock', 1]]);
  t.equal(slow.list(10, 1800).length, 1);
  listed.length = 0;
  slow.ended(fop, 3000);
  t.same([...slow.counts], [['lock', 1]]);
  t.match(slow.list(10, 3000), [{ number: 1, ms: 3000 }]);
});

t.test('all of it is bounded', async (t) => {
  const { slow, listed, lines } = setup();
  for (let i = 0; i < 1000; i++) slow.ended(new Watched(i), 5000);
  t.equal(slow.list(Number.POSITIVE_INFINITY).length, KEPT);
  t.equal(slow.list(3).length, 3);
  t.equal(slow.list(3)[0]?.number, 1000, 'the last first');
  t.equal(lines.length, 20);
  slow.ended(new Watched(0), 70_000);
  t.match(lines.slice(20), [/980 slow fops more in a minute/, /took|under way/]);
  for (let i = 0; i < 1000; i++) listed.push(new Watched(1000 - i));
  const oldest = slow.list(Number.POSITIVE_INFINITY, 100_000).filter((s) => s.number === 0);
  t.equal(oldest.length, MOST_UNDER_WAY);
  t.equal(oldest[0]?.ms, 99_999, 'the oldest first');
  t.ok(
    oldest.every((s) => s.ms >= 100_000 - MOST_UNDER_WAY - 1),
    'no others',
  );
  t.equal(DEFAULT_THRESHOLD_MS, 1000);
});

t.test('what a call waits for', async (t) => {
  const call = new Call({} as FopClient, 13);
  let go = (): void => {};
  const over = new Promise<void>((resolve) => {
    go = resolve;
  });
  let holder = 'first';
  const waited = call.awaits('lock', () => holder, over);
  t.match(call.longWaits(), [{ place: 'lock', detail: 'first' }]);
  holder = 'second';
  await pause(30);
  go();
  await waited;
  const [wait] = call.longWaits();
  t.match(wait, { place: 'lock', detail: 'first' }, 'who was seen in the way is remembered');
  t.ok(wait !== undefined && wait.ms >= 25);
  const [quick] = [call.awaits('barrier', () => t.fail('nobody asks of a short wait') as never, Promise.resolve())];
  await quick;
  t.equal(call.longWaits().length, 1, 'short waits leave nothing');
  await t.rejects(
    call.awaits(
      'quota',
      () => '',
      pause(25).then(() => Promise.reject(new Error('refused'))),
    ),
  );
  t.match(call.longWaits(), [{ place: 'lock' }, { place: 'quota' }]);
});

t.test('a batch tells its waiter which system call took long', async (t) => {
  const queue = new Queue(1);
  const dir = t.testdir({ pipe: '' });
  const { execFileSync, spawn } = await import('node:child_process');
  execFileSync('mkfifo', [`${dir}/fifo`]);
  const call = new Call({} as FopClient, 13);
  const behind = new Call({} as FopClient, 13);
  // An open of a FIFO waits until somebody opens its other end.
  const slow = batch();
  slow.statx(-100, dir, slow.statOut());
  slow.open(-100, `${dir}/fifo`, 0);
  slow.awaitedBy(call);
  const running = queue.run(slow, 0, Priority.normal);
  const next = batch();
  next.statx(-100, dir, next.statOut());
  next.awaitedBy(behind);
  const waiting = queue.run(next, 0, Priority.normal);
  await pause(400);
  t.match(call.longWaits(), [{ place: 'disk', detail: 'open' }], 'while it runs');
  t.match(behind.longWaits(), [{ place: 'pool', detail: '' }], 'and what waits behind it');
  spawn('sh', ['-c', `echo > ${dir}/fifo`]);
  const [done] = await Promise.all([running, waiting]);
  const [wait, ...more] = call.longWaits();
  t.match(wait, { place: 'disk', detail: 'open' });
  t.same(more, []);
  t.ok(wait !== undefined && wait.ms >= 390 && wait.ms < 5000);
  t.match(behind.longWaits(), [{ place: 'pool' }]);
  done.release();
  next.release();
  queue.close();
});

t.test('a slow fop of a client', async (t) => {
  const { brick, client, fake } = await rig();
  Object.assign(brick.slow, { thresholdMs: 50 });
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  t.same(brick.slow.list(10), [], 'quick ones leave nothing');
  client.socket.write(client.record(2, 'readv', read(0, 7, 4096, 1)));
  while (fake.waiting.length === 0) await pause(5);
  await pause(80);
  t.match(brick.slow.list(10), [{ fop: 'READ', path: '/', size: 4096, offset: 7, underWay: true, clientName: 'test' }]);
  for (const answer of fake.waiting.splice(0)) answer();
  await client.result(2, 'readv');
  const [slow, ...more] = brick.slow.list(10);
  t.same(more, []);
  t.match(slow, { fop: 'READ', underWay: false, errno: 0, waits: [{ place: 'other' }] });
  t.match(
    slowText(slow as never),
    /^slow fop: READ \/ of 4096 bytes at 7 by client test \(127.0.0.1:1\), pid .* took 0\.\d+ s: 0\.\d+ s in brickd itself$/,
  );
});

t.test('what waits because its connection is not read', async (t) => {
  const { brick, client, fake } = await rig();
  Object.assign(brick.slow, { thresholdMs: 100 });
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  const all = Array.from({ length: 5 }, (_, i) => client.record(10 + i, 'readv', read(0, i, 100, i < 4 ? 1 : 0)));
  client.socket.write(Buffer.concat(all));
  while (fake.reading < 4) await pause(5);
  await pause(200);
  for (const answer of fake.waiting.splice(0)) answer();
  await client.result(14, 'readv');
  t.match(
    brick.slow.list(10).find((s) => s.offset === 4),
    { waits: [{ place: 'connection' }] },
  );
});
