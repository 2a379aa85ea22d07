/**
 * Attaches many bricks to one process and tells what they cost: attach BRICKS [PROGRAM] [FOLDER]. Run in the lab, or anywhere as root.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ManyNode, pause } from './node.js';
import { idleLoad, usageOf } from './usage.js';

const [
  count = '250',
  program = fileURLToPath(new URL('../../../brickd/main.js', import.meta.url)),
  folder = '/d/many',
] = process.argv.slice(2);
const IDLE_SECONDS = Number(process.env['IDLE_SECONDS'] ?? 10);
const SETTLE_MS = Number(process.env['SETTLE_MS'] ?? 12_000);
const steps = [1, 60, 250, 1000].filter((n) => n < Number(count));
steps.push(Number(count));

mkdirSync(folder, { recursive: true });
const bricks = ManyNode.makeBricks(folder, 0, Number(count));
const nodeFlags = process.env['MANY_NODE_FLAGS']?.split(' ').filter((f) => f !== '') ?? [];
const node = await ManyNode.start({ folder, program, port: 49500, nodeFlags }, bricks[0]!);
const show = (n: number): string => n.toFixed(1);
let attached = 1;
for (const step of steps) {
  const times: number[] = [];
  const cpu = node.cpuMs();
  while (attached < step) {
    const start = process.hrtime.bigint();
    await node.attach(bricks[attached++]!);
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  const cpuEach = (node.cpuMs() - cpu) / Math.max(times.length, 1);
  times.sort((a, b) => a - b);
  const after = usageOf(node.pid);
  await pause(SETTLE_MS);
  const u = usageOf(node.pid);
  const idle = await idleLoad(node.pid, IDLE_SECONDS);
  const mean = times.reduce((a, b) => a + b, 0) / Math.max(times.length, 1);
  console.log(
    `${step} bricks: RSS ${show(u.rssMiB)} MiB (right after ${show(after.rssMiB)}), anonymous ${show(u.anonMiB)}, ` +
      `${u.threads} threads, ${u.descriptors} descriptors, attach mean ${show(mean)} p99 ${show(times[Math.floor(times.length * 0.99)] ?? 0)} ms (${cpuEach.toFixed(2)} ms CPU), ` +
      `idle CPU ${idle.cpuPercent.toFixed(2)} %, ${show(idle.wakesPerSecond)} wake-ups/s`,
  );
}
if (process.env['HOLD'] !== undefined) await pause(Number(process.env['HOLD']) * 1000);
await node.stop();
console.log(`ended: ${node.ended}`);
process.exit(0);
