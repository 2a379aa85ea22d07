/** The pool of brick workers: where bricks are placed, and what becomes of them when a worker fails. */

import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setEnvironmentData } from 'node:worker_threads';
import type { Test } from 'tap';
import t from 'tap';
import { setLogSink } from '../../../mux/base/log.js';
import { codecOf } from '../../../mux/fops/codecs.js';
import { encodeOldDict } from '../../../mux/wire/dict.js';
import {
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
  setvolumeReq,
} from '../../../mux/wire/programs/handshake.js';
import { beginCall, beginCallAs } from '../../../mux/wire/rpc.js';
import { XdrWriter } from '../../../mux/wire/xdr.js';
import { Server } from '../../../mux/workers/server.js';
import type { SupervisorRules } from '../../../mux/workers/supervisor.js';
import { type FaultKind, WorkerPool } from '../../../mux/workers/worker-pool.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName } from '../../../mux/xlator/fop-table.js';
import { bytesOfText } from '../../../native/bytes.js';
import { region } from '../../../native/memory.js';
import { until } from '../../support/until.js';

/** Failures in the test of all kinds of them: each kind once at least. */
const DEATHS = Number(process.env['BRICKD_TEST_DEATHS'] ?? 16);
t.setTimeout(400_000 + 3000 * DEATHS);
// What workers say of their failures is not for the report.
setLogSink({ wants: () => false, write: () => {} });

const workerModule = new URL('./pool-worker.js', import.meta.url).href;
const RULES: SupervisorRules = { soonMs: 1000, together: 2, alone: 5, firstPauseMs: 1, longestPauseMs: 10 };

const task = (brick: string, how = '') => ({
  brick: bytesOfText(brick),
  volfileId: brick,
  volfile: `volume ${brick}\n type test/fake\n${how === '' ? '' : ` option how ${how}\n`}end-volume\nvolume v-server\n type protocol/server\n option transport-type tcp\n option auth.addr.${brick}.allow *\n subvolumes ${brick}\nend-volume\n`,
  overrides: [],
});

/** Keeps the loop alive as a daemon's listener does. */
async function served(t: Test, workers: number, more: { heapMiB?: number; supervision?: SupervisorRules } = {}) {
  const server = new Server({ workerModule, workers, supervision: RULES, ...more });
  const failed: string[] = [];
  server.onBrickFailed((brick, reason) => failed.push(`${brick}: ${reason}`));
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, family: 4, backlog: 64 });
  t.teardown(() => server.close());
  /** Bricks by worker. */
  const placed = async () => (await server.stats()).map((w) => w.bricks.map((b) => b.brick).sort());
  return { server, failed, port, placed };
}

/** A client at the wire: records in order of arrival. */
class Peer {
  readonly socket: Socket;
  readonly xids: number[] = [];
  readonly records: Buffer[] = [];
  closed = false;
  #rest = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (data) => {
      this.#rest = Buffer.concat([this.#rest, data]);
      while (this.#rest.length >= 4) {
        const end = 4 + (this.#rest.readUInt32BE(0) & 0x7fffffff);
        if (this.#rest.length < end) return;
        this.xids.push(this.#rest.readUInt32BE(4));
        this.records.push(Buffer.from(this.#rest.subarray(4, end)));
        this.#rest = this.#rest.subarray(end);
      }
    });
  }
  static setvolume(xid: number, brick: string, subdir = ''): Buffer {
    const dict = new Dict()
      .setText('remote-subvolume', brick)
      .setText('process-uuid', `peer-${xid}`)
      .setText('client-version', '10.3')
      .setUint('fops-version', FOP_PROGRAM);
    if (subdir !== '') dict.setText('subdir-mount', subdir);
    const w = new XdrWriter(region(65536));
    beginCall(w, xid, HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.setvolume);
    setvolumeReq.encode(w, { dict: encodeOldDict(dict) });
    w.endRecord(0);
    return Buffer.from(w.bytes.subarray(0, w.at));
  }
  static lookup(xid: number): Buffer {
    const fop = fopByName('lookup');
    const w = new XdrWriter(region(65536));
    beginCallAs(w, xid, FOP_PROGRAM, FOP_VERSION, fop.number, { pid: 1, uid: 0, gid: 0, lkOwner: 'o' });
    codecOf(fop.name).request.encode(w, {
      gfid: `${'\0'.repeat(15)}\x01`,
      pargfid: '\0'.repeat(16),
      flags: 0,
      bname: '',
      xdata: null,
    });
    w.endRecord(0);
    return Buffer.from(w.bytes.subarray(0, w.at));
  }
  async answers(count: number): Promise<number[]> {
    await until(() => this.xids.length >= count || this.closed);
    return this.xids;
  }
  /** op_ret of an answer. */
  result(at: number): number {
    return this.records[at]!.readInt32BE(24);
  }
}

t.test('workers start as bricks come, and share them', async (t) => {
  const { server, placed } = await served(t, 2);
  await server.attach(task('/b0'));
  t.same(await placed(), [['/b0']]);
  await server.attach(task('/b1'));
  await Promise.all([2, 3, 4, 5].map((i) => server.attach(task(`/b${i}`))));
  t.same(
    (await placed()).map((b) => b.length),
    [3, 3],
  );
  await server.detach(bytesOfText('/b0'));
  await server.detach(bytesOfText('/b2'));
  await server.attach(task('/b6'));
  await server.attach(task('/b7'));
  t.same(
    (await placed()).map((b) => b.length),
    [3, 3],
    'places that become free are taken',
  );
});

t.test('workers that start while others are at work', async (t) => {
  const pool = new WorkerPool({ workerModule, workers: 1 }, { event: () => {}, down: () => {} });
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    clearInterval(alive);
    return pool.close();
  });
  const [first] = pool.workers;
  await first!.ready;
  t.equal(pool.threads, 1, 'one is there from the start');
  let flooding = true;
  const flood = async (): Promise<void> => {
    while (flooding) await pool.runOn(first!, 'stats', null);
  };
  const floods = Array.from({ length: 8 }, flood);
  for (let i = 1; i <= 12; i++) {
    const worker = pool.start();
    await Promise.all(Array.from({ length: 20 }, () => pool.runOn(worker, 'stats', null)));
  }
  flooding = false;
  await Promise.all(floods);
  t.equal(pool.threads, 13, 'each is started once');
});

t.test('a busy worker gets fewer bricks', async (t) => {
  const pool = new WorkerPool({ workerModule, workers: 2 }, { event: () => {}, down: () => {} });
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    clearInterval(alive);
    return pool.close();
  });
  const [a, b] = [pool.place(bytesOfText('/a')), pool.place(bytesOfText('/b'))];
  t.not(a, b);
  await Promise.all([pool.runOn(a, 'stats', null), pool.runOn(b, 'stats', null)]);
  // What a worker does after its start is not to count.
  await delay(500);
  for (const w of pool.workers) w.sample();
  await pool.runOn(a, 'fail', 'spin' as FaultKind);
  for (const w of pool.workers) w.sample();
  t.ok(a.busy > b.busy + 0.3, `${a.busy} and ${b.busy}`);
  t.same(
    [1, 2, 3].map((i) => pool.place(bytesOfText(`/more${i}`)) === b),
    [true, true, true],
  );
});

for (const kind of ['throw', 'reject', 'exit', 'memory'] as const) {
  t.test(`a worker that fails by ${kind} is replaced`, async (t) => {
    const { server, failed, port, placed } = await served(t, 2, kind === 'memory' ? { heapMiB: 96 } : {});
    for (let i = 0; i < 4; i++) await server.attach(task(`/b${i}`));
    await server.reconfigure(task('/b0', 'anew'));
    const [hit, other] = ['/b0', '/b1'].map((brick) => {
      const peer = new Peer(port);
      peer.socket.write(Peer.setvolume(1, brick));
      return peer;
    }) as [Peer, Peer];
    t.same([await hit.answers(1), await other.answers(1)], [[1], [1]]);
    t.same(server.failWorker(bytesOfText('/b0'), kind), ['/b0', '/b2']);
    await until(() => hit.closed);
    t.match(await server.status(bytesOfText('/b0'), 'x'), { how: 'anew' }, 'it is back with its last options');
    t.match(await server.status(bytesOfText('/b2'), 'x'), { how: '' });
    t.same((await placed()).sort(), [
      ['/b0', '/b2'],
      ['/b1', '/b3'],
    ]);
    t.notOk(other.closed, 'clients of others stay');
    other.socket.write(Peer.lookup(2));
    t.same(await other.answers(2), [1, 2]);
    const again = new Peer(port);
    again.socket.write(Peer.setvolume(3, '/b0'));
    again.socket.write(Peer.lookup(4));
    t.same(await again.answers(2), [3, 4]);
    t.same(failed, []);
    for (const p of [other, again]) p.socket.destroy();
  });
}

t.test('workers that fail in every way, one after the other', async (t) => {
  const kinds = [
    'throw',
    'reject',
    'exit',
    'table',
    'memory',
    '+exit',
    '+throw',
    '+reject',
    '+table',
    'terminate',
    '+terminate',
  ];
  const { server, failed, port } = await served(t, 2, { heapMiB: 48, supervision: { ...RULES, soonMs: 0 } });
  for (const brick of ['/b0', '/b1']) await server.attach(task(brick));
  const fds = (): number => readdirSync('/proc/self/fd').length;
  let firstFds = 0;
  for (let n = 0; n < DEATHS; n++) {
    const kind = kinds[n % kinds.length]!;
    const brick = `/b${n % 2}`;
    const peer = new Peer(port);
    peer.socket.write(Peer.setvolume(1, brick));
    await peer.answers(1);
    if (kind === '+terminate') {
      server.failWorker(bytesOfText(brick), '+' as FaultKind);
      await delay(n % 20);
    }
    server.failWorker(bytesOfText(brick), kind.replace('+term', 'term') as FaultKind);
    await until(() => peer.closed);
    const again = new Peer(port);
    again.socket.write(Buffer.concat([Peer.setvolume(1, brick), Peer.lookup(2)]));
    await again.answers(2);
    if (again.xids.length < 2 || again.result(1) !== 0) t.fail(`${brick} is not served after failure ${n}, ${kind}`);
    again.socket.destroy();
    if (n === Math.min(kinds.length, DEATHS >> 1)) firstFds = fds();
  }
  t.same(failed, []);
  t.equal(server.state().workerFailures, DEATHS);
  // Fewer than the failures since they were first counted: none may cost a descriptor each time.
  for (let n = 0; n < 100 && fds() > firstFds + 5; n++) await delay(20);
  t.ok(fds() <= firstFds + 5, `${firstFds} descriptors, ${fds()} in the end`);
});

t.test('a handshake waits for a brick that is being brought back', async (t) => {
  const { server, port } = await served(t, 1);
  await server.attach(task('/b0'));
  server.failWorker(bytesOfText('/b0'), 'exit');
  const peers: Peer[] = [];
  // Before the failure is noticed, while it is dealt with, and after.
  for (let i = 0; i < 40; i++) {
    const peer = new Peer(port);
    peer.socket.write(Buffer.concat([Peer.setvolume(1, '/b0'), Peer.lookup(2)]));
    peers.push(peer);
    await delay(10);
  }
  for (const p of peers) await p.answers(2);
  const kept = peers.filter((p) => p.xids.length === 2 && p.result(0) === 0 && p.result(1) === 0);
  // Those that the failing worker had taken already go with it; nobody is refused.
  t.same(peers.filter((p) => !p.closed).length, kept.length);
  t.ok(kept.length >= 35, `${kept.length} of 40`);
  for (const p of peers) p.socket.destroy();
});

t.test('calls that come together with the handshake are served, in order', async (t) => {
  const { server, port } = await served(t, 1);
  await server.attach(task('/b0'));
  const calls = Array.from({ length: 200 }, (_, i) => Peer.lookup(10 + i));
  const stream = Buffer.concat([Peer.setvolume(1, '/b0'), ...calls]);
  const wanted = [1, ...calls.map((_, i) => 10 + i)];
  for (const step of [stream.length, 7, 1000, 4001]) {
    const peer = new Peer(port);
    peer.socket.setNoDelay(true);
    for (let at = 0; at < stream.length; at += step) {
      peer.socket.write(stream.subarray(at, at + step));
      if (step > 1 && at % (step * 16) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    t.same(await peer.answers(wanted.length), wanted, `in pieces of ${step}`);
    peer.socket.destroy();
  }
  const peer = new Peer(port);
  peer.socket.write(Buffer.concat([Peer.setvolume(1, '/none'), Peer.setvolume(2, '/b0'), ...calls]));
  t.same(await peer.answers(wanted.length + 1), [1, 2, ...wanted.slice(1)], 'after a refusal, too');
  t.same([peer.result(0), peer.result(1)], [-1, 0]);
  peer.socket.destroy();
});

t.test('a burst of clients that do not wait for answers', async (t) => {
  const { server, port } = await served(t, 2);
  for (let i = 0; i < 4; i++) await server.attach(task(`/b${i}`));
  const calls = Array.from({ length: 20 }, (_, i) => Peer.lookup(10 + i));
  const wanted = [1, ...calls.map((_, i) => 10 + i)];
  const peers = Array.from({ length: 300 }, (_, i) => {
    const peer = new Peer(port);
    peer.socket.write(Buffer.concat([Peer.setvolume(1, `/b${i % 4}`), ...calls]));
    return peer;
  });
  for (const p of peers) await p.answers(wanted.length);
  t.equal(
    peers.filter((p) => p.xids.join() === wanted.join() && p.records.every((_, i) => p.result(i) === 0)).length,
    300,
  );
  for (const p of peers) p.socket.destroy();
  await until(async () => (await server.stats()).flatMap((w) => w.bricks).every((b) => b.connections === 0));
});

t.test('a client that comes while its brick goes', async (t) => {
  const { server, port } = await served(t, 1);
  for (const ms of [0, 2, 10, 30]) {
    await server.attach(task('/b0'));
    const peer = new Peer(port);
    peer.socket.write(Peer.setvolume(1, '/b0', '/dir'));
    await delay(ms);
    await server.detach(bytesOfText('/b0'));
    await until(() => peer.closed || peer.xids.length > 0);
    if (peer.xids.length > 0) t.not(peer.result(0), 0, `is told no after ${ms} ms`);
    else t.pass(`is disconnected after ${ms} ms`);
    peer.socket.destroy();
  }
  const [worker] = await server.stats();
  t.same(worker?.bricks ?? [], []);
});

t.test('a brick that makes its worker fail again and again is given up, alone', async (t) => {
  const { server, failed, placed } = await served(t, 1);
  for (let i = 0; i < 7; i++) await server.attach(task(`/b${i}`));
  await server.attach(task('/bad', 'kills'));
  await until(() => failed.length > 0);
  t.equal(failed.length, 1);
  t.match(failed[0], /^\/bad: its worker has failed \d+ times in a row: Error: killed by a brick/);
  await until(async () => (await placed()).flat().filter((b) => b !== bytesOfText('/bad')).length === 7);
  for (let i = 0; i < 7; i++) t.match(await server.status(bytesOfText(`/b${i}`), 'x'), { how: '' });
  await t.rejects(server.status(bytesOfText('/bad'), 'x'), { message: 'the brick is not being served' });
  await server.detach(bytesOfText('/bad'));
  await server.attach(task('/bad'));
  t.match(await server.status(bytesOfText('/bad'), 'x'), { how: '' }, 'it can be started again');
});

t.test('a brick that makes its worker fail while it comes up', async (t) => {
  const { server, failed } = await served(t, 1);
  await server.attach(task('/b0'));
  await t.rejects(server.attach(task('/bad', 'stillborn')), {
    code: 'WORKER_FAILED_AT_START',
    brick: '/bad',
    errno: 5,
    message: /stillborn/,
  });
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: '' });
  t.same(server.bricks(), ['/b0']);
  t.same(failed, []);
});

t.test('a brick that runs without what it was asked for comes back so', async (t) => {
  const { server, failed } = await served(t, 1);
  const lacking = { volume: '/b0', option: 'how', value: 'lacking', reason: 'it is lacking', guards: false };
  await t.rejects(server.attach(task('/b0', 'lacking')), { message: 'it is lacking' }, 'a first start is refused');
  await server.attach(task('/b0'));
  t.match(await server.reconfigure(task('/b0', 'lacking')), [lacking]);
  t.match(server.state().bricks, [{ brick: '/b0', state: 'up', unapplied: [lacking] }]);
  server.failWorker(bytesOfText('/b0'), 'throw');
  await until(() => server.state().workerFailures > 0);
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: 'lacking' });
  t.match(server.state().bricks, [{ brick: '/b0', state: 'up', unapplied: [lacking] }]);
  t.match(await server.reconfigure(task('/b0', 'stubborn')), [
    { volume: '/b0', option: '', reason: 'it is stubborn', guards: false },
  ]);
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: 'lacking' }, 'it keeps what it had');
  await t.rejects(server.reconfigure({ ...task('/b0'), volfile: 'volume' }));
  t.match(server.state().bricks, [{ unapplied: [{ reason: 'it is stubborn' }, { volume: '' }] }]);
  t.same(await server.reconfigure(task('/b0', 'new')), []);
  t.match(server.state().bricks, [{ state: 'up', unapplied: [] }]);
  t.same(failed, []);
});

t.test('a brick that cannot come back is reported', async (t) => {
  const { server, failed } = await served(t, 1);
  await server.attach(task('/b0'));
  await server.attach(task('/b1'));
  await server.reconfigure(task('/b1', 'refuses'));
  server.failWorker(bytesOfText('/b0'), 'throw');
  await until(() => failed.length > 0);
  t.same(failed, ['/b1: it refuses']);
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: '' });
});

t.test('a brick that is detached while its worker is replaced', async (t) => {
  const { server, placed } = await served(t, 1);
  await server.attach(task('/b0'));
  await server.attach(task('/b1'));
  server.failWorker(bytesOfText('/b0'), 'exit');
  await server.detach(bytesOfText('/b0'));
  t.same(server.bricks(), ['/b1']);
  await server.attach(task('/b0', 'again'));
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: 'again' });
  t.match(await server.status(bytesOfText('/b1'), 'x'), { how: '' });
  for (const ms of [0, 1, 5, 30, 60, 100]) {
    server.failWorker(bytesOfText('/b0'), 'throw');
    await delay(ms);
    await server.detach(bytesOfText('/b0'));
    await server.attach(task('/b0', `after${ms}`));
    t.match(await server.status(bytesOfText('/b0'), 'x'), { how: `after${ms}` });
    t.same((await placed()).flat().sort(), ['/b0', '/b1']);
  }
  await server.detach(bytesOfText('/b0'));
  await until(async () => (await placed()).flat().length === 1);
  t.same(await placed(), [['/b1']]);
});

t.test('workers that cannot start say nothing about bricks', async (t) => {
  const { server, failed, placed } = await served(t, 1);
  await server.attach(task('/b0'));
  await server.attach(task('/b1'));
  setEnvironmentData('broken', true);
  server.failWorker(bytesOfText('/b0'), 'exit');
  await until(() => failed.length === 2);
  t.match(failed[0], /^\/b0: its worker has failed 6 times in a row: Error: broken/);
  setEnvironmentData('broken', false);
  await server.detach(bytesOfText('/b0'));
  await server.attach(task('/b0'));
  t.match(await server.status(bytesOfText('/b0'), 'x'), { how: '' });
  t.same(await placed(), [['/b0']]);
});

t.test('no worker can be had at all', async (t) => {
  const server = new Server({ workerModule: new URL('./no-such-module.js', import.meta.url).href, workers: 1 });
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => {
    clearInterval(alive);
    return server.close();
  });
  await t.rejects(server.attach(task('/b0')), {
    code: 'WORKER_FAILED_AT_START',
    brick: '/b0',
    errno: 5,
    message: /no-such-module/,
  });
});
