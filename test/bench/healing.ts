/**
 * How long healing takes, inside the throw-away host: a replica of two bricks per program, one of which misses the making of
 * many small files, and then of a large one.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { median, serverCpuUs } from './measure.js';

interface Options {
  rounds: string;
  files: string;
  a: string;
  b: string;
  json: string;
}

interface Side {
  name: string;
  program: string;
  volume: string;
  mount: string;
}

interface Heal {
  side: string;
  what: string;
  seconds: number;
  /** Of both bricks. */
  cpuSec: number;
}

const LARGE_BYTES = 2 * 1024 ** 3;
const SMALL = Buffer.alloc(2048, 'x');
const FILES_PER_DIRECTORY = 500;
const LONGEST_MS = 600_000;
const POLL_SEC = '0.1';

const options = JSON.parse(process.argv[2]!) as Options;
const sh = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const gluster = (...args: string[]): string => sh('gluster', '--mode=script', ...args);
const brick = (side: Side, n: number): string => `/d/${side.volume}${n}`;
const pid = (side: Side, n: number): number =>
  Number(readFileSync(`/var/run/gluster/vols/${side.volume}/gfhost-d-${side.volume}${n}.pid`, 'latin1'));

function until(what: string, done: () => boolean): void {
  const end = Date.now() + LONGEST_MS;
  while (!done()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${LONGEST_MS / 1000} s`);
    sh('sleep', POLL_SEC);
  }
}

const connected = (side: Side, n: number): boolean =>
  /^connected = 1$/m.test(
    readFileSync(`${side.mount}/.meta/graphs/active/${side.volume}-client-${n - 1}/private`, 'latin1'),
  );

/** Files that the good brick has in its index as changed. */
const toHeal = (side: Side): number =>
  readdirSync(`${brick(side, 1)}/.glusterfs/indices/xattrop`).filter((name) => !name.startsWith('xattrop-')).length;

function start(name: string, program: string, volume: string): Side {
  const side = { name, program, volume, mount: `/m-${volume}` };
  sh('lab-brick', program);
  gluster('volume', 'create', volume, 'replica', '2', `gfhost:/d/${volume}1`, `gfhost:/d/${volume}2`, 'force');
  gluster('volume', 'set', volume, 'cluster.self-heal-daemon', 'off');
  gluster('volume', 'start', volume);
  mkdirSync(side.mount, { recursive: true });
  sh('sleep', '1');
  sh('mount', '-t', 'glusterfs', `gfhost:/${volume}`, side.mount);
  return side;
}

/** What is made while the second brick is away is healed when it is back. */
function heal(side: Side, what: string, make: () => void): Heal {
  process.kill(pid(side, 2), 'SIGKILL');
  until('the brick goes', () => !connected(side, 2));
  make();
  sh('lab-brick', side.program);
  gluster('volume', 'start', side.volume, 'force');
  until('the brick comes back', () => connected(side, 2));
  const cpu = (): number => serverCpuUs(pid(side, 1)) + serverCpuUs(pid(side, 2));
  const before = cpu();
  if (toHeal(side) === 0) throw new Error(`${side.name} has nothing to heal`);
  gluster('volume', 'set', side.volume, 'cluster.self-heal-daemon', 'on');
  const began = performance.now();
  until('the daemon starts', () => {
    try {
      gluster('volume', 'heal', side.volume);
      return true;
    } catch {
      return false;
    }
  });
  until('it is healed', () => toHeal(side) === 0);
  const seconds = (performance.now() - began) / 1000;
  const cpuSec = (cpu() - before) / 1e6;
  gluster('volume', 'set', side.volume, 'cluster.self-heal-daemon', 'off');
  return { side: side.name, what, seconds, cpuSec };
}

function smallFiles(side: Side, count: number, round: number): void {
  for (let i = 0; i < count; i++) {
    const folder = `${side.mount}/r${round}-${Math.floor(i / FILES_PER_DIRECTORY)}`;
    if (i % FILES_PER_DIRECTORY === 0) mkdirSync(folder);
    writeFileSync(`${folder}/f${i}`, SMALL);
  }
}

function largeFile(path: string): void {
  const piece = Buffer.alloc(1 << 20);
  for (let i = 0; i < piece.length; i++) piece[i] = (i * 7) & 0xff;
  const fd = openSync(path, 'w');
  for (let done = 0; done < LARGE_BYTES; done += piece.length) {
    piece.writeDoubleLE(done);
    writeSync(fd, piece);
  }
  closeSync(fd);
}

function sameData(side: Side, path: string): void {
  const [one, two] = [1, 2].map((n) => sh('sha256sum', `${brick(side, n)}/${path}`).split(' ')[0]);
  if (one !== two) throw new Error(`${side.name}: ${path} differs after the heal`);
}

sh('glusterd');
sh('sleep', '1');
const sides = [
  start(options.a === 'stock' ? 'stock' : 'brickd', options.a, 'va'),
  start(options.b === 'stock' ? 'stock' : 'b', options.b, 'vb'),
];
const files = Number(options.files);
const heals: Heal[] = [];
for (let round = 0; round < Number(options.rounds); round++) {
  for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
    heals.push(heal(side, `${files} files of 2 KiB`, () => smallFiles(side, files, round)));
    sameData(side, `r${round}-0/f0`);
    heals.push(heal(side, 'a file of 2 GiB', () => largeFile(`${side.mount}/large`)));
    sameData(side, 'large');
    rmSync(`${side.mount}/large`);
  }
  process.stderr.write(`round ${round + 1} of ${options.rounds} done\n`);
}
const of = (side: string, what: string, key: 'seconds' | 'cpuSec'): number =>
  median(heals.filter((h) => h.side === side && h.what === what).map((h) => h[key]));
const [a, b] = sides.map((s) => s.name) as [string, string];
process.stdout.write(`healing with ${a} against ${b}, medians\n`);
for (const what of new Set(heals.map((h) => h.what))) {
  for (const [key, label] of [
    ['seconds', 'seconds'],
    ['cpuSec', "bricks' CPU, seconds"],
  ] as const) {
    const [x, y] = [of(a, what, key), of(b, what, key)];
    process.stdout.write(`${what}: ${label} ${x.toFixed(1)} / ${y.toFixed(1)}, ratio ${(x / y).toFixed(2)}\n`);
  }
}
if (options.json !== '') writeFileSync(options.json, JSON.stringify(heals));
