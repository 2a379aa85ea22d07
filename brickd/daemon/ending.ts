/** Ends a brick process: on a signal, after its last brick, or after a fault. */

import { constants } from 'node:os';
import { describeThrown } from '../../mux/base/fault.js';
import { loggerFor } from '../../mux/base/log.js';
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import type { BrickServer } from '../brick-server.js';
import { pause } from '../glusterd/backoff.js';
import type { DaemonLog } from '../log/open.js';
import type { Pidfile } from './pidfile.js';
import type { StatusPipe } from './status-pipe.js';

const log = loggerFor('');
/** glusterd kills a brick that has not ended a second after it was told to. */
const LEAVE_MS = 500;
const CRASH_STATUS = 1;
const { SIGTERM } = constants.signals;

export class Ending {
  pidfile: Pidfile | null = null;
  server: BrickServer | null = null;
  metrics: { close(): Promise<void> } | null = null;
  readonly #log: DaemonLog;
  readonly #status: StatusPipe;
  readonly #signOut: (brick: ByteString) => Promise<void>;
  #begun = false;

  constructor(daemonLog: DaemonLog, status: StatusPipe, signOut: (brick: ByteString) => Promise<void>) {
    this.#log = daemonLog;
    this.#status = status;
    this.#signOut = signOut;
  }

  /**
   * A daemon leaves with the number of the signal, as stock bricks do. Whoever keeps it in the foreground, as containers do, takes any
   * status but 0 for a failure: there it has done as TERM told it to.
   */
  bySignal(signal: number, foreground: boolean, bricks: ByteString[]): void {
    log.warning(0, `received signum (${signal}), shutting down`);
    this.end(foreground && signal === SIGTERM ? 0 : signal, bricks);
  }

  /** As {@link exit}, without waiting: an end that fails half way is still the end. */
  end(status: number, bricks: ByteString[]): void {
    this.exit(status, bricks).catch((thrown: unknown) => {
      log.critical(0, `ending failed: ${describeThrown(thrown)}`);
      addon.exitNow(status);
    });
  }

  /** Signs the bricks out, closes what can be closed in half a second, and exits. Later calls do nothing. */
  async exit(status: number, bricks: ByteString[]): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    const leaving = Promise.allSettled([
      ...bricks.map((b) => this.#signOut(b)),
      this.server?.close(),
      this.metrics?.close(),
    ]);
    await Promise.race([leaving, pause(LEAVE_MS)]);
    this.pidfile?.release();
    this.#log.flush();
    // Not process.exit(): that waits for system calls in progress, and one on a hung disk may never end.
    addon.exitNow(status);
  }

  /** A fault of the program: whatever is known goes to the log, then the process ends. */
  crash(error: unknown): void {
    log.critical(0, `uncaught fault, shutting down: ${describeThrown(error)}`);
    this.#log.flush();
    this.#status.release(CRASH_STATUS);
    this.end(CRASH_STATUS, this.server?.bricks() ?? []);
  }

  catchAll(): void {
    process.on('uncaughtException', (error) => this.crash(error));
    process.on('unhandledRejection', (reason) => this.crash(reason));
  }
}
