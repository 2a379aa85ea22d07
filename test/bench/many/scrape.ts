/**
 * What a scrape of a process with many bricks costs, and whether anybody notices it: scrape BRICKS FOLDER. Every brick has clients
 * that have called fops of several kinds; fops go on while it is scraped. Prints the lines of a scenario.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Dict } from '../../../mux/xlator/dict.js';
import { gfidKey, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { WireClient } from './client.js';
import { ManyNode, pause } from './node.js';

const [countText = '250', folder = '/d/scrape'] = process.argv.slice(2);
const COUNT = Number(countText);
const PORT = 49710;
const METRICS = '127.0.0.1:9791';
const SCRAPES = 15;
const CLIENTS_PER_BRICK = 2;
/** What a scrape may take, and how long it may hold up a worker. */
const SCRAPE_MS = 150;
const PAUSE_MS = COUNT > 100 ? 50 : 30;

const say = (good: boolean, what: string): void => void process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
const show = (n: number): string => n.toFixed(1);
const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;

/** Reads the metrics with a program of its own, so that nothing of it is measured here. Returns the milliseconds and the text. */
function scrape(): Promise<{ ms: number; text: string }> {
  return new Promise((resolve, reject) => {
    const args = ['-sS', '--max-time', '10', '-w', '\n%{time_total}', `http://${METRICS}/metrics`];
    execFile('curl', args, { maxBuffer: 1 << 28 }, (error, out) => {
      if (error !== null) reject(error);
      else resolve({ ms: Number(out.slice(out.lastIndexOf('\n') + 1)) * 1000, text: out });
    });
  });
}

/** Some fops of many kinds, those that a mount does at least. */
async function use(brick: string): Promise<void> {
  for (let i = 0; i < CLIENTS_PER_BRICK; i++) {
    const client = await WireClient.open(PORT, brick);
    const gfid = randomBytes(16);
    const key = gfidKey(gfid);
    const name = gfid.toString('hex');
    const of = { pargfid: ROOT_KEY, flags: 0o102, mode: 0o100644, umask: 0o22, bname: name };
    const made = await client.fop('create', { ...of, xdata: new Dict().setGfid('gfid-req', gfid) });
    const fd = Number(made['fd']);
    await client.fop('writev', { gfid: key, fd, offset: 0, size: 4096, flag: 0 }, randomBytes(4096));
    await client.fop('readv', { gfid: key, fd, offset: 0, size: 4096, flag: 0 });
    await client.fop('fstat', { gfid: key, fd });
    await client.fop('flush', { gfid: key, fd });
    await client.fop('stat', { gfid: key });
    await client.fop('statfs', { gfid: ROOT_KEY });
    await client.fop('lookup', { gfid: key, pargfid: ROOT_KEY, flags: 0, bname: 'nothing' });
  }
}

mkdirSync(folder, { recursive: true });
const bricks = ManyNode.makeBricks(folder, 0, COUNT);
const program = process.env['MANY_PROGRAM'] ?? fileURLToPath(new URL('../../../brickd/main.js', import.meta.url));
const env = { BRICKD_METRICS: METRICS, BRICKD_CONFIG: '/dev/null' };
const node = await ManyNode.start({ folder, program, port: PORT, env }, bricks[0]!);
for (const brick of bricks.slice(1)) await node.attach(brick);
for (const brick of bricks) await use(brick.directory);

// A fop at a time on some bricks, which meet every worker: the longest wait tells of pauses.
const probes = await Promise.all(bricks.slice(0, 8).map((b) => WireClient.open(PORT, b.directory)));
let waits: number[] = [];
let going = true;
const probing = probes.map(async (client) => {
  while (going) {
    const start = performance.now();
    await client.fop('stat', { gfid: ROOT_KEY });
    waits.push(performance.now() - start);
    await pause(1);
  }
});
await scrape();
await pause(1000);
waits = [];
await pause(2000);
const quiet = Math.max(...waits);
waits = [];
const times: number[] = [];
const pauses: number[] = [];
let text = '';
for (let i = 0; i < SCRAPES; i++) {
  const before = waits.length;
  const answer = await scrape();
  times.push(answer.ms);
  pauses.push(Math.max(0, ...waits.slice(before)));
  text = answer.text;
  await pause(100);
}
going = false;
await Promise.all(probing);
const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
const series = text.split('\n').filter((l) => l !== '' && !l.startsWith('#')).length;
process.stdout.write(
  `# ${COUNT} bricks, ${series} series, ${show(text.length / 1024)} KiB; scrapes ${times.map(show).join(' ')} ms\n` +
    `# fops waited at most ${show(quiet)} ms without scrapes, ${pauses.map(show).join(' ')} ms during them; ` +
    `gathering held a worker up for ${show(value('brickd_gather_longest_pause_seconds') * 1000)} ms, took ${show(value('brickd_gather_seconds') * 1000)} ms\n`,
);
say(text.includes(`brick_path="${bricks.at(-1)!.directory}"`), 'all bricks are there');
say(median(times) < SCRAPE_MS, `a scrape takes less than ${SCRAPE_MS} ms (${show(median(times))})`);
say(median(pauses) < PAUSE_MS, `and holds no fop up for ${PAUSE_MS} ms (${show(median(pauses))})`);
for (const client of probes) client.vanish();
await node.stop();
process.exit(0);
