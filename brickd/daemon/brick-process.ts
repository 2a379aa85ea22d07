/** The life of a brick process: from its command line to its exit status. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { addon } from '../../native/addon.js';
import { EADDRINUSE, ENOTCONN } from '../../posix/contract/errno.js';
import { event, loggerFor } from '../../posix/contract/log.js';
import { type BrickServer, isBrickError, type ListenOptions } from '../brick-server.js';
import { type BrickArguments, SECURE_ACCESS_FILE } from '../cli/brick-arguments.js';
import { Backoff, pause } from '../glusterd/backoff.js';
import { type BrickLife, BrickOpHandler } from '../glusterd/brick-ops.js';
import { BrickOpsServer } from '../glusterd/brick-ops-server.js';
import { Management, VolfileRefused } from '../glusterd/management.js';
import { levelOf } from '../log/control.js';
import { DaemonLog } from '../log/open.js';
import { GLUSTER_VERSION, VERSION } from '../version.js';
import { Bricks } from './bricks.js';
import { fsPath, textPath } from './call.js';
import { Ending } from './ending.js';
import { takeIdentity } from './identity.js';
import { metricsText, writeMetricsFile } from './metrics-file.js';
import { Pidfile, PidfileError } from './pidfile.js';
import { handleSignals } from './signals.js';
import { writeStatedump } from './statedump.js';
import { StatusPipe } from './status-pipe.js';

const log = loggerFor('glusterfsd');
const FILES_WANTED = 1048576;
const FILES_NEEDED = 65536;
/** Tries to fetch the first volfile. */
const FETCH_TRIES = 10;
const SIGN_IN_TRIES = 10;
/** A port that is busy may belong to a process that is just ending. */
const LISTEN_TRIES = 10;
const LISTEN_PAUSE_MS = 100;
/** Time for clients to hear that a brick has failed, before the process of a single brick ends. */
const FAILED_BRICK_GRACE_MS = 30_000;

/** How a start failed: the status for the waiting process (abs, low 8 bits), and the process's own exit status. */
class StartFailure {
  readonly status: number;
  readonly exit: number;

  constructor(status: number, exit: number) {
    this.status = status;
    this.exit = exit;
  }
}
const INIT_FAILED = -1;
const NO_VOLFILE_EXIT = 250;

export interface Surroundings {
  /** A process waits for the status of the start. */
  launched: boolean;
  /** Makes the server that carries the bricks. */
  makeServer: () => Promise<BrickServer>;
}

export async function runBrickProcess(args: BrickArguments, around: Surroundings): Promise<void> {
  const status = new StatusPipe(around.launched);
  const daemonLog = openLog(args);
  if (typeof daemonLog === 'string') {
    process.stderr.write(daemonLog);
    status.release(255);
    process.exit(255);
  }
  await new BrickProcess(args, around, daemonLog, status).start();
}

function openLog(args: BrickArguments): DaemonLog | string {
  try {
    mkdirSync(fsPath(dirname(args.logFile)), { recursive: true, mode: 0o755 });
    return new DaemonLog({
      file: args.logFile,
      level: levelOf(args.logLevel)!,
      localTime: args.localTime,
      withId: args.logFormat === 'with-msg-id',
      bufferSize: args.logBufferSize,
      flushTimeoutS: args.logFlushTimeoutS,
    });
  } catch (error) {
    return `ERROR: failed to open logfile ${args.logFile} (${(error as Error).message})\n`;
  }
}

class BrickProcess implements BrickLife {
  readonly #args: BrickArguments;
  readonly #around: Surroundings;
  readonly #log: DaemonLog;
  readonly #status: StatusPipe;
  readonly #ending: Ending;
  #management: Management | null = null;
  #bricks: Bricks | null = null;
  server: BrickServer | null = null;

  constructor(args: BrickArguments, around: Surroundings, daemonLog: DaemonLog, status: StatusPipe) {
    this.#args = args;
    this.#around = around;
    this.#log = daemonLog;
    this.#status = status;
    this.#ending = new Ending(daemonLog, status, (brick) => this.#signOut(brick));
  }

  get firstBrick(): string {
    return this.#args.brickName;
  }

  async start(): Promise<void> {
    try {
      this.#settle();
      await this.#serve();
      await this.#signIn();
    } catch (error) {
      if (!(error instanceof StartFailure)) return this.#ending.crash(error);
      this.#status.release(error.status);
      await this.#ending.exit(error.exit, [this.firstBrick]);
    }
  }

  /** Everything before the network: identity, pidfile, limits, signals. */
  #settle(): void {
    const args = this.#args;
    const [program] = args.argv;
    const line = args.argv.join(' ');
    loggerFor(program!).info(
      100030,
      event('Started running version', { arg: program!, version: GLUSTER_VERSION, brickd: VERSION, cmdlinestr: line }),
    );
    if (args.syslog) log.warning(0, 'logger syslog is not supported: logging goes on in this file');
    if (args.obsoleteFetchAttempts) log.warning(100033, "obsolete option '--volfile-max-fetch-attempts' was provided");
    takeIdentity(args.argv);
    this.#ending.catchAll();
    this.#takePidfile();
    loggerFor('glusterfs').info(0, `Pid of current running process is ${process.pid}`);
    handleSignals({
      end: (signal) => this.#ending.bySignal(signal, this.server?.bricks() ?? [this.firstBrick]),
      reload: () => this.#reload(),
      statedump: () => this.#statedump(),
      metrics: () => void this.dumpMetrics().catch(() => {}),
    });
    if (this.#around.launched) {
      this.#log.takeStandardError();
      process.chdir('/');
    }
    if (args.oomScoreAdj !== '') this.#setOomScore();
    const files = addon.raiseFileLimit(FILES_WANTED);
    if (files < FILES_NEEDED) log.warning(115008, event('Failed to set max open fd to 64k', { limit: files }));
  }

  #takePidfile(): void {
    if (this.#args.pidFile === '') return;
    try {
      this.#ending.pidfile = Pidfile.take(this.#args.pidFile);
    } catch (error) {
      if (!(error instanceof PidfileError)) throw error;
      log.error(error.msgid, error.message, error.errno);
      process.stderr.write(`${error.message}\n`);
      throw error.unopened ? new StartFailure(255, 255) : new StartFailure(1, 1);
    }
  }

  #setOomScore(): void {
    try {
      writeFileSync('/proc/self/oom_score_adj', this.#args.oomScoreAdj);
    } catch (error) {
      log.error(0, `cannot set oom_score_adj to ${this.#args.oomScoreAdj}: ${(error as Error).message}`);
      throw new StartFailure(INIT_FAILED, 1);
    }
  }

  /** From the sockets to the signed-in brick. */
  async #serve(): Promise<void> {
    const args = this.#args;
    if (args.socketFile !== '') await this.#listenForGlusterd();
    // Loading the server's modules and asking for the volfile overlap.
    const making = this.#around.makeServer();
    making.catch(() => {});
    const volfileId = args.servers.length > 0 ? args.volfileId : args.volfile;
    const text = args.servers.length > 0 ? await this.#fetch() : await this.#read();
    const server = await making;
    server.onBrickFailed((brick, reason) => this.#failed(brick, reason));
    const bricks = new Bricks(args, server, this.#log, this.#management);
    this.#bricks = bricks;
    this.#ending.server = server;
    const facts = await bricks.serial.run(() => this.#attach(bricks, volfileId, text));
    await this.#listen(server, facts.listen);
    this.server = server;
  }

  async #listenForGlusterd(): Promise<void> {
    const operations = new BrickOpsServer(new BrickOpHandler(this));
    try {
      await operations.listen(textPath(this.#args.socketFile));
    } catch (error) {
      log.error(
        0,
        `cannot listen on ${this.#args.socketFile}: ${(error as Error).message}; glusterd cannot reach the brick`,
      );
    }
  }

  async #fetch(): Promise<string> {
    const args = this.#args;
    const host = args.servers[0]!;
    const family = args.xlatorOptions.find((o) => o.key === 'address-family')?.value;
    this.#management = new Management(
      {
        host: args.serverTransport === 'unix' ? textPath(host) : host,
        port: args.serverPort,
        transport: args.serverTransport === 'unix' ? 'unix' : 'socket',
        family: family === 'inet6' ? 6 : family === 'inet' ? 4 : 0,
        tls: args.secureMgmt ?? existsSync(SECURE_ACCESS_FILE),
      },
      {
        volfilesChanged: () => this.#bricks?.refresh(),
        reconnected: () => {
          this.#bricks?.refresh();
          void this.#signInAll();
        },
      },
    );
    try {
      await this.#management.open();
    } catch (error) {
      log.error(0, `failed to connect to remote-host: ${host} (${(error as Error).message})`);
      throw new StartFailure(ENOTCONN, 1);
    }
    try {
      return await this.#management.fetchVolfile(args.volfileId, args.brickName, FETCH_TRIES);
    } catch (error) {
      const errno = error instanceof VolfileRefused ? error.errno : ENOTCONN;
      log.error(0, `failed to fetch volume file (key:${args.volfileId}): ${(error as Error).message}`, errno);
      throw new StartFailure(errno, errno & 255);
    }
  }

  async #read(): Promise<string> {
    const path = this.#args.volfile;
    try {
      return await readFile(fsPath(path), 'latin1');
    } catch (error) {
      const text = (error as Error).message;
      log.error(100009, event('loading volume file failed', { volume_file: path, error: text }));
      throw new StartFailure(INIT_FAILED, NO_VOLFILE_EXIT);
    }
  }

  async #attach(bricks: Bricks, volfileId: string, text: string): ReturnType<Bricks['attach']> {
    try {
      return await bricks.attach(volfileId, text);
    } catch (error) {
      const known = isBrickError(error);
      const message = known || error instanceof Error ? error.message : String(error);
      const name = known ? error.brick : this.firstBrick === '' ? volfileId : this.firstBrick;
      log.error(100026, `brick ${name} cannot be served: ${message}`);
      throw new StartFailure(INIT_FAILED, 1);
    }
  }

  async #listen(server: BrickServer, options: ListenOptions): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await server.listen(options);
        return;
      } catch (error) {
        const busy = (error as { code?: string }).code === 'EADDRINUSE';
        if (busy && tries < LISTEN_TRIES) {
          await pause(LISTEN_PAUSE_MS);
          continue;
        }
        const where = `${options.host === '' ? '*' : options.host}:${options.port}`;
        loggerFor('rpc-service').error(115045, `cannot listen on ${where}: ${(error as Error).message}`);
        throw busy ? new StartFailure(EADDRINUSE, EADDRINUSE) : new StartFailure(INIT_FAILED, 1);
      }
    }
  }

  /** One sign-in for each brick. 'silent': glusterd could not be asked. */
  async #signInAll(): Promise<'accepted' | 'refused' | 'silent'> {
    const management = this.#management;
    const { brickPort, brickPort2, brickName } = this.#args;
    if (management === null || brickPort === 0 || brickName === '') return 'accepted';
    let outcome: 'accepted' | 'refused' = 'accepted';
    for (const brick of this.server?.bricks() ?? []) {
      try {
        const accepted = await management.signIn(brick, brickPort);
        if (accepted && brickPort2 !== 0) await management.signIn(`${brick}.rdma`, brickPort2);
        if (!accepted) outcome = 'refused';
      } catch (error) {
        log.warning(0, event('failed to send sign in request', { brick, reason: (error as Error).message }));
        return 'silent';
      }
    }
    return outcome;
  }

  /** Signs in at the start; a busy glusterd is asked again. The process serves on whatever comes of it. */
  async #signIn(): Promise<void> {
    const backoff = new Backoff(500, 5_000);
    for (let tries = 1; ; tries++) {
      const outcome = await this.#signInAll();
      if (outcome === 'accepted') return this.#status.release(0);
      if (outcome === 'refused' || tries >= SIGN_IN_TRIES) return this.#status.release(INIT_FAILED);
      await pause(backoff.next());
    }
  }

  #signOut(brick: string): Promise<void> {
    const { brickPort, brickPort2 } = this.#args;
    if (this.#management === null || brickPort === 0 || brick === '') return Promise.resolve();
    return this.#management.signOut(brick, brickPort, brickPort2);
  }

  // --- BrickLife ----------------------------------------------------------------------------------------------------

  async terminate(brick: string, graceful: boolean): Promise<void> {
    const last = (this.server?.bricks() ?? []).every((other) => other === brick);
    if (last && !graceful) log.info(0, `terminating after loss of last child ${brick}`);
    else log.info(0, `detaching not-only child ${brick}  graceful_cleanup ${graceful ? 1 : 0}`);
    const signedOut = this.#signOut(brick);
    await this.#bricks?.detach(brick);
    if (!last) return;
    // The answer to glusterd leaves before the process does.
    void signedOut.then(() => pause(50)).then(() => this.#ending.exit(graceful ? 0 : 15, []));
  }

  attachFile(volfilePath: string): Promise<void> {
    return this.#bricks!.attachFile(volfilePath);
  }

  async dumpMetrics(): Promise<string> {
    const head = { argv: this.#args.argv, brickName: this.firstBrick };
    const workers = (await this.server?.stats()) ?? [];
    const text = metricsText(
      head,
      workers.flatMap((w) => w.bricks),
      new Date(),
    );
    try {
      writeMetricsFile(text);
    } catch (error) {
      loggerFor('monitoring').error(0, `failed to write the metrics file (${(error as Error).message})`);
      throw error;
    }
    return text;
  }

  // --- events -------------------------------------------------------------------------------------------------------

  #failed(brick: string, reason: string): void {
    const bricks = this.server?.bricks() ?? [];
    log.critical(0, `brick ${brick} has failed: ${reason}`);
    if (bricks.some((other) => other !== brick)) {
      void this.terminate(brick, false).catch((error: unknown) => log.error(0, `detaching ${brick}: ${String(error)}`));
      return;
    }
    log.critical(
      0,
      event('the only brick has failed, the process ends', { brick, seconds: FAILED_BRICK_GRACE_MS / 1000 }),
    );
    setTimeout(() => process.kill(process.pid, 'SIGTERM'), FAILED_BRICK_GRACE_MS);
  }

  #reload(): void {
    if (this.#management !== null) log.info(100011, 'Fetching the volume file from server...');
    this.#log.rotate();
    this.#bricks?.refresh();
  }

  #statedump(): void {
    const target = { brickName: this.firstBrick, statedumpPath: this.#bricks?.statedumpPath ?? '' };
    writeStatedump(target, this.server).catch((error: unknown) => {
      log.error(0, `statedump failed: ${String(error)}`);
    });
  }
}
