/**
 * Attaches bricks to one process and checks what they cost at rest against the limits: limits BRICKS FOLDER. Prints the lines
 * of a scenario.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ManyNode, pause } from './node.js';
import { idleLoad, usageOf } from './usage.js';

const [countText = '120', folder = '/d/rest'] = process.argv.slice(2);
const COUNT = Number(countText);
/** Resident memory of one brick's process, and what each further brick may add: 250 take less than 130 MiB, 1000 less than 250. */
const FIRST_MIB = 90;
const BRICK_MIB = 0.16;
const MAX_THREADS = 40;
const DESCRIPTORS_FIRST = 60;
const DESCRIPTORS_PER_BRICK = 8;
/** A brick alone wakes for its health check; all others' fall in between. */
const WAKES_PER_BRICK = 0.6;
const WAKES_FIRST = 60;
/** The workers tidy up after ten to twenty seconds of rest. */
const SETTLE_MS = 22_000;
const IDLE_SECONDS = 5;

const say = (good: boolean, what: string): void => void process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);
const show = (n: number): string => n.toFixed(1);

mkdirSync(folder, { recursive: true });
const bricks = ManyNode.makeBricks(folder, 0, COUNT);
const program = process.env['MANY_PROGRAM'] ?? fileURLToPath(new URL('../../../brickd/main.js', import.meta.url));
const node = await ManyNode.start({ folder, program, port: 49700 }, bricks[0]!);
const started = usageOf(node.pid);
const cpuBefore = node.cpuMs();
const start = performance.now();
for (const brick of bricks.slice(1)) await node.attach(brick);
const each = (performance.now() - start) / (COUNT - 1);
const cpu = (node.cpuMs() - cpuBefore) / (COUNT - 1);
await pause(SETTLE_MS);
const u = usageOf(node.pid);
const idle = await idleLoad(node.pid, IDLE_SECONDS);
process.stdout.write(
  `# attached in ${show(each)} ms each, ${show(cpu)} ms of processor time; at first ${show(started.rssMiB)} MiB\n`,
);
const memory = FIRST_MIB + BRICK_MIB * COUNT;
say(u.rssMiB < memory, `${COUNT} bricks take less than ${show(memory)} MiB (${show(u.rssMiB)})`);
say(u.threads <= MAX_THREADS, `no more than ${MAX_THREADS} threads (${u.threads})`);
const descriptors = DESCRIPTORS_FIRST + DESCRIPTORS_PER_BRICK * COUNT;
say(u.descriptors < descriptors, `less than ${descriptors} descriptors (${u.descriptors})`);
say(idle.cpuPercent < 5, `idle, they use next to no processor time (${show(idle.cpuPercent)} %)`);
const wakes = WAKES_FIRST + WAKES_PER_BRICK * COUNT;
say(
  idle.wakesPerSecond < wakes,
  `and wake it less than ${wakes.toFixed(0)} times a second (${show(idle.wakesPerSecond)})`,
);
say(node.ended === null, 'the process lives');
await node.stop();
process.exit(0);
