/**
 * Runs a scenario in the lab and turns what it prints into assertions.
 *
 * A scenario prints "ok WHAT", "not ok WHAT", "# remark", "#| detail of the failure before", and "# end" at last. Its bricks run brickd; with the environment variable
 * BRICK=stock they run the stock glusterfsd, which must pass too: that is how the tests themselves are tested. With LAB_ROOT the host's system
 * is the one in that tree.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { assert } from '../../native/assert.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LAB = join(ROOT, 'test/lab/lab');
/** Where the system of the lab's host is. */
const SYSTEM = process.env['LAB_ROOT'] ?? '/';
/** Exit status of a lab that could not be made. */
const NO_LAB = 99;
const KEPT_LOGS = process.env['LAB_LOGS'] ?? '/var/tmp/brickd-test-logs';
const PROGRAMS = ['usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/local/sbin'];
/** Lines of output that a failure shows. */
const CONTEXT_LINES = 40;
const LINE_LIMIT = 400;
/** A failed check is in the scenario, not in the line that reports it. */
const NO_PLACE = { at: null, stack: '' };

export const stock = process.env['BRICK'] === 'stock';

export interface ScenarioOptions {
  /** Of the scenario itself; the lab kills it after that. */
  timeoutS: number;
  /** Further arguments of the lab, before the command. */
  lab?: string[];
  /** Start the lab without a brick program: the scenario chooses. */
  plainLab?: boolean;
  /** Programs that the host needs and a tree made for tests may lack. */
  needs?: string[];
  env?: Record<string, string>;
}

/** Why no lab can be had here; undefined if it can. */
function whyNoLab(needs: readonly string[]): string | undefined {
  const missing = needs.filter((program) => !PROGRAMS.some((folder) => existsSync(join(SYSTEM, folder, program))));
  if (missing.length > 0) return `the system in ${SYSTEM} has no ${missing.join(', no ')}`;
  const probe = spawnSync(LAB, ['--root', SYSTEM, '--timeout', '20', '--', 'true'], { encoding: 'utf8' });
  if (probe.status === 0) return undefined;
  const text = `${probe.stderr ?? ''}${probe.error?.message ?? ''}`.trim().split('\n').pop();
  return text === undefined || text === '' ? `the lab ends with status ${probe.status}` : text;
}

/** The script of a scenario, whichever subject's folder it is in. */
function scriptOf(name: string): string {
  const folder = join(ROOT, 'test/gluster');
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => basename(f) === `${name}.sh`);
  assert(found.length === 1, `test/gluster has one ${name}.sh`);
  return join(folder, ...found);
}

/**
 * Runs NAME.sh in a lab of its own, as the only test of the file that calls it.
 * Where no lab can be made the test is skipped and says why.
 */
export async function scenario(file: Test, name: string, options: ScenarioOptions): Promise<void> {
  file.setTimeout((options.timeoutS + 30) * 1000);
  const why = whyNoLab(options.needs ?? []);
  await file.test(name, why === undefined ? {} : { skip: why }, (t) => inLab(t, name, options));
}

async function inLab(t: Test, name: string, options: ScenarioOptions): Promise<void> {
  const logs = join(KEPT_LOGS, name);
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  const brick = process.env['BRICK'] ?? join(ROOT, 'brickd/bin/brickd');
  const args = ['--root', SYSTEM, '--timeout', String(options.timeoutS), '--logs', logs, ...(options.lab ?? [])];
  if (!stock && options.plainLab !== true) args.push('--brick', brick);
  const run = await follow(t, [...args, '--', 'bash', scriptOf(name)], {
    BRICK: brick,
    ...options.env,
  });
  if (run.status === NO_LAB) t.fail('the lab was made', { ...NO_PLACE, output: run.tail });
  else if (run.status === 124) t.fail(`ends within ${options.timeoutS} s`, { ...NO_PLACE, output: run.tail });
  else t.ok(run.ended, 'came to its end', { ...NO_PLACE, status: run.status, output: run.tail });
  if (run.failed || !run.ended) {
    for (const line of brickLogTail(logs)) t.comment(line);
    t.comment(`logs are in ${logs}`);
  } else {
    rmSync(logs, { recursive: true, force: true });
  }
}

interface Run {
  status: number | null;
  ended: boolean;
  failed: boolean;
  tail: string;
}

/** The environment without what the test runner has Node load into every process: bricks are to run as they do elsewhere. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([key]) => key !== 'NODE_OPTIONS' && !key.startsWith('_TAPJS')),
  );
}

async function follow(t: Test, args: string[], env: Record<string, string>): Promise<Run> {
  // By env(1): the runner has hooked spawn, and adds its variables to whatever environment is given here.
  const variables = Object.entries({ ...plainEnvironment(), ...env }).map(([key, value]) => `${key}=${value}`);
  const child = spawn('/usr/bin/env', ['-i', ...variables, LAB, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const status = new Promise<number | null>((done, failed) => child.once('close', done).once('error', failed));
  t.teardown(() => child.kill('SIGTERM'));
  const tail: string[] = [];
  const run: Run = { status: null, ended: false, failed: false, tail: '' };
  let assertion: { what: string; remarks: string[] } | undefined;
  const settle = (): void => {
    if (assertion !== undefined) t.fail(assertion.what, { ...NO_PLACE, remarks: assertion.remarks });
    assertion = undefined;
  };
  const take = (line: string): void => {
    tail.push(line);
    if (tail.length > CONTEXT_LINES) tail.shift();
    if (line.startsWith('#| ')) {
      assertion?.remarks.push(line.slice(3));
      return;
    }
    const failing = line.startsWith('not ok ');
    if (!failing && !line.startsWith('ok ') && !line.startsWith('# ')) return;
    settle();
    if (failing) {
      run.failed = true;
      assertion = { what: line.slice(7), remarks: [] };
    } else if (line === '# end') {
      run.ended = true;
    } else if (line.startsWith('# ')) {
      t.comment(line.slice(2));
    } else {
      const [what = '', reason] = line.slice(3).split(' # SKIP ');
      t.pass(what, reason === undefined ? {} : { skip: reason });
    }
  };
  const lines = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) take(line);
  });
  await Promise.all(lines);
  run.status = await status;
  settle();
  run.tail = tail.join('\n');
  return run;
}

/** The last lines of errors and worse of every brick's log. */
function brickLogTail(logs: string): string[] {
  const lines: string[] = [];
  // Hosts within the lab have a folder each.
  for (const file of readdirSync(logs, { recursive: true, encoding: 'utf8' })) {
    if (!/(^|\/)bricks\/[^/]*\.log$/.test(file)) continue;
    const bad = readFileSync(join(logs, file), 'latin1')
      .split('\n')
      .filter((line) => /^\[[^\]]*\] [AMCE] /.test(line));
    lines.push(...bad.slice(-15).map((line) => `${file}: ${line.slice(0, LINE_LIMIT)}`));
  }
  return lines;
}
