/**
 * `npm test`: unit and wire tests, then the end-to-end ones in the lab with this machine's GlusterFS, then some of these with
 * GlusterFS 11, in the lab with the tree of another system (test/lab/debian). Builds nothing.
 *
 * The end-to-end tests want root and Debian's Gluster packages. As root, with CI=1 in the environment or --install given, missing
 * packages are installed, and the tree is made; what still can't run is counted as skipped, with the reason.
 * Arguments: --install, --only unit|gluster, --long (all end-to-end tests; without it, and without words, those that take longest
 * are left out), --gluster11 (end-to-end tests only, all of them with GlusterFS 11), --tree DIR (where its tree is), and words to
 * choose files by their path, or end-to-end ones by "gluster/" and their name.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { TapDigest } from './tap-digest.js';
import { makeTree } from './tree.js';

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
  sshd: 'openssh-server',
  rsync: 'rsync',
  promtool: 'prometheus',
  chromium: 'chromium',
};
/** What is run with GlusterFS 11 when nothing is chosen: a volume's life, replicas that heal. */
const SHORT_11 = ['basics', 'arbiter'];

/** Two labs at a time: most of a scenario's time goes into waiting. These measure times or fill the machine, and run alone. */
const ALONE = ['hang', 'many', 'manyvolume', 'page', 'prometheus', 'qos', 'resources', 'workers'];
/** What is run by --long, or when it is chosen. */
const LONG = [
  'alerts',
  'bitrot',
  'cdc',
  'container',
  'georep',
  'hosts',
  'many',
  'manyvolume',
  'options',
  'package',
  'page',
  'qos',
  'quota-accounting',
  'releases',
  'rolling',
  'snapshot',
  'tools',
  'tree',
  'workers',
];

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

function install(packages: readonly string[]): void {
  process.stdout.write(`installing ${packages.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-q'],
    ['install', '-q', '-y', '--no-install-recommends', ...packages],
  ]) {
    const { status, error } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) process.stdout.write(`apt-get ${args[0]} failed: ${error?.message ?? `status ${status}`}\n`);
  }
}

/** Says why end-to-end tests cannot run; undefined when they can. */
function whyNotEndToEnd(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (missingPackages().length > 0 && mayInstall) {
    for (const unit of ['prometheus.service', 'ssh.service']) keepFromStarting(unit);
    install(missingPackages());
  }
  const missing = missingPackages();
  if (missing.length > 0) return `packages are missing: ${missing.join(' ')} (--install installs them)`;
  return whyNoLab([]);
}

function whyNoLab(args: readonly string[]): string | undefined {
  const lab = spawnSync(join(ROOT, 'test/lab/lab'), ['--timeout', '20', ...args, '--', 'true'], { encoding: 'utf8' });
  if (lab.status === 0) return undefined;
  return (lab.stderr ?? '').trim().split('\n').pop() || `the lab ends with status ${lab.status}`;
}

/** Test files below folders of test/, but for leftovers in dist/ of those that are no longer. */
const filesOf = (folders: string[], words: string[]): string[] =>
  folders
    .flatMap((folder) => readdirSync(join(ROOT, 'dist/test', folder), { recursive: true }).map((f) => `${folder}/${f}`))
    .filter((file) => file.endsWith('.test.js') && existsSync(join(ROOT, 'test', file.replace(/js$/, 'ts'))))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word) || nameOf(file).includes(word)))
    .sort()
    .map((file) => join('dist/test', file));

/** End-to-end tests go by their names, whichever subject's folder they are in: gluster/hang. */
const nameOf = (file: string): string => file.replace(/^gluster\/.*\//, 'gluster/');

const isOneOf = (names: readonly string[], file: string): boolean =>
  names.some((name) => file.endsWith(`/${name}.test.js`));

/** Runs files by tap, output as it comes. */
async function runTap(files: string[], jobs: number, limitS: number, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const args = [TAP, '--disable-coverage', '--reporter=tap', `--jobs=${jobs}`, `--timeout=${limitS}`, ...files];
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, LAB_TREE: values.tree, ...env },
    stdio,
  });
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

/** Runs end-to-end files, or counts them as skipped. tree: of the system in the lab; this machine's when not given. */
async function runInLab(files: string[], why: string | undefined, tree?: string): Promise<void> {
  const env = tree === undefined ? {} : { LAB_ROOT: tree };
  const alone = files.filter((file) => isOneOf(ALONE, file));
  const together = files.filter((file) => !alone.includes(file));
  if (why === undefined && together.length > 0) await runTap(together, 2, END_TO_END_LIMIT_S, env);
  if (why === undefined && alone.length > 0) await runTap(alone, 1, END_TO_END_LIMIT_S, env);
  for (const file of why === undefined ? [] : files) {
    process.stdout.write(`skipped  gluster/${basename(file)}: ${why}\n`);
    digest.skipped++;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    install: { type: 'boolean', default: false },
    only: { type: 'string' },
    long: { type: 'boolean', default: false },
    gluster11: { type: 'boolean', default: false },
    tree: { type: 'string', default: '/var/cache/brickd-test/debian13' },
  },
});
const mayInstall = values.install || process.env['CI'] === '1' || process.env['CI'] === 'true';
const digest = new TapDigest();
const chosen = values.only === 'unit' ? [] : filesOf(END_TO_END, positionals);
const all = values.long || values.gluster11 || positionals.length > 0;
const endToEnd = all ? chosen : chosen.filter((file) => !isOneOf(LONG, file));
const unit = values.only === 'gluster' || values.gluster11 ? [] : filesOf(UNIT, positionals);
const all10 = values.gluster11 ? [] : endToEnd;
const some11 = values.gluster11
  ? endToEnd
  : positionals.length > 0
    ? []
    : endToEnd.filter((file) => isOneOf(SHORT_11, file));
if (unit.length + endToEnd.length === 0) {
  process.stdout.write('no test files: is it built (npm run build)?\n');
  digest.failed++;
}
// It is made while unit tests run: most of its time goes into waiting for the mirror.
const wantsTree = some11.length > 0 || all10.some((file) => isOneOf(['container', 'package', 'releases'], file));
const noTree = wantsTree ? makeTree('trixie', values.tree, mayInstall ? install : undefined) : undefined;
const wantsTree12 = all10.some((file) => isOneOf(['package'], file));
const tree12 = join(dirname(values.tree), 'debian12');
const noTree12 = wantsTree12 ? makeTree('bookworm', tree12, mayInstall ? install : undefined) : undefined;
if (unit.length > 0) await runTap(unit, 2, UNIT_LIMIT_S);
const whyNot11 = await noTree;
await noTree12;
if (all10.length > 0) await runInLab(all10, whyNotEndToEnd());
if (some11.length > 0) {
  process.stdout.write(`with GlusterFS 11, in ${values.tree}:\n`);
  await runInLab(some11, whyNot11 ?? whyNoLab(['--root', values.tree]), values.tree);
}
process.stdout.write(`${digest.passed} passed, ${digest.failed} failed, ${digest.skipped} skipped\n`);
process.exitCode = digest.failed === 0 ? 0 : 1;
