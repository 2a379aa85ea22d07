import t from 'tap';
import { Backoff } from '../../../brickd/glusterd/backoff.js';
import { Management, VolfileRefused } from '../../../brickd/glusterd/management.js';
import { parsePortList } from '../../../brickd/glusterd/source-port.js';
import { callRecord } from '../../../brickd/rpc/rpc-records.js';
import { setLogSink } from '../../../mux/base/log.js';
import { bytesOfText, NO_BYTES } from '../../../native/bytes.js';
import { FakeGlusterd } from './fake-glusterd.js';

setLogSink({ wants: () => false, write: () => {} });

async function started(t: { teardown(f: () => void): void }) {
  const glusterd = new FakeGlusterd();
  await glusterd.listen();
  const events: string[] = [];
  let wake: () => void = () => {};
  const happened = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const management = new Management(
    { host: '127.0.0.1', port: glusterd.port, transport: 'socket', family: 0, tls: false },
    {
      volfilesChanged: () => {
        events.push('changed');
        wake();
      },
      reconnected: () => {
        events.push('reconnected');
        wake();
      },
    },
  );
  t.teardown(() => {
    management.close();
    glusterd.close();
  });
  return { glusterd, management, events, happened };
}

t.test('fetch, sign in, sign out', async (t) => {
  const { glusterd, management } = await started(t);
  await management.open();
  glusterd.volfiles.set('v.h.d', 'volume x\nend-volume');
  t.equal(await management.fetchVolfile('v.h.d', bytesOfText('/d/b'), 3), 'volume x\nend-volume');
  t.equal(await management.signIn(bytesOfText('/d/b'), 4711), true);
  glusterd.signInResult = -1;
  t.equal(await management.signIn(bytesOfText('/d/c'), 4711), false);
  await management.signOut(bytesOfText('/d/b'), 4711, 0);
  t.same(glusterd.asked, [
    'getspec v.h.d /d/b 110000',
    'signin /d/b 4711 true',
    'signin /d/c 4711 true',
    'signout /d/b 4711',
  ]);
});

t.test('a refusal is final and keeps its errno', async (t) => {
  const { glusterd, management } = await started(t);
  await management.open();
  glusterd.volfiles.set('v', 95);
  const error = await management.fetchVolfile('v', NO_BYTES, 5).then(
    () => undefined,
    (e: unknown) => e,
  );
  t.ok(error instanceof VolfileRefused);
  t.match(error, { errno: 95 });
  t.equal(glusterd.asked.length, 1);
});

t.test('a connection lost before the answer: reconnect, ask again', async (t) => {
  const { glusterd, management, events } = await started(t);
  await management.open();
  glusterd.volfiles.set('v', 'drop');
  t.equal(await management.fetchVolfile('v', NO_BYTES, 8), 'volume x\nend-volume');
  t.same(events, ['reconnected']);
});

t.test('a volfile that is not whole is asked for again', async (t) => {
  const { glusterd, management } = await started(t);
  await management.open();
  for (const [text, message] of [
    ['', 'the volfile is empty'],
    ['volume x\nend-volume\nvolume y\n', 'the volfile is cut off'],
  ] as const) {
    glusterd.volfiles.set('v', text);
    await t.rejects(management.fetchVolfile('v', NO_BYTES, 2), { message });
    setTimeout(() => glusterd.volfiles.set('v', 'volume x\nend-volume\n'), 50);
    t.equal(await management.fetchVolfile('v', NO_BYTES, 8), 'volume x\nend-volume\n');
  }
  glusterd.volfiles.set('v', 'volume x\nend-volume\n# by a filter\n\n');
  t.match(await management.fetchVolfile('v', NO_BYTES, 1), /by a filter/);
});

t.test('FETCHSPEC is heard and not answered, other callbacks are ignored', async (t) => {
  const { glusterd, management, events, happened } = await started(t);
  await management.open();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const [socket] = glusterd.sockets;
  let bytes = 0;
  socket!.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const heard = happened();
  socket!.write(callRecord(1, { program: 52743234, version: 1, procedure: 3 }, () => {}));
  socket!.write(callRecord(2, { program: 52743234, version: 1, procedure: 1 }, () => {}));
  await heard;
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.same(events, ['changed']);
  t.equal(bytes, 0);
});

t.test('garbage from glusterd closes the connection, which comes back', async (t) => {
  const { glusterd, management, events, happened } = await started(t);
  await management.open();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const back = happened();
  for (const socket of glusterd.sockets) socket.write(Buffer.alloc(64, 0x7f));
  await back;
  t.same(events, ['reconnected']);
  t.equal(management.connected, true);
});

t.test('nobody listens: an error after a few tries', async (t) => {
  const { glusterd, management } = await started(t);
  glusterd.close();
  const began = Date.now();
  await t.rejects(management.open(), { code: 'ECONNREFUSED' } as never);
  t.ok(Date.now() - began < 5000);
});

t.test('backoff grows, stays in bounds, starts again', async (t) => {
  const backoff = new Backoff(100, 400);
  const bounds = [100, 200, 400, 400];
  for (const most of bounds) {
    const ms = backoff.next();
    t.ok(ms >= most / 2 && ms <= most, `${ms} of ${most}`);
  }
  backoff.reset();
  t.ok(backoff.next() <= 100);
});

t.test('lists of reserved ports', async (t) => {
  t.same([...parsePortList('1000-1002,1010\n')], [1000, 1001, 1002, 1010]);
  t.same([...parsePortList('\n')], []);
});
