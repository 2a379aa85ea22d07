/**
 * The health check: writes a line to `.glusterfs/health_check` at intervals and reads it back. If that fails, or takes
 * too long, the brick is taken out of service, so that clients turn to its replicas.
 */

import { background } from '../../mux/base/fault.js';
import { batch } from '../../native/batch.js';
import {
  EAGAIN,
  ECANCELED,
  EDQUOT,
  EINTR,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  ENOSPC,
  EUCLEAN,
  errnoName,
} from '../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../native/layout.js';
import { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } from '../../native/linux.js';
import { region } from '../../native/memory.js';
import { Queue } from '../../native/queue.js';
import type { DiskContext } from '../disk/context.js';

const FILE = 'health_check';
const ROOM = 256;
/**
 * Errors that say nothing about the disk: the process or the machine is short of a resource, or the disk is full, which clients
 * learn anyway. Any other error (EIO, ENODEV, ESHUTDOWN, EUCLEAN, EROFS, a missing directory) means that the brick cannot serve.
 */
const NOT_THE_DISK: ReadonlySet<number> = new Set([EAGAIN, EINTR, EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC, EDQUOT]);

export class HealthCheck {
  readonly #disk: DiskContext;
  /** A queue of its own, so that a busy brick does not look dead. */
  #queue: Queue | null = null;
  #cancel: (() => void) | null = null;
  #cancelLimit: (() => void) | null = null;
  #running = false;
  /** Finished checks, and those of them that failed. */
  checks = 0;
  failures = 0;
  /** When the last successful check ended, in seconds since the epoch; 0: none yet. */
  healthyAtSec = 0;

  get queue(): Queue | null {
    return this.#queue;
  }

  constructor(disk: DiskContext) {
    this.#disk = disk;
  }

  /** Starts the checks, or applies changed options. */
  start(): void {
    this.#cancel?.();
    this.#cancel = null;
    const seconds = this.#disk.options['health-check-interval'];
    if (seconds === 0) return;
    this.#queue ??= new Queue(1);
    this.#cancel = this.#disk.brick.timer(seconds * 1000, true, () =>
      background(this.check(), this.#disk.log, 'the health check has failed itself'),
    );
  }

  stop(): void {
    this.#cancel?.();
    this.#cancelLimit?.();
    this.#cancel = null;
    this.#cancelLimit = null;
    this.#queue?.close();
    this.#queue = null;
  }

  /** One check. Returns the errno of its failure, or 0. */
  async check(): Promise<number> {
    if (this.#running || this.#queue === null) return 0;
    this.#running = true;
    const limit = this.#disk.options['health-check-timeout'];
    let late = false;
    if (limit > 0) {
      this.#cancelLimit = this.#disk.brick.timer(limit * 1000, false, () => {
        late = true;
        this.#fail(`no answer within ${limit} seconds`);
      });
    }
    const errno = await this.#writeAndRead(this.#queue);
    this.#cancelLimit?.();
    this.#cancelLimit = null;
    this.#running = false;
    if (errno === ECANCELED) return 0;
    this.checks++;
    if (errno === 0) this.healthyAtSec = Date.now() / 1000;
    if (NOT_THE_DISK.has(errno)) {
      const text = `${this.#disk.path}: the health check could not be done, but not because of the disk; the next one decides`;
      this.#disk.log.warning(113075, text, errno);
    } else if (errno !== 0 && !late) {
      this.#fail(errnoName(errno));
    }
    return errno;
  }

  #fail(cause: string): void {
    const disk = this.#disk;
    this.failures++;
    this.stop();
    disk.log.error(113075, `health-check failed, going down: ${disk.path}: ${cause}`);
    disk.brick.fail(`health-check of ${disk.path} failed: ${cause}`);
  }

  async #writeAndRead(queue: Queue): Promise<number> {
    const memory = region(ROOM * 2);
    const line = new Date().toISOString().slice(0, 19).replace('T', ' ');
    memory.bytes.latin1Write(line, 0);
    const dir = this.#disk.glusterfsFd;
    const b = batch();
    b.open(dir, FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
    const write = b.pwrite(reg(0), memory.address, line.length, 0);
    b.close(reg(0), ALWAYS);
    const open = b.open(dir, FILE, O_RDONLY | O_NOFOLLOW);
    const read = b.pread(reg(open), memory.address + ROOM, ROOM, 0);
    b.close(reg(open), ALWAYS);
    await queue.run(b, 0, Priority.high);
    let errno = b.errno;
    if (errno === 0 && (b.result(write) !== line.length || b.result(read) !== line.length)) errno = EUCLEAN;
    if (errno === 0 && memory.bytes.latin1Slice(ROOM, ROOM + line.length) !== line) errno = EUCLEAN;
    b.release();
    memory.release();
    return errno;
  }
}
