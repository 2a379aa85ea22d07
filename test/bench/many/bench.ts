/** The bench of many bricks, inside the throw-away host: for each number of bricks, each program in turn. */
import { mkdirSync } from 'node:fs';
import { readLoad } from './load.js';
import { ManyNode, pause } from './node.js';
import { idleLoad, type Usage, usageOf } from './usage.js';

export interface MuxOptions {
  /** Numbers of bricks, "1,60,250,1000". */
  bricks: string;
  /** Largest number of bricks that the second program is asked to carry. */
  most: string;
  seconds: string;
  /** Seconds of rest before anything is measured. */
  settle: string;
  a: string;
  b: string;
}

const ACTIVE = 8;
const PORT = 49800;

interface Row extends Usage {
  attachMs: number;
  attachCpuMs: number;
  idlePercent: number;
  perSecond: number;
  cpuUs: number;
  p99Us: number;
}

const options = JSON.parse(process.argv[2]!) as MuxOptions;
const seconds = Number(options.seconds);
let nodes = 0;

/** Bricks of equal distance among all. */
function spread<T>(all: T[], count: number): T[] {
  const step = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, i) => i % step === 0).slice(0, count);
}

async function measure(program: string, count: number): Promise<Row> {
  const folder = `/d/mux${nodes++}`;
  mkdirSync(folder);
  const bricks = ManyNode.makeBricks(folder, 0, count);
  const node = await ManyNode.start({ folder, program, port: PORT + nodes }, bricks[0]!);
  const cpuBefore = node.cpuMs();
  const before = performance.now();
  for (const brick of bricks.slice(1)) await node.attach(brick);
  const others = Math.max(count - 1, 1);
  const attachMs = (performance.now() - before) / others;
  const attachCpuMs = (node.cpuMs() - cpuBefore) / others;
  await pause(Number(options.settle) * 1000);
  const usage = usageOf(node.pid);
  const idle = await idleLoad(node.pid, Math.max(seconds, 4));
  const cpu = node.cpuMs();
  const load = await readLoad(PORT + nodes, spread(bricks, ACTIVE), seconds);
  // The preparation is in it for both sides alike; the reads outweigh it by far.
  const cpuUs = ((node.cpuMs() - cpu) * 1000) / load.operations;
  await node.stop();
  const { operations, p99Us } = load;
  return {
    ...usage,
    attachMs,
    attachCpuMs,
    idlePercent: idle.cpuPercent,
    perSecond: operations / seconds,
    cpuUs,
    p99Us,
  };
}

const rounded = (n: number): string => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2));
const COLUMNS: [title: string, width: number, value: (row: Row) => number][] = [
  ['RSS MiB', 15, (r) => r.rssMiB],
  ['threads', 13, (r) => r.threads],
  ['descriptors', 16, (r) => r.descriptors],
  ['attach ms', 15, (r) => r.attachMs],
  ['its CPU ms', 15, (r) => r.attachCpuMs],
  ['idle CPU %', 14, (r) => r.idlePercent],
  [`reads/s on ${ACTIVE}`, 17, (r) => r.perSecond],
  ['CPU µs/read', 14, (r) => r.cpuUs],
  ['p99 µs', 15, (r) => r.p99Us],
];

const sides = [options.a, options.b];
const names = sides.map((p) => (p === 'stock' ? 'stock' : 'brickd'));
const lines = [
  `${names.join(' / ')}, bricks attached directly; ${ACTIVE} of them read by one client each, 4 KiB, 4 under way`,
  `${'bricks'.padEnd(8)}${COLUMNS.map(([title, width]) => title.padStart(width)).join('')}`,
];
for (const count of options.bricks.split(',').map(Number)) {
  const rows: (Row | null)[] = [];
  for (const [i, program] of sides.entries()) {
    const asked = i === 0 || count <= Number(options.most);
    const row = asked
      ? await measure(program, count).catch((error: unknown) => {
          process.stderr.write(`${names[i]}, ${count} bricks: ${String(error)}\n`);
          return null;
        })
      : null;
    rows.push(row);
    process.stderr.write(`${names[i]}, ${count} bricks: ${row === null ? 'nothing' : 'measured'}\n`);
  }
  const cell = (value: (row: Row) => number): string =>
    rows.map((r) => (r === null ? '-' : rounded(value(r)))).join(' / ');
  lines.push(`${String(count).padEnd(8)}${COLUMNS.map(([, width, value]) => cell(value).padStart(width)).join('')}`);
}
process.stdout.write(`${lines.join('\n')}\n`);
process.exit(0);
