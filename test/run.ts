/**
 * `npm test`: unit and wire tests, then the end-to-end ones in the lab. Builds nothing.
 *
 * The end-to-end tests want root and Debian's Gluster packages. As root, with CI=1 in the environment or --install given, missing
 * packages are installed; what still can't run is counted as skipped, with the reason.
 * Arguments: --install, --only unit|gluster, and words to choose files by their path.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TapDigest } from './tap-digest.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TAP = join(ROOT, 'node_modules/.bin/tap');
const UNIT = ['unit', 'wire', 'security'];
const END_TO_END = ['gluster'];
/** Of one file, in seconds. An end-to-end file sets its own limit, which is lower. */
const UNIT_LIMIT_S = 120;
const END_TO_END_LIMIT_S = 400;
/** A program that tells that the Debian package is there. */
const PACKAGES: Record<string, string> = {
  glusterd: 'glusterfs-server',
  'mount.glusterfs': 'glusterfs-client',
  'mkfs.xfs': 'xfsprogs',
  ip: 'iproute2',
  getfattr: 'attr',
  getfacl: 'acl',
  fio: 'fio',
  dbench: 'dbench',
  jq: 'jq',
  killall: 'psmisc',
  pgrep: 'procps',
  git: 'git',
  python3: 'python3',
  bindfs: 'bindfs',
  curl: 'curl',
  openssl: 'openssl',
  promtool: 'prometheus',
  chromium: 'chromium',
};

const missingPackages = (): string[] =>
  Object.entries(PACKAGES)
    .filter(([program]) => spawnSync('sh', ['-c', 'command -v "$0"', program]).status !== 0)
    .map(([, name]) => name);

/** Where systemd runs, a package starts its service: not one that only tests want, until the next boot. */
function keepFromStarting(unit: string): void {
  const mask = join('/run/systemd/system', unit);
  if (existsSync('/run/systemd/system') && !existsSync(join('/lib/systemd/system', unit)) && !existsSync(mask))
    symlinkSync('/dev/null', mask);
}

/** Says why end-to-end tests cannot run; undefined when they can. */
function whyNotEndToEnd(install: boolean): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  let missing = missingPackages();
  if (missing.length > 0 && install) {
    process.stdout.write(`installing ${missing.join(' ')}\n`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    keepFromStarting('prometheus.service');
    for (const args of [
      ['update', '-q'],
      ['install', '-q', '-y', '--no-install-recommends', ...missing],
    ]) {
      const { status, error } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
      if (status !== 0) process.stdout.write(`apt-get ${args[0]} failed: ${error?.message ?? `status ${status}`}\n`);
    }
    missing = missingPackages();
  }
  if (missing.length > 0) return `packages are missing: ${missing.join(' ')} (--install installs them)`;
  const lab = spawnSync(join(ROOT, 'test/lab/lab'), ['--timeout', '20', '--', 'true'], { encoding: 'utf8' });
  if (lab.status === 0) return undefined;
  return (lab.stderr ?? '').trim().split('\n').pop() || `the lab ends with status ${lab.status}`;
}

/** Test files below folders of test/, but for leftovers in dist/ of those that are no longer. */
const filesOf = (folders: string[], words: string[]): string[] =>
  folders
    .flatMap((folder) => readdirSync(join(ROOT, 'dist/test', folder), { recursive: true }).map((f) => `${folder}/${f}`))
    .filter((file) => file.endsWith('.test.js') && existsSync(join(ROOT, 'test', file.replace(/js$/, 'ts'))))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort()
    .map((file) => join('dist/test', file));

/** Runs files by tap, output as it comes. */
async function runTap(digest: TapDigest, files: string[], jobs: number, limitS: number): Promise<void> {
  const args = [TAP, '--disable-coverage', '--reporter=tap', `--jobs=${jobs}`, `--timeout=${limitS}`, ...files];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const failedBefore = digest.failed;
  const status = new Promise<number | null>((done, failed) => child.once('close', done).once('error', failed));
  for await (const line of createInterface({ input: child.stdout })) {
    const said = digest.take(line);
    if (said !== '') process.stdout.write(`${said}\n`);
  }
  // What failed without a point of its own, such as a crash of tap itself, must not pass for a success.
  if ((await status) !== 0 && digest.failed === failedBefore) {
    process.stdout.write(`tap ended with status ${await status}\n`);
    digest.failed++;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { install: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const digest = new TapDigest();
const unit = values.only === 'gluster' ? [] : filesOf(UNIT, positionals);
const endToEnd = values.only === 'unit' ? [] : filesOf(END_TO_END, positionals);
if (unit.length + endToEnd.length === 0) {
  process.stdout.write('no test files: is it built (npm run build)?\n');
  digest.failed++;
}
if (unit.length > 0) await runTap(digest, unit, 2, UNIT_LIMIT_S);
if (endToEnd.length > 0) {
  const why = whyNotEndToEnd(values.install || process.env['CI'] === '1' || process.env['CI'] === 'true');
  // One at a time: they measure times and load the machine.
  if (why === undefined) await runTap(digest, endToEnd, 1, END_TO_END_LIMIT_S);
  for (const file of why === undefined ? [] : endToEnd) {
    process.stdout.write(`skipped  gluster/${basename(file)}: ${why}\n`);
    digest.skipped++;
  }
}
process.stdout.write(`${digest.passed} passed, ${digest.failed} failed, ${digest.skipped} skipped\n`);
process.exitCode = digest.failed === 0 ? 0 : 1;
