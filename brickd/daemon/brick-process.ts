/** A brick process from its command line to its exit status. */

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BrickError } from '../../mux/base/brick-error.js';
import { background } from '../../mux/base/fault.js';
import { event, loggerFor } from '../../mux/base/log.js';
import { makeOwnDirectory } from '../../mux/base/own-files.js';
import { addon } from '../../native/addon.js';
import { defined } from '../../native/assert.js';
import {
  type ByteString,
  bytesOfLatin1,
  bytesOfText,
  fsPath,
  latin1OfBytes,
  NO_BYTES,
  textPath,
} from '../../native/bytes.js';
import { EADDRINUSE } from '../../native/errno.js';
import type { BrickArguments } from '../arguments/brick-arguments.js';
import type { BrickServer, ListenOptions } from '../brick-server.js';
import { pause } from '../glusterd/backoff.js';
import { type BrickLife, BrickOpHandler } from '../glusterd/brick-ops.js';
import { BrickOpsServer } from '../glusterd/brick-ops-server.js';
import { levelOf } from '../log/control.js';
import { DaemonLog } from '../log/open.js';
import { isStandardError } from '../log/standard-error.js';
import { leaveLastWords, takeLastWordsBack } from '../metrics/last-words.js';
import { ProcessMetrics } from '../metrics/process-metrics.js';
import { GLUSTER_RELEASES, VERSION } from '../version.js';
import { Bricks, type Departure } from './bricks.js';
import { Ending } from './ending.js';
import { GlusterdLink } from './glusterd-link.js';
import { takeIdentity } from './identity.js';
import { metricsText, writeMetricsFile } from './metrics-file.js';
import { Pidfile, PidfileError } from './pidfile.js';
import { handleSignals } from './signals.js';
import { INIT_FAILED, StartFailure } from './start-failure.js';
import { writeStatedump } from './statedump.js';
import { StatusPipe } from './status-pipe.js';

const log = loggerFor('glusterfsd');
const FILES_WANTED = 1048576;
const FILES_NEEDED = 65536;
/** Retries of a busy port, which may belong to a process that is just ending. */
const LISTEN_TRIES = 10;
const LISTEN_PAUSE_MS = 100;
/** Time for clients to notice that a brick failed, before the process of a single brick ends. */
const FAILED_BRICK_GRACE_MS = 30_000;

/** Time for a reply to glusterd to be sent before the process exits. */
const ANSWER_LEAVES_MS = 50;

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
    process.stderr.write(daemonLog, 'latin1');
    status.release(255);
    process.exit(255);
  }
  await new BrickProcess(args, around, daemonLog, status).start();
}

function openLog(args: BrickArguments): DaemonLog | string {
  try {
    if (!isStandardError(args.logFile)) makeOwnDirectory(bytesOfLatin1(dirname(latin1OfBytes(args.logFile))));
    return new DaemonLog({
      file: args.logFile,
      level: defined(levelOf(args.logLevel), 'the level of the command line is checked'),
      localTime: args.localTime,
      withId: args.logFormat === 'with-msg-id',
      bufferSize: args.logBufferSize,
      flushTimeoutS: args.logFlushTimeoutS,
    });
  } catch (error) {
    return `ERROR: failed to open logfile ${args.logFile} (${bytesOfText((error as Error).message)})\n`;
  }
}

class BrickProcess implements BrickLife {
  readonly #args: BrickArguments;
  readonly #around: Surroundings;
  readonly #log: DaemonLog;
  readonly #status: StatusPipe;
  readonly #ending: Ending;
  /** Null when the volfile is one of the local disk. */
  readonly #link: GlusterdLink | null;
  #bricks: Bricks | null = null;
  server: BrickServer | null = null;
  #metrics: ProcessMetrics | null = null;
  /** Resolves when bricks can be attached. */
  readonly #serving: Promise<void>;
  #served: () => void = () => {};
  /** Exit status when the last brick has left. */
  #endStatus = 15;

  constructor(args: BrickArguments, around: Surroundings, daemonLog: DaemonLog, status: StatusPipe) {
    this.#args = args;
    this.#around = around;
    this.#log = daemonLog;
    this.#status = status;
    this.#serving = new Promise((resolve) => {
      this.#served = resolve;
    });
    const events = {
      volfilesChanged: () => this.#bricks?.refresh(),
      bricks: () => this.#bricks?.staying() ?? [],
    };
    this.#link = args.servers.length > 0 ? new GlusterdLink(args, events) : null;
    this.#ending = new Ending(daemonLog, status, async (brick) => this.#link?.signOut(brick));
  }

  get firstBrick(): ByteString {
    return this.#args.brickName;
  }

  async start(): Promise<void> {
    try {
      this.#settle();
      await this.#serve();
      // The process serves even if the registration with glusterd fails.
      const outcome = (await this.#link?.signIn()) ?? 'accepted';
      this.#status.release(outcome === 'accepted' ? 0 : INIT_FAILED);
    } catch (error) {
      if (!(error instanceof StartFailure)) return this.#ending.crash(error);
      this.#status.release(error.status);
      await this.#ending.exit(error.exit, [this.firstBrick]);
    }
  }

  /** Everything before the network: identity, pidfile, limits, signals. */
  #settle(): void {
    const args = this.#args;
    const [program = NO_BYTES] = args.argv;
    const line = args.argv.join(' ');
    loggerFor(latin1OfBytes(program)).info(
      100030,
      event('Started running version', {
        arg: program,
        version: VERSION,
        glusterfs: GLUSTER_RELEASES,
        cmdlinestr: line,
      }),
    );
    if (args.syslog) log.warning(0, 'logger syslog is not supported: logging goes on in this file');
    if (args.obsoleteFetchAttempts) log.warning(100033, "obsolete option '--volfile-max-fetch-attempts' was provided");
    takeIdentity(args.argv);
    this.#ending.catchAll();
    this.#takePidfile();
    loggerFor('glusterfs').info(0, `Pid of current running process is ${process.pid}`);
    handleSignals({
      end: (signal) => this.#ending.bySignal(signal, args.foreground, this.#bricks?.staying() ?? [this.firstBrick]),
      reload: () => this.#reload(),
      statedump: () => this.#statedump(),
      metrics: () => background(this.dumpMetrics(), log, 'writing the metrics file failed'),
    });
    if (this.#around.launched) {
      this.#log.takeStandardError();
      process.chdir('/');
    }
    if (args.oomScoreAdj !== '') this.#setOomScore();
    const files = addon.setFileLimit(FILES_WANTED);
    if (files < FILES_NEEDED) log.warning(115008, event('Failed to set max open fd to 64k', { limit: files }));
  }

  #takePidfile(): void {
    if (this.#args.pidFile.length === 0) return;
    try {
      this.#ending.pidfile = Pidfile.take(this.#args.pidFile);
    } catch (error) {
      if (!(error instanceof PidfileError)) throw error;
      log.error(error.msgid, error.message, error.errno);
      process.stderr.write(`${error.message}\n`, 'latin1');
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
    if (args.socketFile.length > 0) await this.#listenForGlusterd();
    // Loading the server's modules and asking for the volfile overlap.
    const making = this.#around.makeServer();
    making.catch(() => {});
    const link = this.#link;
    const volfileId = link === null ? latin1OfBytes(args.volfile) : args.volfileId;
    const text = link === null ? await this.#read() : await link.firstVolfile();
    const server = await making;
    server.onBrickFailed((brick, reason) => this.#failed(brick, reason));
    const bricks = new Bricks(args, server, this.#log, link?.management ?? null);
    bricks.onEmpty = () => this.#endSoon();
    this.#bricks = bricks;
    this.#ending.server = server;
    const facts = await this.#attach(bricks, volfileId, text);
    await this.#listen(server, facts.listen);
    this.server = server;
    this.#served();
    background(takeLastWordsBack(facts.brick), log, 'taking last words back');
    this.#startMetrics(server);
  }

  #startMetrics(server: BrickServer): void {
    const link = this.#link;
    const source = {
      stats: () => server.stats(),
      bricks: () => server.bricks(),
      state: () => {
        const state = server.state();
        const bricks = state.bricks.map((b) => ({
          ...b,
          signedIn: link?.knows(b.brick),
          volfile: this.#bricks?.volfiles.ofBrick(b.brick),
        }));
        return { ...state, bricks, logLines: this.#log.lines(), glusterdConnected: link?.management.connected };
      },
    };
    const metrics = new ProcessMetrics(source, this.#args.metrics);
    this.#metrics = metrics;
    this.#ending.metrics = metrics;
    background(metrics.reload(), log, 'starting the metrics failed');
  }

  async #listenForGlusterd(): Promise<void> {
    const operations = new BrickOpsServer(new BrickOpHandler(this));
    try {
      await operations.listen(textPath(this.#args.socketFile));
    } catch (error) {
      log.error(
        0,
        `cannot listen on ${this.#args.socketFile}: ${bytesOfText((error as Error).message)}; glusterd cannot reach the brick`,
      );
    }
  }

  async #read(): Promise<string> {
    const path = this.#args.volfile;
    try {
      return await readFile(fsPath(path), 'latin1');
    } catch (error) {
      const text = bytesOfText((error as Error).message);
      log.error(100009, event('loading volume file failed', { volume_file: path, error: text }));
      throw new StartFailure(INIT_FAILED, NO_VOLFILE_EXIT);
    }
  }

  async #attach(bricks: Bricks, volfileId: string, text: string): ReturnType<Bricks['attach']> {
    try {
      return await bricks.attach(volfileId, text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const name =
        error instanceof BrickError ? error.brick : this.firstBrick.length === 0 ? volfileId : this.firstBrick;
      log.error(100026, `brick ${name} cannot be served: ${message}`);
      await leaveLastWords(error instanceof BrickError ? error.brick : this.firstBrick, 'refused', message);
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
        const reason = `cannot listen on ${where}: ${(error as Error).message}`;
        loggerFor('rpc-service').error(115045, reason);
        await leaveLastWords(this.firstBrick, 'refused', reason);
        throw busy ? new StartFailure(EADDRINUSE, EADDRINUSE) : new StartFailure(INIT_FAILED, 1);
      }
    }
  }

  // --- BrickLife ----------------------------------------------------------------------------------------------------

  async terminate(brick: ByteString, graceful: boolean): Promise<Departure> {
    if (this.server === null && brick !== this.firstBrick) await this.#serving;
    const bricks = this.#bricks;
    this.#endStatus = graceful ? 0 : 15;
    if (bricks === null) {
      this.#endSoon();
      return 'gone';
    }
    if (!bricks.knows(brick)) return 'absent';
    const last = bricks.staying().every((other) => other === brick);
    if (last && !graceful) log.info(0, `terminating after loss of last child ${brick}`);
    else log.info(0, `detaching not-only child ${brick}  graceful_cleanup ${graceful ? 1 : 0}`);
    try {
      return await bricks.detach(brick, async () => this.#link?.signOut(brick));
    } catch (error) {
      if (!last) throw error;
      log.error(0, `detaching ${brick} failed, the process ends all the same: ${String(error)}`);
      this.#endSoon();
      return 'late';
    }
  }

  async attachFile(volfilePath: ByteString): Promise<void> {
    // Without a wait when there is none to be: requests that come together keep their order.
    if (this.server === null) await this.#serving;
    const bricks = defined(this.#bricks, 'a process that serves has its bricks');
    try {
      const { brick } = await bricks.attachFile(volfilePath);
      background(takeLastWordsBack(brick), log, 'taking last words back');
    } catch (error) {
      if (error instanceof BrickError) await leaveLastWords(error.brick, 'refused', error.message);
      throw error;
    }
  }

  /** Ends the process when the answer to glusterd has left, unless a brick comes before that. */
  #endSoon(): void {
    setTimeout(() => {
      if (this.#bricks?.empty !== false) this.#ending.end(this.#endStatus, []);
    }, ANSWER_LEAVES_MS);
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

  /** A brick has failed. It leaves alone; the process of a single brick gives its clients time to hear of it, and ends. */
  #failed(brick: ByteString, reason: string): void {
    log.critical(0, `brick ${brick} has failed: ${reason}`);
    background(leaveLastWords(brick, 'failed', reason), log, 'leaving word of a failed brick');
    if (this.#hasOthers(brick)) {
      this.#takeOut(brick);
      return;
    }
    log.critical(
      0,
      event('the only brick has failed, the process ends', { brick, seconds: FAILED_BRICK_GRACE_MS / 1000 }),
    );
    setTimeout(() => {
      if (this.#hasOthers(brick)) this.#takeOut(brick);
      else process.kill(process.pid, 'SIGTERM');
    }, FAILED_BRICK_GRACE_MS);
  }

  #hasOthers(brick: ByteString): boolean {
    return this.#bricks?.staying().some((other) => other !== brick) === true;
  }

  #takeOut(brick: ByteString): void {
    this.terminate(brick, false).catch((error: unknown) => log.error(0, `detaching ${brick}: ${String(error)}`));
  }

  #reload(): void {
    if (this.#link !== null) log.info(100011, 'Fetching the volume file from server...');
    this.#log.rotate();
    this.#bricks?.refresh();
    background(this.#metrics?.reload() ?? Promise.resolve(), log, 'reading the settings of the metrics failed');
  }

  #statedump(): void {
    const target = { brickName: this.firstBrick, statedumpPath: this.#bricks?.statedumpPath ?? NO_BYTES };
    writeStatedump(target, this.server).catch((error: unknown) => {
      log.error(0, `statedump failed: ${String(error)}`);
    });
  }
}
