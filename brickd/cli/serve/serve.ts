/** `brickd serve`: serves sample bricks on one port, without glusterd. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BrickError } from '../../../mux/base/brick-error.js';
import { DIRECTORY_MODE } from '../../../mux/base/own-files.js';
import { addon } from '../../../native/addon.js';
import { bytesOfText, textOfBytes, textOfLatin1 } from '../../../native/bytes.js';
import type { BrickServer } from '../../brick-server.js';
import { pause } from '../../glusterd/backoff.js';
import { levelOf } from '../../log/control.js';
import { DaemonLog } from '../../log/open.js';
import { MOST_WORKERS, makeServer } from '../../server-factory.js';
import { CommandError } from '../command-error.js';
import { makeSampleBricks, writeClientVolfile } from './sample-bricks.js';
import { startMetrics } from './serve-metrics.js';

export interface ServeOptions {
  data: string;
  port: number;
  bricks: number;
  /** Brick workers at most; undefined: by the number of cores. */
  workers?: number | undefined;
  /** Address to listen on; '*' for all. */
  bind: string;
  metricsPort: number;
  logLevel: string;
}

const MAX_BRICKS = 256;
const LOCALHOST = '127.0.0.1';
/** How long the end waits for the bricks: the disk of one may hang. */
const CLOSE_WAIT_MS = 10_000;

/** Serves until it is interrupted. Throws a CommandError for what the caller can put right. */
export async function serve(o: ServeOptions): Promise<void> {
  const level = levelOf(o.logLevel);
  if (level === undefined) throw new CommandError(`unknown log level ${o.logLevel}`, 64);
  if (!Number.isInteger(o.bricks) || o.bricks < 1 || o.bricks > MAX_BRICKS) {
    throw new CommandError(`--bricks takes 1 to ${MAX_BRICKS}`, 64);
  }
  if (o.workers !== undefined && !(Number.isInteger(o.workers) && o.workers >= 1 && o.workers <= MOST_WORKERS)) {
    throw new CommandError(`--workers takes 1 to ${MOST_WORKERS}`, 64);
  }
  const data = resolve(o.data);
  mkdirSync(data, { recursive: true, mode: DIRECTORY_MODE });
  const host = o.bind === '*' ? '' : o.bind;
  const bricks = await makeSampleBricks(data, o.bricks, o.port, host);
  const logFile = join(data, 'brickd.log');
  const log = new DaemonLog({
    file: bytesOfText(logFile),
    level,
    localTime: false,
    withId: true,
    bufferSize: 5,
    flushTimeoutS: 120,
  });
  const server = await makeServer(o.workers);
  try {
    for (const b of bricks) {
      await server.attach({ brick: b.brick, volfileId: b.volfile, volfile: b.text, overrides: [] });
    }
    const { port } = await server.listen({ host, port: o.port, family: host.includes(':') ? 6 : 4, backlog: 1024 });
    const clientVolfile = writeClientVolfile(data, bricks, host === '' ? LOCALHOST : host, port);
    server.onBrickFailed((brick, reason) =>
      process.stderr.write(`brickd: brick ${brick} has failed: ${reason}\n`, 'latin1'),
    );
    const metrics = o.metricsPort === 0 ? undefined : await metricsOf(server, o.metricsPort);
    announce(
      bricks.map((b) => b.directory),
      `${host === '' ? '*' : host}:${port}`,
      clientVolfile,
      metrics,
      logFile,
    );
  } catch (error) {
    await server.close();
    if (error instanceof BrickError)
      throw new CommandError(`brick ${textOfBytes(error.brick)}: ${textOfLatin1(error.message)}`);
    if ((error as { code?: string }).code === 'EADDRINUSE')
      throw new CommandError(`port ${o.port} is in use: choose another with --port`);
    throw error;
  }
  await interrupted();
  process.stdout.write('ending\n');
  await Promise.race([server.close(), pause(CLOSE_WAIT_MS)]);
  log.flush();
  // Node.js writes a profile only when the process exits by itself.
  if (process.execArgv.some((flag) => flag.startsWith('--cpu-prof'))) process.exit(0);
  // Not process.exit(): that waits for system calls under way, and one on a hung disk may never end.
  addon.exitNow(0);
}

async function metricsOf(server: BrickServer, port: number): Promise<string> {
  try {
    return await startMetrics(server, port);
  } catch (error) {
    throw new CommandError(
      `no metrics on port ${port} (${(error as Error).message}): choose another with --metrics-port`,
    );
  }
}

function announce(
  directories: string[],
  where: string,
  clientVolfile: string,
  metrics: string | undefined,
  logFile: string,
): void {
  const quoted = /^[\w/.:@%+-]+$/.test(clientVolfile) ? clientVolfile : `'${clientVolfile.replaceAll("'", `'\\''`)}'`;
  const lines = [
    `serving ${directories.length === 1 ? 'one brick' : `${directories.length} bricks`} on ${where}`,
    ...directories.map((directory) => `  ${directory}`),
    '',
    'to mount it with the GlusterFS client (as root):',
    `  glusterfs --volfile=${quoted} /mnt`,
    // The mount helper takes no blanks and the like in names.
    ...(quoted === clientVolfile ? [`  mount -t glusterfs ${clientVolfile} /mnt        (the same)`] : []),
    '',
    ...(metrics === undefined ? [] : [`metrics  ${metrics}/metrics`, `status   ${metrics}/`]),
    `log      ${logFile}`,
    'Ctrl-C ends it.',
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}
