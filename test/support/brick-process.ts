/**
 * A real brick process on a directory of its own, without glusterd: for tests that attack it over its port and look at
 * the process from outside. Needs root, for trusted.* extended attributes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SampleBrick, sampleBrickVolfile } from '../../volfiles/samples/brick.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = join(ROOT, 'brickd/bin/brickd');
const START_LIMIT_MS = 20_000;
/** The login of the volume's own clients. */
export const LOGIN = { user: 'trusted-user', password: 'trusted-password' };

export const whyNotRoot = process.getuid?.() === 0 ? undefined : 'needs root';

export interface BrickProcessOptions {
  /** Further options by volume suffix, as {@link SampleBrick.options} has them. */
  options?: SampleBrick['options'];
  allow?: string;
  /** Changes the text of the volfile before it is used. */
  volfile?: (text: string) => string;
  env?: Record<string, string>;
  /** Log file as the command line has it; default: {@link BrickProcess.logFile}. */
  logTo?: string;
  /** Name of the brick's directory, and of its log without the suffix. */
  name?: string;
  /** Directories of the system in whose place the process sees ones of its folder: its folder's name → the system's path. */
  mounts?: Record<string, string>;
}

/** The text of a volfile with a volume `v-NAME` of those lines put above the volume `v-BELOW`. */
export function withVolume(text: string, below: string, name: string, lines: readonly string[]): string {
  const start = text.indexOf(`volume v-${below}\n`);
  const end = text.indexOf('end-volume\n', start) + 'end-volume\n'.length;
  const volume = [`volume v-${name}`, ...lines, `subvolumes v-${below}`, 'end-volume', ''].join('\n');
  const above = text.slice(end).replace(`subvolumes v-${below}\n`, `subvolumes v-${name}\n`);
  return `${text.slice(0, end)}\n${volume}${above}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class BrickProcess {
  /** Holds everything of this process: the brick, its volfile, its log. */
  readonly folder: string;
  /** The brick's directory, which is its name too. */
  readonly brick: string;
  readonly volumeId = randomUUID();
  readonly logFile: string;
  readonly volfile: string;
  port = 0;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #options: BrickProcessOptions;
  /** How the process ended: null while it runs. */
  exit: { code: number | null; signal: string | null } | null = null;
  stderr = '';

  constructor(options: BrickProcessOptions = {}) {
    this.#options = options;
    this.folder = mkdtempSync(join(process.env['POSIX_TEST_DIR'] ?? '/var/tmp', 'brickd-process-'));
    const { name = 'brick' } = options;
    this.brick = join(this.folder, name);
    this.logFile = join(this.folder, `${name}.log`);
    this.volfile = join(this.folder, 'brick.vol');
    mkdirSync(this.brick);
    const id = `0x${this.volumeId.replaceAll('-', '')}`;
    execFileSync('setfattr', ['-n', 'trusted.glusterfs.volume-id', '-v', id, this.brick]);
    // glusterd makes this when it makes the volume.
    mkdirSync(join(this.brick, '.glusterfs/indices'), { recursive: true, mode: 0o600 });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get log(): string {
    try {
      return readFileSync(this.logFile, 'latin1');
    } catch {
      return '';
    }
  }

  /** Starts the process and waits until it listens. */
  async start(): Promise<this> {
    if (this.port === 0) this.port = await freePort();
    // As text: written as UTF-8 below.
    const text = sampleBrickVolfile({
      volume: 'v',
      directory: this.brick,
      volumeId: this.volumeId,
      port: this.port,
      bindAddress: '127.0.0.1',
      login: LOGIN,
      ...(this.#options.allow === undefined ? {} : { allow: this.#options.allow }),
      ...(this.#options.options === undefined ? {} : { options: this.#options.options }),
    });
    writeFileSync(this.volfile, this.#options.volfile?.(text) ?? text);
    const logTo = this.#options.logTo ?? this.logFile;
    const args = ['-f', this.volfile, '-N', '-l', logTo, '--brick-name', this.brick, '--process-name', 'brick'];
    // Without what the test runner has Node load into every process.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([key]) => key !== 'NODE_OPTIONS' && !key.startsWith('_TAPJS')),
    );
    // By env(1): the runner has hooked spawn, and adds its variables to whatever environment is given here.
    const variables = Object.entries({ ...env, ...this.#options.env }).map(([key, value]) => `${key}=${value}`);
    const mounts = Object.entries(this.#options.mounts ?? {});
    const bind = mounts.map(([name, path]) => `mount --bind '${join(this.folder, name)}' '${path}' && `).join('');
    const apart = bind === '' ? [] : ['unshare', '--mount', 'sh', '-c', `${bind}exec "$@"`, 'sh'];
    const [file, ...call] = [...apart, '/usr/bin/env', '-i', ...variables, PROGRAM, ...args];
    const child = spawn(file!, call, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.exit = null;
    child.stdout?.on('data', (data: Buffer) => (this.stderr += data.toString('latin1')));
    child.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString('latin1')));
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.exit = { code, signal };
        resolve();
      });
    });
    const until = Date.now() + START_LIMIT_MS;
    while (!this.listens()) {
      if (this.exit !== null || Date.now() > until) {
        throw new Error(`the brick process does not start: ${JSON.stringify(this.exit)}\n${this.stderr}\n${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this;
  }

  listens(): boolean {
    const hex = this.port.toString(16).toUpperCase().padStart(4, '0');
    return readFileSync('/proc/net/tcp', 'latin1').includes(`0100007F:${hex} 00000000:0000 0A`);
  }

  /** Resident memory, in MiB. */
  get residentMib(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  }

  /** Changes the text of the volfile, and has the process read it again. */
  reload(change: (text: string) => string): void {
    writeFileSync(this.volfile, change(readFileSync(this.volfile, 'utf8')));
    this.signal('SIGHUP');
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.exit === null) this.#child?.kill(signal);
    await this.#ended;
  }

  /** Stops the process and removes its folder. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    execFileSync('rm', ['-rf', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
