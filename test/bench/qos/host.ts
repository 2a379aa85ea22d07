/** The host that the QoS bench runs on: glusterd, volumes, fio as clients, and what a brick process tells of itself. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { QosStats, TenantStats } from '../../../mux/qos/stats.js';

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Translators of clients that answer, merge or repeat fops by themselves. */
const PLAIN = [
  'performance.io-cache',
  'performance.read-ahead',
  'performance.quick-read',
  'performance.write-behind',
  'performance.stat-prefetch',
  'performance.open-behind',
].flatMap((name) => [name, 'off']);

export const gluster = (...args: string[]): string =>
  execFileSync('gluster', ['--mode=script', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export async function until(what: string, seconds: number, is: () => boolean): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      if (is()) return;
    } catch {
      // Not yet.
    }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(100);
  }
}

export async function startGlusterd(brick: string, workers: number): Promise<void> {
  execFileSync('lab-brick', [brick]);
  process.env['BRICKD_WORKERS'] = String(workers);
  execFileSync('glusterd');
  await until('glusterd answers', 20, () => gluster('volume', 'list') !== undefined);
  gluster('volume', 'set', 'all', 'cluster.brick-multiplex', 'on');
}

export async function stopGlusterd(volumes: string[]): Promise<void> {
  for (const v of volumes) {
    gluster('volume', 'stop', v);
    gluster('volume', 'delete', v);
  }
  execFileSync('pkill', ['-x', 'glusterd']);
  await until('all have ended', 20, () => {
    try {
      execFileSync('sh', ['-c', 'pgrep -x glusterd || pgrep -x glusterfsd']);
      return false;
    } catch {
      return true;
    }
  });
  execFileSync('sh', ['-c', 'rm -rf /d/bench-*']);
}

let made = 0;

export function volume(name: string, bricks = 1, ...kind: string[]): void {
  const roots = Array.from({ length: bricks }, () => `gfhost:/d/bench-${++made}`);
  gluster('volume', 'create', name, ...kind, ...roots, 'force');
  gluster('volume', 'set', name, ...PLAIN);
  gluster('volume', 'start', name);
}

export function addBrick(name: string): void {
  gluster('volume', 'add-brick', name, `gfhost:/d/bench-${++made}`, 'force');
}

export const qos = (name: string, option: string, value: string): string =>
  gluster('volume', 'set', name, option === '' ? 'user.xlator.qos' : `user.xlator.qos.${option}`, value);

export interface FioResult {
  perSecond: number;
  mibPerSecond: number;
  p99Us: number;
}

interface Side {
  iops: number;
  bw_bytes: number;
  total_ios: number;
  clat_ns: { percentile?: Record<string, number> };
}

/** How programs are started that are to get the processor before all others, as if they ran on a machine of their own. */
export const AT_ONCE = ['chrt', '-f', '20'];
/** Programs that may run on one processor only. */
export const onProcessor = (n: number): string[] => ['taskset', '-c', String(n)];

/** Lets a process run on one processor only. */
export function bind(pid: number, processor: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(processor), String(pid)]);
}

/** Lets the brick processes run on one processor only. */
export function bindBricks(processor: number): void {
  for (const pid of brickPids()) bind(pid, processor);
}

const pidByArguments = (pattern: string): number =>
  Number(execFileSync('pgrep', ['-f', pattern], { encoding: 'utf8' }).split('\n')[0]);

/** The self-heal daemon, and the process that rebalances. */
export const healerPid = (): number => pidByArguments('glustershd');
export const rebalancerPid = (): number => pidByArguments('rebalance/');

/** A client: fio over libgfapi with files of its own. launcher: a program that starts it, with its arguments. */
export function fio(
  name: string,
  seconds: number,
  args: string[],
  files = ['f0'],
  launcher: string[] = [],
): Promise<FioResult> {
  const all = [
    ...launcher,
    'fio',
    '--name=q',
    `--ioengine=${args.includes('--iodepth=1') ? 'gfapi' : 'gfapi_async'}`,
    `--volume=${name}`,
    '--brick=gfhost',
    `--filename=${files.join(':')}`,
    '--size=32M',
    '--randrepeat=0',
    '--output-format=json',
    ...(seconds > 0 ? ['--time_based', `--runtime=${seconds}`] : []),
    ...args,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(all[0]!, all.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let problems = '';
    child.stdout.on('data', (d: Buffer) => (out += d.toString()));
    child.stderr.on('data', (d: Buffer) => (problems += d.toString()));
    child.on('close', (code) => {
      try {
        if (code !== 0) throw new Error(`${all.join(' ')} ends with ${code}`);
        const { jobs } = JSON.parse(out.slice(out.search(/^\{/m))) as { jobs: { read: Side; write: Side }[] };
        let perSecond = 0;
        let bytes = 0;
        let p99 = 0;
        for (const j of jobs) {
          perSecond += j.read.iops + j.write.iops;
          bytes += j.read.bw_bytes + j.write.bw_bytes;
          const side = j.read.total_ios > 0 ? j.read : j.write;
          p99 = Math.max(p99, side.clat_ns.percentile?.['99.000000'] ?? 0);
        }
        resolve({ perSecond, mibPerSecond: bytes / 1048576, p99Us: p99 / 1000 });
      } catch (error) {
        reject(new Error(`${(error as Error).message}: ${problems.slice(-500)}: ${out.slice(0, 300)}`));
      }
    });
  });
}

export async function layOut(name: string, files: string[]): Promise<void> {
  for (const file of files) await fio(name, 0, ['--rw=write', '--bs=1M', '--iodepth=4'], [file]);
}

/** The pids of the brick processes. */
export const brickPids = (): number[] =>
  execFileSync('pgrep', ['-x', 'glusterfsd'], { encoding: 'utf8' }).trim().split('\n').map(Number);

export const rssMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;

/** What the bricks of a volume tell of its tenants. */
export function tenants(brickd: string, name: string): TenantStats[] {
  const out = execFileSync(brickd, ['qos', 'show', '--json', name], { encoding: 'utf8' });
  return (JSON.parse(out) as { qos: QosStats }[]).flatMap((b) => b.qos.tenants);
}

export const sum = (list: TenantStats[], key: 'fops' | 'queued' | 'dropped' | 'overdue', tenant?: string): number =>
  list.filter((t) => tenant === undefined || t.tenant === tenant).reduce((n, t) => n + t[key], 0);
