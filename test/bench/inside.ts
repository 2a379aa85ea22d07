/** The bench, inside the throw-away host: two volumes of one brick each, one per program, measured in turn. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { FIO_TESTS, type FioTest, runFio } from './fio.js';
import { type Sample, serverCpuUs, serverRssKiB } from './measure.js';
import { table } from './report.js';
import { runSmallFiles, SMALL_FILE_OPS } from './small-files.js';

interface Options {
  rounds: string;
  seconds: string;
  only: string[];
  a: string;
  b: string;
  json: string;
  tls: boolean;
}

const WARM_UP_SECONDS = 2;

interface Side {
  name: string;
  program: string;
  volume: string;
  mount: string;
  pid: number;
}

const options = JSON.parse(process.argv[2]!) as Options;
const wanted = (name: string): boolean => options.only.length === 0 || options.only.some((o) => name.includes(o));

function sh(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const pause = (seconds: number): string => sh('sleep', String(seconds));

function start(name: string, program: string, volume: string): Side {
  sh('lab-brick', program);
  sh('gluster', '--mode=script', 'volume', 'create', volume, `gfhost:/d/${volume}`);
  if (options.tls) for (const side of ['server', 'client']) sh('gluster', 'volume', 'set', volume, `${side}.ssl`, 'on');
  sh('gluster', 'volume', 'start', volume);
  const mount = `/m-${volume}`;
  mkdirSync(mount, { recursive: true });
  pause(1);
  sh('mount', '-t', 'glusterfs', `gfhost:/${volume}`, mount);
  const pid = Number(readFileSync(`/var/run/gluster/vols/${volume}/gfhost-d-${volume}.pid`, 'latin1'));
  return { name, program, volume, mount, pid };
}

/** One certificate for both sides, its own authority, where Gluster looks for it. */
function makeCertificate(): void {
  const folder = sh('openssl', 'version', '-d').replace(/^[^"]*"|"\s*$/g, '');
  const [pem, key, authorities] = ['pem', 'key', 'ca'].map((suffix) => `${folder}/glusterfs.${suffix}`) as [
    string,
    string,
    string,
  ];
  const how = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=bench', '-days', '2'];
  sh('openssl', 'req', ...how, '-keyout', key, '-out', pem);
  sh('cp', pem, authorities);
}

/** One measurement: what the client saw, and what the server spent for it. */
function measure(
  side: Side,
  work: () => { operations: number; seconds: number; p99Us: number; bytes: number },
): Sample {
  const before = serverCpuUs(side.pid);
  const done = work();
  const cpu = serverCpuUs(side.pid) - before;
  return {
    side: side.name,
    perSecond: done.operations / done.seconds,
    cpuUs: cpu / done.operations,
    p99Us: done.p99Us,
    rssKiB: serverRssKiB(side.pid),
  };
}

if (options.tls) makeCertificate();
sh('glusterd');
pause(1);
const sides = [
  start(options.a === 'stock' ? 'stock-a' : 'brickd', options.a, 'va'),
  start(options.b === 'stock' ? 'stock' : 'b', options.b, 'vb'),
];
const idle = sides.map((s) => serverRssKiB(s.pid));

const samples = new Map<string, Sample[]>();
function record(test: string, sample: Sample): void {
  const list = samples.get(test) ?? [];
  list.push(sample);
  samples.set(test, list);
}

const tests: FioTest[] = FIO_TESTS.filter((t) => wanted(t.name));
if (tests.length > 0) {
  for (const side of sides) runFio({ name: 'prepare', rw: 'write', blockBytes: 1 << 20, depth: 1 }, side.volume, 0);
}
// Unmeasured: code gets compiled, threads start, caches fill. A server has done that for all but the first seconds of its life.
for (const test of tests) for (const side of sides) runFio(test, side.volume, WARM_UP_SECONDS);
if (wanted('small files')) {
  for (const side of sides) for (const op of SMALL_FILE_OPS) runSmallFiles(op, side.mount, 'warm-up');
}
for (let round = 0; round < Number(options.rounds); round++) {
  const order = round % 2 === 0 ? sides : [...sides].reverse();
  for (const test of tests) {
    for (const side of order)
      record(
        test.name,
        measure(side, () => runFio(test, side.volume, Number(options.seconds))),
      );
  }
  if (wanted('small files')) {
    for (const side of order) {
      for (const op of SMALL_FILE_OPS) {
        record(
          `small files: ${op.name}`,
          measure(side, () => runSmallFiles(op, side.mount, String(round))),
        );
      }
    }
  }
  process.stderr.write(`round ${round + 1} of ${options.rounds} done\n`);
}

const text = table(
  [...samples],
  sides.map((s) => s.name),
  idle,
);
process.stdout.write(text);
if (options.json !== '') {
  // The host's files are thrown away with it: the samples go to standard error for whoever collects them.
  process.stderr.write(`${JSON.stringify(Object.fromEntries(samples))}\n`);
  writeFileSync(options.json, JSON.stringify(Object.fromEntries(samples)));
}
for (const side of sides) sh('umount', '-l', side.mount);
