/**
 * Has workers of a brick process fail, one after the other, under I/O on all its bricks, and prints what clients notice of it:
 * worker-faults PID FAULT-DIRECTORY ROUNDS BRICK=MOUNT...
 * Each mount is a client of the one brick. I/O goes on through the same open file all the time.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const KINDS = ['throw', 'reject', 'exit'];
const [pid, faults, rounds, ...pairs] = process.argv.slice(2) as [string, string, string, ...string[]];
const PAUSE_LIMIT_MS = 100;
/** Length of the windows in which pauses are looked for. */
const QUIET_MS = 1500;
/** From one failure to the next, at least. */
const ROUND_MS = 6000;
/** Clients try to connect again after three seconds. */
const BACK_LIMIT_MS = 30_000;

class Mount {
  readonly brick: string;
  readonly directory: string;
  file!: FileHandle;
  /** Rounds of operations that went well since the last error. */
  since = 0;
  errors: string[] = [];
  /** Worst duration of an operation since it was last asked for, ms. */
  worst = 0;
  stopped = false;
  /** When the operations under way began; 0: none are. */
  #begun = 0;
  ended: Promise<void> = Promise.resolve();

  constructor(pair: string) {
    const at = pair.indexOf('=');
    this.brick = pair.slice(0, at);
    this.directory = pair.slice(at + 1);
  }

  async start(): Promise<void> {
    this.file = await open(join(this.directory, 'steady'), 'w+');
    this.ended = this.#run();
  }

  /** The operation under way counts with the time that it has taken so far. */
  takeWorst(): number {
    const worst = Math.max(this.worst, this.#begun === 0 ? 0 : performance.now() - this.#begun);
    this.worst = 0;
    return worst;
  }

  async #run(): Promise<void> {
    const data = Buffer.alloc(4096);
    const back = Buffer.alloc(4096);
    for (let i = 0; !this.stopped; i++) {
      data.fill(i & 0xff);
      const at = (i % 64) * 4096;
      this.#begun = performance.now();
      try {
        await this.file.write(data, 0, 4096, at);
        await this.file.read(back, 0, 4096, at);
        if (!back.equals(data)) this.errors.push('read back something else');
        await stat(this.directory);
        this.since++;
      } catch (error) {
        this.errors.push((error as NodeJS.ErrnoException).code ?? String(error));
        this.since = 0;
        await delay(20);
      }
      this.worst = Math.max(this.worst, performance.now() - this.#begun);
      this.#begun = 0;
      await delay(4);
    }
  }
}

const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]);
const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length;
const threads = (): number => readdirSync(`/proc/${pid}/task`).length;
const say = (good: boolean, what: string): boolean => process.stdout.write(`${good ? 'ok' : 'not ok'} ${what}\n`);

async function fail(kind: string, brick: string): Promise<string[]> {
  const answer = join(faults, 'failed');
  rmSync(answer, { force: true });
  writeFileSync(join(faults, 'draft'), `${kind} ${brick}`);
  renameSync(join(faults, 'draft'), join(faults, 'fail'));
  for (let i = 0; i < 500; i++) {
    await delay(5);
    if (existsSync(answer) && readFileSync(answer, 'latin1').endsWith('\n')) break;
  }
  return readFileSync(answer, 'latin1').trim().split('\n');
}

const mounts = pairs.map((pair) => new Mount(pair));
await Promise.all(mounts.map((m) => m.start()));
await delay(1000);

const rest = (ms: number): Promise<void> => delay(Math.max(0, ms));
const isBack = (m: Mount, errors: number): boolean => m.errors.length > errors && m.since >= 3;

/** Worst operations of mounts whose worker did not fail, and of all mounts while nothing was amiss: in windows as long. */
const pauses: number[] = [];
const quiet: number[] = [];
let lateBacks = 0;
let otherErrors = 0;
let hits = 0;
let longestBack = 0;
let first: [number, number, number] | null = null;
for (let round = 0; round < Number(rounds); round++) {
  for (const m of mounts) m.takeWorst();
  await delay(QUIET_MS);
  quiet.push(...mounts.map((m) => m.takeWorst()));
  const victim = mounts[round % mounts.length]!;
  const before = new Map(mounts.map((m) => [m, m.errors.length]));
  const begun = performance.now();
  const names = new Set(await fail(KINDS[round % KINDS.length]!, victim.brick));
  const hit = mounts.filter((m) => names.has(m.brick));
  const others = mounts.filter((m) => !names.has(m.brick));
  if (hit.length === 0) say(false, `round ${round}: ${[...names].join(' ')}`);
  hits += hit.length;
  // The failure and the return of the bricks: all that others could notice.
  await rest(begun + QUIET_MS - performance.now());
  const worsts = others.map((m) => m.takeWorst());
  pauses.push(...worsts);
  // Disconnected, and served again through the file that was open before.
  const end = begun + BACK_LIMIT_MS;
  while (!hit.every((m) => isBack(m, before.get(m)!)) && performance.now() < end) await delay(20);
  lateBacks += hit.filter((m) => !isBack(m, before.get(m)!)).length;
  const back = performance.now() - begun;
  longestBack = Math.max(longestBack, back);
  otherErrors += others.reduce((n, m) => n + m.errors.length - before.get(m)!, 0);
  // Failures of one worker in close succession would be taken for the fault of a brick.
  await rest(begun + ROUND_MS - QUIET_MS - performance.now());
  const now: [number, number, number] = [memory(), descriptors(), threads()];
  if (round === 1) first = now;
  process.stdout.write(
    `# round ${round}: ${hit.length} hit, back after ${back.toFixed(0)} ms; ${others.length} others, ${Math.max(0, ...worsts).toFixed(0)} ms at most (quiet: ${Math.max(...quiet).toFixed(0)} ms); KiB, descriptors, threads: ${now.join(' ')}\n`,
  );
}
for (const m of mounts) m.stopped = true;
await Promise.race([Promise.all(mounts.map((m) => m.ended)), delay(10_000)]);

const last = [memory(), descriptors(), threads()];
const worst = Math.max(0, ...pauses);
// What the machine does to clients by itself: it may be at other things, too.
const limit = Math.max(PAUSE_LIMIT_MS, 1.5 * Math.max(...quiet));
say(hits > 0 && pauses.length > 0, `${rounds} failures hit ${hits} bricks and left ${pauses.length} alone`);
say(otherErrors === 0, `bricks of other workers see no error (${otherErrors})`);
say(worst <= limit, `nor a pause of more than ${limit.toFixed(0)} ms (${worst.toFixed(0)} ms)`);
say(
  lateBacks === 0,
  `those that were hit go on, through the same open file (after ${longestBack.toFixed(0)} ms at most)`,
);
const odd = [...new Set(mounts.flatMap((m) => m.errors))].filter((e) => e !== 'ENOTCONN' && e !== 'EBADFD');
say(odd.length === 0, `they see only that they are disconnected (${odd.join(' ')})`);
if (first !== null) {
  const [m, d, th] = last.map((n, i) => n - first[i]!) as [number, number, number];
  process.stdout.write(`# growth since the second round: ${m} KiB, ${d} descriptors, ${th} threads\n`);
  say(m < 24 << 10, `memory does not grow (${m} KiB)`);
  say(d <= mounts.length, `nor do descriptors (${d})`);
  say(th <= 8, `nor do threads (${th})`);
}
