/**
 * `brickd install` and `uninstall`: puts a small wrapper in the place of glusterfsd that starts brickd for bricks and the
 * stock binary for everything else.
 *
 * glusterd, glusterfs and glusterfsd are one binary that looks at its own name; the first two are links to the third. They
 * are pointed at the stock binary's new place, so that the wrapper is met by what glusterd calls glusterfsd only.
 * With dpkg all three are diverted, so that package upgrades replace the stock binary behind the wrapper and leave the rest.
 */
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIRECTORY_MODE, replaceOwnFile } from '../../mux/base/own-files.js';
import { bytesOfText } from '../../native/bytes.js';
import { refusals } from './check.js';
import { CommandError } from './command-error.js';
import { confirmed } from './confirm.js';
import { GLUSTERD_VOLUMES, isVolume, isVolumeName, volumeNames } from './node-volumes.js';
import { type QosVolume, qosVolumes, resetCommands } from './qos-volumes.js';
import { isWrapper, parseWrapper, type WrapperSettings, wrapperText } from './wrapper.js';
import { writableByOthers } from './writable-by-others.js';

const SBIN = '/usr/sbin';
const BINARY = join(SBIN, 'glusterfsd');
/** The binary looks at its name, and tools look processes up by it: moved, it has to keep its name. */
const STOCK_DIRECTORY = '/usr/lib/brickd/stock';
const STOCK = join(STOCK_DIRECTORY, 'glusterfsd');
const LINKS = ['glusterd', 'glusterfs'];
const WRAPPER_MODE = 0o755;
const DIVERT = '/usr/bin/dpkg-divert';

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

const readIfWrapper = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  return isWrapper(text) ? text : undefined;
};

const stockOf = (path: string): string => join(STOCK_DIRECTORY, basename(path));

/** The package manager keeps its hands off the name from now on; what stands there moves to the stock place. */
function divert(path: string): void {
  if (existsSync(DIVERT)) {
    execFileSync(DIVERT, ['--quiet', '--local', '--rename', '--divert', stockOf(path), '--add', path]);
  }
  // Without dpkg, and where the file belongs to no package, it has not been moved.
  if (exists(path) && !exists(stockOf(path))) renameSync(path, stockOf(path));
}

function undivert(path: string): void {
  if (existsSync(DIVERT)) execFileSync(DIVERT, ['--quiet', '--local', '--rename', '--remove', path]);
  if (exists(stockOf(path)) && !exists(path)) renameSync(stockOf(path), path);
}

const linkTarget = (path: string): string | undefined => {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
};

function needRoot(): void {
  if (process.getuid?.() !== 0) throw new CommandError('changes files in /usr/sbin: run it as root');
}

export interface InstallOptions {
  /** Volumes to take over; empty for all, which `all` or a yes must confirm. */
  volume: string[];
  all: boolean;
  node: string;
  fallback: boolean;
  /** Install although others than root can change what root is going to run, or brickd would refuse bricks. */
  force: boolean;
  /** Writes the wrapper of an installed brickd anew, with its settings, and changes nothing else. */
  refresh: boolean;
}

/**
 * The program that the wrapper is to start: this one, or that of the release folder that a package points its link `current` to,
 * which stays through upgrades.
 */
function ownProgram(): string {
  const own = fileURLToPath(new URL('../../../brickd/bin/brickd', import.meta.url));
  const home = dirname(dirname(dirname(dirname(own))));
  const target = linkTarget(join(home, 'current'));
  return target?.startsWith('release-') === true ? join(home, 'current/brickd/bin/brickd') : own;
}

/** Idempotent: run again it changes the settings. Volumes named again add to those of a limited installation. */
export async function install(o: InstallOptions): Promise<void> {
  needRoot();
  const present = readIfWrapper(BINARY);
  const before = present === undefined ? undefined : parseWrapper(present);
  if (o.refresh) {
    if (before !== undefined) write({ ...before, brickd: ownProgram() }, present);
    return;
  }
  for (const name of o.volume) checkVolume(name);
  const brickd = ownProgram();
  for (const [what, path] of [
    ['Node.js', o.node],
    ['brickd', brickd],
  ] as const) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      throw new CommandError(`${what} at ${path} cannot be run`);
    }
  }
  checkWriters(o, dirname(dirname(dirname(brickd))));
  const volumes = o.volume.length === 0 ? [] : [...new Set([...(before?.volumes ?? []), ...o.volume])].sort();
  checkServed(o, volumes.length === 0 ? volumeNames() : volumes.filter((name) => isVolume(name)));
  if (!(await meant(o))) throw new CommandError('nothing was changed');
  if (present === undefined) takeOver();
  write({ stock: STOCK, node: o.node, brickd, volumes, fallback: o.fallback }, present);
  say(
    volumes.length === 0
      ? 'bricks that glusterd starts from now on run brickd'
      : `bricks of ${volumes.join(', ')} that glusterd starts from now on run brickd`,
  );
  say(
    'a running brick changes over when it is started again: gluster volume stop and start, or kill it and start force',
  );
}

function write(settings: WrapperSettings, present: string | undefined): void {
  const text = wrapperText(settings);
  if (present === text) say('brickd is installed already, nothing changed');
  else replaceOwnFile(bytesOfText(BINARY), bytesOfText(text), WRAPPER_MODE);
}

/** All volumes of a node are not taken over by a word that was left out. */
async function meant(o: InstallOptions): Promise<boolean> {
  if (o.all && o.volume.length > 0) throw new CommandError('--all and --volume exclude each other', 64);
  if (o.all || o.volume.length > 0) return true;
  const names = volumeNames();
  const now = names.length === 0 ? 'there are none yet' : names.join(', ');
  const answer = await confirmed(`This takes over the bricks of ALL volumes of this node (${now}). Go on?`);
  if (answer === undefined)
    throw new CommandError(`say which volumes: --volume NAME (may be repeated), or --all (${now})`, 64);
  return answer;
}

/** Tells what brickd would refuse before it is met by a brick that does not start. */
function checkServed(o: InstallOptions, volumes: readonly string[]): void {
  const refused = volumes.map((name) => ({ name, lines: refusals(name) })).filter(({ lines }) => lines.length > 0);
  if (refused.length === 0) return;
  const told = refused
    .map(({ name, lines }) => `brickd does not serve volume ${name}:\n    ${lines.join('\n    ')}`)
    .join('\n');
  if (!o.force) {
    const way =
      'change the volume, or install for others by --volume; with --force its bricks do not start until it is changed';
    throw new CommandError(`${told}\n${way}`);
  }
  say(`WARNING: ${told}`);
}

/** What of the checkout runs as root. */
const RUN = ['package.json', 'brickd', 'dist', 'native/build', 'node_modules'];

function checkWriters(o: InstallOptions, checkout: string): void {
  const run = RUN.map((name) => join(checkout, name)).filter((path) => existsSync(path));
  const wrong = writableByOthers([o.node, ...run]);
  if (wrong.length === 0) return;
  const told = `root is going to run what others than root can change:\n${wrong.map((line) => `    ${line}`).join('\n')}`;
  if (!o.force) {
    const way =
      'have it belong to root (a copy in /opt/brickd, say), or install with --force where those users may be root anyway';
    throw new CommandError(`${told}\n${way}`);
  }
  say(`WARNING: ${told}`);
}

/** Moves the stock binary and the links to it away. Goes on where an interrupted run has stopped. */
function takeOver(): void {
  if (!exists(BINARY) && !exists(STOCK))
    throw new CommandError(`there is no ${BINARY}: install GlusterFS's server first`);
  mkdirSync(STOCK_DIRECTORY, { recursive: true, mode: DIRECTORY_MODE });
  if (exists(BINARY) && exists(STOCK)) {
    if (existsSync(DIVERT)) {
      throw new CommandError(`${BINARY} is not brickd's wrapper, though ${STOCK} exists: put one of them away first`);
    }
    // A package manager without diversions has put a new binary over the wrapper: the old one goes.
    unlinkSync(STOCK);
  }
  for (const name of LINKS) {
    const link = join(SBIN, name);
    if (linkTarget(link) === 'glusterfsd' || linkTarget(link) === BINARY) divert(link);
    if (!exists(link) && exists(stockOf(link))) symlinkSync(STOCK, link);
  }
  divert(BINARY);
  if (!exists(STOCK)) throw new CommandError(`could not move ${BINARY} to ${STOCK}`);
}

/** With volumes: takes these out of a limited installation; the last one ends it. Idempotent. */
export function uninstall(o: { volume: string[] }): void {
  needRoot();
  const present = readIfWrapper(BINARY);
  if (present !== undefined && o.volume.length > 0) {
    const settings = parseWrapper(present);
    if (settings.volumes.length === 0)
      throw new CommandError('brickd is installed for all volumes: install --volume limits it');
    const volumes = settings.volumes.filter((name) => !o.volume.includes(name));
    if (volumes.length > 0) {
      replaceOwnFile(bytesOfText(BINARY), bytesOfText(wrapperText({ ...settings, volumes })), WRAPPER_MODE);
      say(`brickd stays installed for ${volumes.join(', ')}`);
      warnOfQos(o.volume);
      return;
    }
  }
  if (present === undefined && !exists(STOCK)) {
    say('brickd is not installed, nothing changed');
    return;
  }
  if (present !== undefined) unlinkSync(BINARY);
  undivert(BINARY);
  for (const name of LINKS) {
    const link = join(SBIN, name);
    if (!exists(stockOf(link))) continue;
    if (linkTarget(link) === STOCK) unlinkSync(link);
    undivert(link);
  }
  for (const directory of [STOCK_DIRECTORY, dirname(STOCK_DIRECTORY)]) {
    if (existsSync(directory) && readdirSync(directory).length === 0) rmdirSync(directory);
  }
  say('glusterd starts stock bricks again; running bricks change over when they are started again');
  warnOfQos([]);
}

/** Names the volumes that stock bricks won't start for; of all, if none are given. */
function warnOfQos(volumes: string[]): void {
  const left = qosVolumes().filter((v: QosVolume) => volumes.length === 0 || volumes.includes(v.name));
  if (left.length === 0) return;
  say('');
  say(
    `STILL WITH user/qos: ${left.map((v) => v.name).join(', ')}. A stock brick does not start with it. To take it out, which`,
  );
  say('resets ALL options of the volume (glusterd cannot reset this one alone), and to set the others again:');
  for (const volume of left) for (const command of resetCommands(volume)) say(`    ${command}`);
}

function checkVolume(name: string): void {
  if (!isVolumeName(name)) throw new CommandError(`'${name}' is not a volume name`, 64);
  if (isVolume(name)) return;
  const names = volumeNames();
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  throw new CommandError(
    `the glusterd of this node has no volume ${name} (no ${join(GLUSTERD_VOLUMES, name)}): ${known}`,
  );
}
