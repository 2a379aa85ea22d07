/** What one client asks for or leaves lying about neither fills the server's memory nor keeps others waiting. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FOP_PROGRAM, FOP_VERSION, fopByName } from '../../mux/fops/table.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { callRecord, encodeRequest, RawClient, ROOT_KEY, USER, words } from '../support/raw-client.js';

const MOST_MIB = 250;
const SLOWEST_MS = 1000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const brick = new BrickProcess();
t.teardown(() => brick.remove());

/** Runs an attack while an honest client looks up, writes and reads, and the memory is watched. */
async function during(t: Test, attack: () => Promise<void>): Promise<void> {
  const honest = await RawClient.login(brick.port, brick.brick, { uid: 0 });
  let slowest = 0;
  let failures = 0;
  let most = 0;
  let over = false;
  const { gfid, fd } = await honest.create(ROOT_KEY, `honest-${Math.random()}`);
  /** Of a while without an attack: on a busy machine a second may be nothing. */
  let calm = 0;
  const work = (async () => {
    for (let i = 0; !over; i++) {
      const begun = performance.now();
      const data = Buffer.alloc(4096, i);
      const answers = [
        await honest.lookup(ROOT_KEY, ''),
        await honest.call('writev', { gfid, fd, offset: 0, size: 4096 }, undefined, data),
        await honest.call('readv', { gfid, fd, offset: 0, size: 4096 }),
      ];
      slowest = Math.max(slowest, (performance.now() - begun) / answers.length);
      if (answers.some((a, n) => n > 0 && a.ret !== 4096)) failures++;
      most = Math.max(most, brick.residentMib);
      await sleep(10);
    }
  })();
  await sleep(200);
  calm = slowest;
  await attack();
  over = true;
  await work;
  honest.end();
  t.equal(failures, 0, 'nothing fails for the honest client');
  t.comment(`${Math.round(slowest)} ms (${Math.round(calm)} ms before), ${Math.round(most)} MiB`);
  t.ok(slowest < Math.max(SLOWEST_MS, 5 * calm), `its slowest reply took ${Math.round(slowest)} ms`);
  t.ok(most < MOST_MIB, `${Math.round(most)} MiB at most`);
}

/** Makes a file that all may write; returns its gfid. */
async function file(name: string): Promise<string> {
  const root = await RawClient.login(brick.port, brick.brick, { uid: 0 });
  const { gfid } = await root.create(ROOT_KEY, name, 0o666);
  root.end();
  return gfid;
}

const clients = (count: number) =>
  Promise.all(Array.from({ length: count }, () => RawClient.login(brick.port, brick.brick)));

/** Connections of one client process. */
function connections(count: number, uuid: string) {
  const pairs = { 'process-uuid': uuid };
  return Promise.all(Array.from({ length: count }, () => RawClient.login(brick.port, brick.brick, USER, pairs)));
}

const callBytes = (fop: Parameters<typeof encodeRequest>[0], fields: Record<string, unknown>) =>
  callRecord(1, FOP_PROGRAM, FOP_VERSION, fopByName(fop).number, USER, encodeRequest(fop, fields));

t.setTimeout(120_000);

t.test('memory', { skip: whyNotRoot ?? false, timeout: 110_000 }, async (t) => {
  await brick.start();
  const part = Buffer.alloc(33 << 20);
  const beginning = words(0x80000000 + (64 << 20));

  await t.test('unfinished records of one client', (t) =>
    during(t, async () => {
      const all = await connections(30, 'CTX_ID:attacker');
      for (const c of all) {
        c.socket.write(beginning);
        c.socket.write(part);
      }
      await sleep(700);
      for (const c of all) c.end();
    }),
  );

  await t.test('unfinished records of many clients', (t) =>
    during(t, async () => {
      const all = await clients(30);
      for (const c of all) {
        c.socket.write(words(0x80000000 + (20 << 20)));
        c.socket.write(part.subarray(0, 19 << 20));
      }
      await sleep(700);
      t.ok(
        all.some((c) => c.closed),
        'the oldest are cut off',
      );
      for (const c of all) c.end();
    }),
  );

  await t.test('records before the handshake', (t) =>
    during(t, async () => {
      const all = await Promise.all(Array.from({ length: 250 }, () => RawClient.connect(brick.port)));
      for (const c of all) c.send(words(0x80000000 + (60 << 10)), part.subarray(0, 59 << 10));
      await sleep(300);
      t.ok(all.filter((c) => c.closed).length > 100, 'most are cut off');
      for (const c of all) c.end();
    }),
  );

  await t.test('replies that nobody takes, and reads all at once', async (t) => {
    const gfid = await file('large');
    truncateSync(join(brick.brick, 'large'), 1 << 30);
    await during(t, async () => {
      const all = await clients(4);
      const reads = Array.from({ length: 80 }, (_, i) =>
        callBytes('readv', { gfid, offset: i << 22, size: 0xffffffff }),
      );
      for (const c of all) {
        c.socket.pause();
        c.send(...reads);
      }
      await sleep(700);
      for (const c of all) c.end();
    });
  });

  await t.test('a reply of a byte that holds a large buffer', async (t) => {
    const gfid = await file('small');
    truncateSync(join(brick.brick, 'small'), 1);
    await during(t, async () => {
      const all = await clients(4);
      const read = callBytes('readv', { gfid, size: 256 << 10 });
      const reads = Array.from({ length: 3000 }, () => read);
      for (const c of all) {
        c.socket.pause();
        c.send(...reads);
      }
      await sleep(700);
      for (const c of all) c.end();
    });
  });
});
