/**
 * Attaches and detaches bricks over and over while clients connect, work and vanish at random, and watches that the process
 * grows in nothing: soak FOLDER CYCLES. Prints the lines of a scenario. One brick stays; one FUSE client works on it all the while.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Dict } from '../../../mux/xlator/dict.js';
import type { TableName } from '../../../mux/xlator/fop-table.js';
import { gfidKey, NULL_KEY, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { Disconnected, WireClient } from './client.js';
import { ManyNode, pause } from './node.js';
import { type Usage, usageOf } from './usage.js';
import { clientVolfileOf, type ManyBrick } from './volfile.js';

const [folder = '/d/soak', cyclesText = '300'] = process.argv.slice(2);
const CYCLES = Number(cyclesText);
const PORT = 49600;
const BRICKS = 24;
const CLIENTS = 12;
/** Attaches and detaches under way at the same time. */
const HANDS = 4;
/** Cycles until caches and compiled code have reached their sizes. */
const WARM_UP = Math.min(1000, Math.ceil(CYCLES / 3));
/** Time for the process to give back what it keeps for a while. */
const SETTLE_MS = Number(process.env['MANY_SETTLE_MS'] ?? (CYCLES >= 1000 ? 45_000 : 4000));

const say = (good: boolean, what: string, detail = ''): void => {
  process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
  if (!good && detail !== '') process.stdout.write(`#| ${detail}\n`);
};
const note = (text: string): void => void process.stdout.write(`# ${text}\n`);
const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
const chance = (p: number): boolean => Math.random() < p;

mkdirSync(folder, { recursive: true });
const bricks = ManyNode.makeBricks(folder, 0, BRICKS + 1);
const stays = bricks[0]!;
const program = process.env['MANY_PROGRAM'] ?? fileURLToPath(new URL('../../../brickd/main.js', import.meta.url));
/** Further arguments of Node, to look inside. */
const nodeFlags = process.env['MANY_NODE_FLAGS']?.split(' ').filter((f) => f !== '') ?? [];
const node = await ManyNode.start({ folder, program, port: PORT, nodeFlags }, stays);

const attached = new Set<ManyBrick>([stays]);
const problems: string[] = [];
let cycles = 0;
let stop = false;
let paused = false;
let working = 0;
let calls = 0;
let connections = 0;
let cutOff = 0;

function problem(text: string): void {
  if (problems.push(text) <= 10) note(`problem: ${text}`);
}

// --- bricks -----------------------------------------------------------------------------------------------------------------

async function hand(own: ManyBrick[]): Promise<void> {
  while (cycles < CYCLES && !stop) {
    while (paused) await pause(50);
    const brick = any(own);
    working++;
    try {
      await node.attach(brick);
      attached.add(brick);
      if (chance(0.7)) await pause(Math.random() * 60);
      attached.delete(brick);
      await node.detach(brick);
      cycles++;
    } catch (error) {
      problem(`cycle ${cycles}: ${(error as Error).message}`);
      if (node.ended !== null) stop = true;
    }
    working--;
  }
}

// --- clients ----------------------------------------------------------------------------------------------------------------

async function work(client: WireClient): Promise<void> {
  const gfid = randomBytes(16);
  const key = gfidKey(gfid);
  const name = `f${gfid.toString('hex')}`;
  const fop = async (op: TableName, request: Record<string, unknown>, payload?: Buffer): Promise<number> => {
    calls++;
    const rsp = await client.fop(op, request, payload);
    if (rsp.op_ret < 0 && op !== 'lk') throw new Error(`${op} failed: errno ${rsp.op_errno}`);
    return typeof rsp['fd'] === 'number' ? rsp['fd'] : Number(rsp['fd'] ?? 0);
  };
  await fop('lookup', { gfid: ROOT_KEY, pargfid: NULL_KEY, flags: 0, bname: '' });
  if (chance(0.15)) return;
  const made = { pargfid: ROOT_KEY, flags: 0o102, mode: 0o100644, umask: 0o22, bname: name };
  const fd = await fop('create', { ...made, xdata: new Dict().setGfid('gfid-req', gfid) });
  const file = { gfid: key, fd };
  const data = randomBytes(4096);
  for (let i = 0; i < 4; i++) {
    const writes = [0, 1, 2].map((k) =>
      fop('writev', { ...file, offset: (3 * i + k) * 4096, size: data.length, flag: 0 }, data),
    );
    // Some go while their calls are under way, with an open file and its lock.
    if (chance(0.08)) {
      for (const w of writes) w.catch(() => {});
      return;
    }
    await Promise.all(writes);
  }
  const flock = { type: 1, whence: 0, start: 0n, len: 10n, pid: 5, lk_owner: 'manymany' };
  await fop('lk', { ...file, cmd: 6, type: 1, flock });
  await Promise.all([0, 4096, 8192].map((offset) => fop('readv', { ...file, offset, size: 4096, flag: 0 })));
  if (chance(0.1)) return;
  await fop('fsync', { ...file, data: 0 });
  await fop('flush', file);
  const dir = await fop('opendir', { gfid: ROOT_KEY });
  await fop('readdirp', { gfid: ROOT_KEY, fd: dir, offset: 0n, size: 4096 });
  await fop('releasedir', { gfid: ROOT_KEY, fd: dir });
  await fop('release', file);
  await fop('unlink', { pargfid: ROOT_KEY, bname: name, xflags: 0 });
}

async function clientLoop(): Promise<void> {
  while (!stop) {
    while (paused && !stop) await pause(50);
    if (stop) return;
    const brick = any([...attached]);
    let client: WireClient | undefined;
    working++;
    try {
      client = await WireClient.open(PORT, brick.directory);
      connections++;
      const rounds = chance(0.5) ? 1 : 3;
      for (let i = 0; i < rounds; i++) await work(client);
    } catch (error) {
      if (error instanceof Disconnected && brick !== stays) cutOff++;
      else problem(`${brick.directory}: ${(error as Error).message}`);
    }
    client?.vanish();
    working--;
    await pause(Math.random() * 20);
  }
}

// --- a FUSE client ------------------------------------------------------------------------------------------------------------

function mountStays(): ChildProcess | null {
  const mount = `${folder}/mnt`;
  mkdirSync(mount);
  writeFileSync(`${folder}/client.vol`, clientVolfileOf(stays, PORT));
  const mounted = spawnSync('glusterfs', ['-f', `${folder}/client.vol`, '-l', `${folder}/client.log`, mount]);
  if (mounted.status !== 0) {
    say(false, 'a FUSE client mounts', String(mounted.stderr));
    return null;
  }
  const script = `cd "$1" || exit 1
    until [ -e "$2" ]; do [ -e "$2.hold" ] && { sleep 0.1; continue; }; i=$((i + 1)); f=w.$((i % 20)); echo $i > $f && [ "$(cat $f)" = $i ] && mv $f $f.x && rm $f.x || echo "round $i failed"; sleep 0.02; done; echo "rounds $i"`;
  return spawn('bash', ['-c', script, 'bash', mount, `${folder}/stop`], { stdio: ['ignore', 'pipe', 'inherit'] });
}

// --- the run ------------------------------------------------------------------------------------------------------------------

/** What the process takes when all is quiet: every brick but one detached, no wire client. */
async function quiet(): Promise<Usage> {
  paused = true;
  writeFileSync(`${folder}/stop.hold`, '');
  while (working > 0) await pause(20);
  await pause(SETTLE_MS);
  const u = usageOf(node.pid);
  note(
    `after ${cycles} cycles, quiet: RSS ${u.rssMiB.toFixed(1)} MiB, anonymous ${u.anonMiB.toFixed(1)}, ${u.threads} threads, ` +
      `${u.descriptors} descriptors (${connections} connections, ${calls} calls so far)`,
  );
  paused = false;
  rmSync(`${folder}/stop.hold`);
  return u;
}

async function reached(count: number): Promise<void> {
  while (cycles < count && !stop) await pause(20);
}

const fuse = process.env['MANY_FUSE'] === '0' ? null : mountStays();
let fuseSaid = '';
fuse?.stdout?.on('data', (chunk: Buffer) => {
  fuseSaid += chunk.toString('latin1');
});
const start = Date.now();
const first = await quiet();
const hands = Array.from({ length: HANDS }, (_, h) => hand(bricks.slice(1).filter((_b, i) => i % HANDS === h)));
const clients = Array.from({ length: CLIENTS }, clientLoop);
await reached(WARM_UP);
const warm = await quiet();
for (let at = WARM_UP; at + 2000 < CYCLES && !stop; ) {
  at += 2000;
  await reached(at);
  await quiet();
}
await Promise.all(hands);
const last = await quiet();
await pause(Number(process.env['MANY_HOLD'] ?? 0) * 1000);
stop = true;
await Promise.all(clients);
writeFileSync(`${folder}/stop`, '');
if (fuse !== null && fuse.exitCode === null) await new Promise((done) => fuse.once('close', done));
spawnSync('umount', ['-l', `${folder}/mnt`]);

const seconds = (Date.now() - start) / 1000;
note(
  `${cycles} cycles, ${connections} connections, ${calls} calls, ${cutOff} cut off by a detach, in ${seconds.toFixed(0)} s`,
);
say(node.ended === null, 'the process lives', String(node.ended));
say(cycles >= CYCLES, `${CYCLES} attach and detach cycles`, `${cycles}`);
say(problems.length === 0, 'every call was answered, and well', problems.slice(0, 5).join('; '));
if (fuse !== null) say(/^rounds \d+\n$/.test(fuseSaid), 'the FUSE client met no error', fuseSaid.slice(0, 500));
say(
  last.descriptors <= first.descriptors + 4 + (fuse === null ? 0 : 8),
  `descriptors are given back (${first.descriptors} before, ${warm.descriptors} warm, ${last.descriptors} at the end)`,
);
say(last.threads <= warm.threads + 4, `no more threads (${warm.threads} warm, ${last.threads} at the end)`);
const growth = last.rssMiB - warm.rssMiB;
// The engine's heap takes some thousand cycles to find its size: a short run only sees what leaks fast.
const allowed = CYCLES >= 3000 ? 8 : 100;
say(
  growth < allowed,
  `memory does not grow (${warm.rssMiB.toFixed(1)} MiB warm, ${last.rssMiB.toFixed(1)} at the end)`,
);
const log = readFileSync(`${folder}/node.log`, 'latin1');
const bad = log.split('\n').filter((line) => /^\[[^\]]*\] [AMCE] /.test(line));
say(bad.length === 0, 'the log has no errors', bad.slice(0, 5).join(' | ').slice(0, 1000));
await node.stop();
say(node.ended === 0 || node.ended === 15, `the process ends when told to (${node.ended})`);
process.stdout.write('# end\n');
process.exit(0);
