import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type BrickLife, BrickOpHandler } from '../../../brickd/glusterd/brick-ops.js';
import { BrickOpsServer } from '../../../brickd/glusterd/brick-ops-server.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import { BrickError } from '../../../mux/base/brick-error.js';
import { setLogSink } from '../../../mux/base/log.js';
import { dumpReq, dumpRsp, pingRsp } from '../../../mux/wire/programs/dump.js';
import { brickOpReq, brickOpRsp } from '../../../mux/wire/programs/mgmt.js';
import { struct } from '../../../mux/wire/schema.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { type ByteString, bytesOfText, latin1OfBytes } from '../../../native/bytes.js';
import { FakeServer } from './fake-server.js';

setLogSink({ wants: () => false, write: () => {} });

const BRICK = '/d/b1';
const NOTHING = struct('nothing', {});
const TIMEOUT = 2000;
const OPS = { program: 4867634, version: 2 };

class Life implements BrickLife {
  server: FakeServer | null = new FakeServer();
  firstBrick = bytesOfText(BRICK);
  log: string[] = [];
  stuck = false;
  async terminate(brick: ByteString, graceful: boolean): Promise<'gone' | 'absent'> {
    this.log.push(`terminate ${brick} ${graceful}`);
    if (this.stuck) throw new Error('stuck');
    return latin1OfBytes(brick) === BRICK ? 'gone' : 'absent';
  }
  async attachFile(path: ByteString): Promise<void> {
    this.log.push(`attach ${path}`);
    if (latin1OfBytes(path).endsWith('bad.vol'))
      throw new BrickError('BRICK_NOT_STARTED', bytesOfText('/d/bad'), { message: 'no such directory' });
  }
  async dumpMetrics(): Promise<string> {
    return '## metrics';
  }
}

async function started(t: { teardown(f: () => void): void }) {
  const life = new Life();
  await life.server?.attach({ brick: bytesOfText(BRICK), volfileId: 'v', volfile: '', overrides: [] });
  const path = join(mkdtempSync(join(tmpdir(), 'brickd-ops-')), 's');
  const server = new BrickOpsServer(new BrickOpHandler(life));
  await server.listen(path);
  const socket = connect({ path });
  const rpc = new RpcSocket(
    socket,
    () => {},
    () => {},
  );
  t.teardown(() => {
    socket.destroy();
    server.close();
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  const op = (
    procedure: number,
    name: string,
    input: Record<string, string | number> = {},
    dict: Dict | null = null,
  ) => {
    const pairs = new Dict();
    for (const [key, value] of Object.entries(input)) {
      if (typeof value === 'number') pairs.setInt(key, value);
      else pairs.setText(key, value);
    }
    const request = { name, op: procedure, input: pairs, dict };
    return rpc.call({ ...OPS, procedure }, brickOpReq, request, brickOpRsp, TIMEOUT);
  };
  return { life, path, rpc, op };
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

t.test('STATUS answers a dictionary for each kind', async (t) => {
  const { op, life } = await started(t);
  for (const [cmd, kind] of [
    [1, 'mem'],
    [2, 'clients'],
    [4, 'inode'],
    [8, 'fd'],
    [0x10, 'callpool'],
    [0x80, 'client-list'],
  ] as const) {
    const answer = await op(4, '', { cmd: cmd | 0x100, 'brick-name': BRICK });
    t.match(answer, { op_ret: 0, op_errno: 0, op_errstr: '' });
    t.equal(answer.output?.text('client0.bytesread'), '12345678901');
    t.equal(life.server?.calls.at(-1), `status ${BRICK} ${kind}`);
  }
  const unknown = await op(4, '', { cmd: 0x40, 'brick-name': BRICK });
  t.match(unknown, { op_ret: -1, op_errstr: 'Unknown status op' });
  t.ok(unknown.output, 'glusterd wants a dictionary even then');
  await t.rejects(op(4, '', { cmd: 1, 'brick-name': '/d/other' }), { message: /accept status 5/ });
  await t.rejects(op(4, '', { cmd: 1 }), { message: /accept status 5/ });
});

t.test('TERMINATE ends bricks that are served, and answers well for others', async (t) => {
  const { op, life } = await started(t);
  t.match(await op(1, BRICK), { op_ret: 0, op_errno: 0 });
  t.match(await op(1, BRICK, {}, new Dict().setText('cluster.brick-graceful-cleanup', 'on')), { op_ret: 0 });
  t.match(await op(1, '/d/unknown'), { op_ret: 0 });
  life.stuck = true;
  t.match(await op(1, BRICK), { op_ret: -1, op_errstr: 'stuck' }, 'a brick that stays is not reported as gone');
  t.same(
    life.log,
    ['/d/b1 false', '/d/b1 true', '/d/unknown false', '/d/b1 false'].map((text) => `terminate ${text}`),
  );
});

t.test('ATTACH, BARRIER, XLATOR_INFO and DUMP_METRICS', async (t) => {
  const { op, life } = await started(t);
  t.match(await op(12, '/vols/x/x.h.d-b2.vol'), { op_ret: 0, op_errstr: '' });
  t.match(await op(12, '/vols/bad.vol'), { op_ret: -1, op_errstr: 'no such directory' });
  t.match(await op(10, BRICK, { barrier: 'enable' }), { op_ret: 0 });
  t.equal(life.server?.calls.at(-1), `barrier ${BRICK} true`);
  life.server?.errors.set('barrier', new BrickError('BARRIER_REFUSED', bytesOfText(BRICK), { message: 'no' }));
  t.match(await op(10, BRICK, { barrier: 'disable' }), { op_ret: -1, op_errstr: 'Failed to reconfigure barrier.' });
  await t.rejects(op(10, '/d/other', { barrier: 'enable' }), { message: /accept status 5/ });
  await t.rejects(op(10, BRICK), { message: /accept status 5/ });
  const info = await op(2, BRICK, { 'info-op': 1, peek: 'on' });
  t.equal(info.output?.number('info-op'), 1);
  t.equal(life.server?.calls.at(-1), `profile ${BRICK} info-op,1;peek,on`);
  t.match(await op(2, '/d/other'), { op_ret: -1, op_errstr: 'xlator /d/other is not loaded' });
  t.match(await op(13, ''), { op_ret: 0, op_errstr: '## metrics' });
});

t.test('what a brick does not serve gets the right error', async (t) => {
  const { op, rpc } = await started(t);
  t.match(await op(8, BRICK), { op_ret: -1 });
  await t.rejects(op(0, BRICK), { message: /accept status 5/ });
  await t.rejects(op(5, BRICK), { message: /accept status 3/ });
  await t.rejects(op(16, BRICK), { message: /accept status 3/ });
  const nothing = (program: number, version: number, procedure: number) =>
    rpc.call({ program, version, procedure }, NOTHING, {}, NOTHING, TIMEOUT);
  await t.rejects(nothing(4867634, 1, 4), { message: /accept status 2/ });
  await t.rejects(nothing(99, 1, 1), { message: /accept status 1/ });
  await t.rejects(nothing(4867634, 2, 4), { message: /accept status 4/ }, 'undecodable arguments');
  await t.rejects(nothing(123451501, 1, 9), { message: /accept status 3/ });
});

t.test('DUMP and PING', async (t) => {
  const { rpc } = await started(t);
  const to = { program: 123451501, version: 1, procedure: 1 };
  const answer = await rpc.call(to, dumpReq, { gfs_id: 7n }, dumpRsp, TIMEOUT);
  t.match(answer, { gfs_id: 7n, op_ret: 0 });
  t.same(
    answer.prog.map((p) => [p.progname, p.prognum, p.progver]),
    [
      ['GF-DUMP', 123451501, 1],
      ['Gluster Brick operations', 4867634, 2],
    ],
  );
  t.match(await rpc.call({ ...to, procedure: 2 }, NOTHING, {}, pingRsp, TIMEOUT), { op_ret: 0, op_errno: 0 });
});

t.test('garbage closes its own connection only', async (t) => {
  const { path, op } = await started(t);
  const garbage = [
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 1]),
    Buffer.from([0x80, 0, 0, 2, 1, 2]),
    Buffer.concat([Buffer.from([0x80, 0, 0, 40]), Buffer.alloc(40, 0x55)]),
    Buffer.alloc(4096, 0xa5),
  ];
  for (const bytes of garbage) {
    const socket = connect({ path });
    socket.on('error', () => {});
    socket.write(bytes);
    await closed(socket);
  }
  t.match(await op(13, ''), { op_ret: 0 });
});

t.test('a record in many fragments and pieces is one record', async (t) => {
  const { path } = await started(t);
  const call = [7, 0, 2, 123451501, 1, 2, 0, 0, 0, 0];
  const body = Buffer.alloc(call.length * 4);
  call.forEach((word, i) => void body.writeUInt32BE(word, i * 4));
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += 10) {
    const mark = Buffer.alloc(4);
    mark.writeUInt32BE((at + 10 >= body.length ? 0x80000000 : 0) + 10);
    pieces.push(mark, body.subarray(at, at + 10));
  }
  const socket = connect({ path });
  for (const byte of Buffer.concat(pieces)) socket.write(Buffer.from([byte]));
  const reply = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  t.equal(reply.readUInt32BE(4), 7);
  t.equal(reply.readUInt32BE(24), 0, 'accepted and successful');
  socket.destroy();
});

t.test('a socket path: a stale one is replaced, a live one and a file are left alone', async (t) => {
  const { life, path } = await started(t);
  await t.rejects(new BrickOpsServer(new BrickOpHandler(life)).listen(path), { code: 'EADDRINUSE' });
  const file = join(mkdtempSync(join(tmpdir(), 'brickd-ops-')), 'file');
  writeFileSync(file, 'x');
  const other = createServer();
  const second = new BrickOpsServer(new BrickOpHandler(life));
  t.teardown(() => {
    other.close();
    second.close();
  });
  await second.listen(file);
  t.pass('a path that nobody answers on is taken over');
});
