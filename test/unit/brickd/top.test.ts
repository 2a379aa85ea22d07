/** `brickd top`: its text over made-up frames, and the program over a made-up server. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { safe } from '../../../brickd/cli/safe-text.js';
import { topLines } from '../../../brickd/cli/top/top-text.js';
import { Endpoint, startMetrics } from '../../../brickd/metrics/http/endpoint.js';
import { Frames } from '../../../brickd/metrics/live/frames.js';
import { TargetFile } from '../../../brickd/metrics/target-file.js';
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { fopByName } from '../../../mux/xlator/fop-table.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, qos, state, worker } from '../metrics/fake-stats.js';

const MAIN = fileURLToPath(new URL('../../../brickd/main.js', import.meta.url));
const LOOKUP = fopByName('lookup').number;
const look = { columns: 160, rows: Number.POSITIVE_INFINITY, sort: 'ops' as const, styled: false };

/** The second of two frames, between which brick i was asked 10 * i times. */
async function frameOf(all: BrickStats[]) {
  const frames = new Frames();
  frames.next([worker(all.map((b) => ({ ...b })))], state(all), 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  all.forEach((b, i) => {
    b.hits = b.hits.slice();
    b.hits[LOOKUP] = b.hits[LOOKUP]! + 10 * i;
    b.latencies = b.latencies.slice();
    b.latencies[5] = b.latencies[5]! + 10 * i;
  });
  return frames.next([worker(all)], state(all), 0);
}

t.test('text', async (t) => {
  const all = Array.from({ length: 250 }, (_, i) => brick(`/d/brick-${i}`, i !== 3));
  all[9]!.qos = qos(2);
  const frame = await frameOf(all);
  const seen = [{ where: 'http://x', frame, error: '' }];
  const whole = topLines(seen, look);
  t.equal(whole.filter((l) => l.startsWith('/d/brick-')).length, 250);
  const screen = topLines(seen, { ...look, columns: 100, rows: 24 });
  t.equal(screen.length, 24, 'fills a screen and no more');
  t.ok(
    screen.every((l) => l.length <= 100),
    'nor is it wider',
  );
  const bricks = screen.filter((l) => l.startsWith('/d/brick-'));
  t.match(bricks[0], /^\/d\/brick-249 /, 'the busiest brick is on top');
  t.match(screen.join('\n'), `and ${250 - bricks.length} more`);
  t.match(
    topLines(seen, { ...look, sort: 'name' }).find((l) => l.startsWith('/d/')),
    /^\/d\/brick-0 /,
  );
  t.match(
    whole.find((l) => l.startsWith('/d/brick-249 ')),
    / 1\d\d µs +2\d\d µs? | 1\d\d µs +199 µs /,
    'latencies of what lies between the frames',
  );
  t.match(
    whole.find((l) => l.startsWith('/d/brick-3 ')),
    /failed/,
  );
  t.match(
    whole.find((l) => /^vol +t0 /.test(l)),
    /ops 500\/s/,
  );
  t.match(whole.join('\n'), 'vol: limit-"x" = y: no', 'options that cannot be used');
  t.match(
    topLines([{ where: 'http://x', frame: undefined, error: 'no answer' }], look).join('\n'),
    'http://x: no answer',
  );
});

t.test('names that would steer the terminal', async (t) => {
  t.equal(safe('\x1b[2Ja\u202eb\n\x7f'), '\\x1b[2Ja\\u202eb\\x0a\\x7f');
  const lines = topLines([{ where: 'x', frame: await frameOf([brick('/d/\x1b[31m\r\n', true)]), error: '' }], look);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notMatch(lines.join(''), /[\x00-\x1f]/);
  t.match(lines.join('\n'), '/d/\\x1b[31m\\x0d\\x0a');
});

t.test('the program', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'brickd-top-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const all = [brick('/d/a', true)];
  const source = { stats: async () => [worker(all)], bricks: () => ['/d/a'].map(bytesOfText), state: () => state(all) };
  const endpoint = await startMetrics(source, '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  const url = `http://127.0.0.1:${endpoint.port}`;
  const config = join(folder, 'brickd.yaml');
  const targets = join(folder, 'targets.json');
  writeFileSync(config, `metrics: { file_sd: ${targets} }\n`);
  const env = { ...process.env, BRICKD_CONFIG: config, BRICKD_METRICS: '' };
  const run = async (...args: string[]) => {
    try {
      return { status: 0, ...(await promisify(execFile)(process.execPath, [MAIN, 'top', ...args], { env })) };
    } catch (error) {
      const e = error as { code: number; stdout: string; stderr: string };
      return { status: e.code, stdout: e.stdout, stderr: e.stderr };
    }
  };
  const given = await run('--once', '--url', url);
  t.equal(given.status, 0, given.stderr);
  t.match(given.stdout, /^\/d\/a +vol +up /m);
  const nothing = await run('--once');
  t.equal(nothing.status, 1);
  t.match(nothing.stderr, 'BRICKD_METRICS');
  const file = new TargetFile(targets);
  await file.add([`127.0.0.1:${endpoint.port}`], {});
  const found = await run('--once');
  t.match(found.stdout, /^\/d\/a +vol +up /m, 'it finds processes by the file of targets');
  await file.remove();
  const gone = await run('--once', '--url', 'http://127.0.0.1:1');
  t.equal(gone.status, 1);
  t.match(gone.stdout, 'ECONNREFUSED');
  t.equal((await run('--url', 'nonsense')).status, 64);
  const socket = join(folder, 'm.sock');
  const local = new Endpoint(source);
  await local.listen({ kind: 'unix', path: socket });
  t.teardown(() => local.close());
  t.match((await run('--once', '--url', `unix:${socket}`)).stdout, /^\/d\/a +vol +up /m, 'by a unix socket');
  const live = spawn(process.execPath, [MAIN, 'top', '--url', url], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of live.stdout) {
    text += chunk;
    if ((text.match(/^\/d\/a /gm) ?? []).length >= 2) break;
  }
  t.pass('without a terminal it prints again and again');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notMatch(text, /\x1b/);
});
