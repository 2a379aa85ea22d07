/** What one client asks for or leaves lying about neither fills the server's memory nor keeps others waiting. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FOP_PROGRAM, FOP_VERSION, fopByName } from '../../mux/xlator/fop-table.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { callRecord, dictOf, encodeRequest, RawClient, ROOT_KEY, USER, words } from '../support/raw-client.js';
import { until } from '../support/until.js';

/** Without bounds each of these takes a GiB and more. */
const MOST_MIB = 320;
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
      await until(() => all.some((c) => c.closed));
      t.ok(
        all.some((c) => c.closed),
        'the oldest are cut off',
      );
      for (const c of all) c.end();
    }),
  );

  await t.test('records before the handshake', (t) =>
    during(t, async () => {
      const all = await Promise.all(Array.from({ length: 400 }, () => RawClient.connect(brick.port)));
      for (const c of all) c.send(words(0x80000000 + (60 << 10)), part.subarray(0, 59 << 10));
      const closed = () => all.filter((c) => c.closed).length;
      await until(() => closed() > 100).catch(() => {});
      t.ok(closed() > 100, 'most are cut off');
      for (const c of all) c.end();
    }),
  );

  await t.test('replies that nobody takes, and reads all at once', async (t) => {
    const gfid = await file('large');
    truncateSync(join(brick.brick, 'large'), 1 << 30);
    await during(t, async () => {
      const all = await clients(2);
      const reads = Array.from({ length: 80 }, (_, i) => callBytes('readv', { gfid, offset: i << 22, size: 8 << 20 }));
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
      const all = await clients(2);
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

  await t.test('content of many files in one reply', async (t) => {
    const root = await RawClient.login(brick.port, brick.brick, { uid: 0 });
    const dir = await root.mkdir(ROOT_KEY, 'contents');
    for (let i = 0; i < 100; i++) {
      await root.create(dir, `f${i}`);
      truncateSync(join(brick.brick, 'contents', `f${i}`), 4 << 20);
    }
    root.end();
    await during(t, async () => {
      const all = await clients(2);
      const xdata = dictOf({ 'glusterfs.content': 4 << 20 });
      const asked = Array.from({ length: 20 }, (_, i) =>
        all[i % 2]!.call('readdirp', { gfid: dir, offset: 0n, size: 131072, xdata }),
      );
      for (const answer of await Promise.all(asked)) t.ok(answer.ret > 0);
      for (const c of all) c.end();
    });
  });

  await t.test('thousands of patterns, and checksums of large ranges', async (t) => {
    const gfid = await file('checked');
    truncateSync(join(brick.brick, 'checked'), 256 << 20);
    await during(t, async () => {
      const all = await clients(2);
      const patterns: Record<string, string> = {};
      for (let i = 0; i < 9000; i++) patterns[`user.*${i}`] = '';
      const xdata = dictOf(patterns);
      const stats = Array.from({ length: 10 }, () => all[0]!.call('stat', { gfid: ROOT_KEY, xdata }));
      for (const answer of await Promise.all(stats)) t.equal(answer.errno, 7);
      for (let i = 0; i < 64; i++) all[1]!.call('rchecksum', { gfid, offset: 0, len: 256 << 20 }).catch(() => {});
      await sleep(700);
      for (const c of all) c.end();
    });
  });
});
