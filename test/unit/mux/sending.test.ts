/** Output of a connection: memory and pipes in turn, to a client that takes its time; and clients that go with a reset. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Connection, PauseReason } from '../../../mux/transport/connection.js';
import { addon } from '../../../native/addon.js';
import { AssertionError } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { region } from '../../../native/memory.js';
import { emptyPipe, PIPE_BYTES, pipeCount, trimPipes } from '../../../native/pipe.js';

const dir = mkdtempSync(join(tmpdir(), 'brickd-sending-'));
t.teardown(() => rmSync(dir, { recursive: true }));
const data = Buffer.alloc(4 << 20);
for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
writeFileSync(join(dir, 'f'), data);
const file = openSync(join(dir, 'f'), 'r');

async function pair() {
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 1);
  const [, port] = addon.sockName(listener) as [string, number];
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  let fd = addon.accept(listener);
  while (fd < 0) fd = addon.accept(listener);
  addon.closeFd(listener);
  let closed: string | null = null;
  const handler = { onRecord() {}, onClose: (why: string) => (closed = why) };
  const connection = new Connection(fd, handler, 1 << 20);
  return { socket, connection, closed: () => closed };
}

function filled(offset: number, length: number) {
  const pipe = emptyPipe()!;
  const b = batch();
  b.splice(file, offset, length, pipe.writeFd);
  t.equal(b.run(), 0);
  t.equal(b.result(0), length);
  b.release();
  return pipe;
}

t.test('pieces arrive whole and in order', async (t) => {
  trimPipes();
  const pipes = pipeCount();
  const { socket, connection } = await pair();
  socket.pause();
  const want: Buffer[] = [];
  for (let i = 0; i < 12; i++) {
    const w = connection.writer();
    w.u32(i);
    want.push(Buffer.from([0, 0, 0, i]));
    if (i % 3 === 2) {
      const r = region(100_000);
      r.bytes.fill(i, 0, 100_000);
      connection.queued(r, 100_000);
      want.push(Buffer.alloc(100_000, i));
    } else {
      const length = i % 2 === 0 ? PIPE_BYTES : 600_000;
      const offset = (i % 3) * PIPE_BYTES;
      connection.queued(filled(offset, length), length);
      want.push(data.subarray(offset, offset + length));
    }
  }
  const all = Buffer.concat(want);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.ok(connection.bytesOut < all.length, 'the client does not take all at once');
  const got: Buffer[] = [];
  let bytes = 0;
  socket.on('data', (piece: Buffer) => {
    got.push(piece);
    bytes += piece.length;
  });
  socket.resume();
  while (bytes < all.length) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(Buffer.concat(got).equals(all), true);
  t.equal(connection.bytesOut, all.length);
  trimPipes();
  t.equal(pipeCount(), pipes, 'all pipes are back');
  connection.close('');
  socket.destroy();
});

t.test('what a client does not take goes with it', async (t) => {
  trimPipes();
  const pipes = pipeCount();
  const fds = addon.ownedFds();
  const { socket, connection, closed } = await pair();
  socket.pause();
  for (let i = 0; i < 20; i++) {
    connection.writer().u32(i);
    connection.queued(filled(0, PIPE_BYTES), PIPE_BYTES);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(pipeCount() > pipes + 4, `${pipeCount()} pipes hold what waits`);
  socket.resetAndDestroy();
  while (closed() === null) await new Promise((resolve) => setTimeout(resolve, 5));
  trimPipes();
  t.equal(pipeCount(), pipes);
  t.equal(addon.ownedFds(), fds, 'no descriptor is left');
});

t.test('a reset right after data ends the connection', async (t) => {
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 1);
  t.teardown(() => addon.closeFd(listener));
  const [, port] = addon.sockName(listener) as [string, number];
  // All of it is there before anything is received: the error is seen only after the data.
  const script = `import socket, struct
s = socket.create_connection(('127.0.0.1', ${port}))
s.sendall(bytes.fromhex('8000000401020304'))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()`;
  execFileSync('python3', ['-c', script]);
  const records: number[] = [];
  const why = await new Promise<string>((resolve) => {
    const onRecord = (_r: unknown, start: number, end: number) => records.push(end - start);
    new Connection(addon.accept(listener), { onRecord, onClose: resolve }, 1 << 20);
    const tooLate = setTimeout(() => resolve('never noticed'), 5000);
    t.teardown(() => clearTimeout(tooLate));
  });
  t.same(records, [4], 'what it sent before is received');
  t.match(why, /receive failed: errno 104|^$/);
});

t.test('nothing is written to a connection that is closed', async (t) => {
  const { socket, connection } = await pair();
  connection.close('');
  t.throws(() => connection.writer(), AssertionError);
  t.throws(() => connection.queued(null, 0), AssertionError);
  socket.destroy();
});

t.test('a connection pauses for reasons that exist', async (t) => {
  const { socket, connection } = await pair();
  t.throws(() => connection.pause(64), AssertionError);
  connection.pause(PauseReason.memory);
  t.ok(connection.paused);
  connection.resume(PauseReason.memory);
  t.notOk(connection.paused);
  connection.close('');
  socket.destroy();
});
