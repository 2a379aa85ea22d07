/**
 * One brick worker as the main thread sees it: its thread, the message port on which it reports events, and how its end
 * is noticed: when it begins to end, so that nothing more is sent to it, and when the thread and all that it held are
 * gone.
 */

import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { assert } from '../../native/assert.js';
import type { ByteString } from '../../native/bytes.js';
import { background, describeThrown } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { WorkerEvent } from './worker-protocol.js';

const log = loggerFor('workers');

/** A worker that has not come up after this time never will. */
const START_MS = 60_000;

export interface WorkerReports {
  event(event: WorkerEvent): void;
  /**
   * The worker has failed: its thread is ending, or has ended. Called once, at the first sign; not for a worker that was told
   * to stop.
   */
  down(worker: BrickWorker): void;
}

/** The first task of a worker. */
export interface WorkerHello {
  /** Where it reports without being asked. */
  line: MessagePort;
  /** One number in shared memory, set when its JavaScript memory has met its bound. */
  heapExhausted: Int32Array;
}

/** Where Piscina is to send a task; read by the pool's balancer. */
export interface Route {
  threadId: number;
}

/** stillborn: ended before it took tasks. */
type WorkerState = 'starting' | 'up' | 'ended' | 'stillborn';

const NEXT_STATES: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  starting: ['up', 'stillborn'],
  up: ['ended'],
  ended: [],
  stillborn: [],
};

export class BrickWorker {
  readonly route: Route = { threadId: 0 };
  /** Resolves when the worker takes tasks; rejects when it never will. */
  readonly ready: Promise<void>;
  /** Resolves when the thread has ended, and all that it said is heard: its sockets and files are closed then. */
  readonly ended: Promise<void>;
  /** Bricks that have been placed here. */
  readonly bricks = new Set<ByteString>();
  /** To be called when Piscina has the thread among those that take tasks. */
  listed: () => void = () => {};
  /** Called when the worker is lost while a task is under way there. */
  readonly waiting = new Set<() => void>();
  /** Share of the time that it was busy of late, 0 to 1. */
  busy = 0;
  /** It carries bricks that may have made another worker fail: no others are to join them. */
  suspect = false;
  readonly #thread: Worker;
  readonly #reports: WorkerReports;
  #used: ReturnType<Worker['performance']['eventLoopUtilization']> | undefined;
  readonly #line: MessagePort;
  readonly #heapExhausted = new Int32Array(new SharedArrayBuffer(4));
  #state: WorkerState = 'starting';
  /** What it said of its failure, or else how it ended. */
  #fault = '';
  #ended = '';

  constructor(piscina: Piscina, reports: WorkerReports) {
    this.#reports = reports;
    const { port1, port2 } = new MessageChannel();
    this.#line = port1;
    const before = new Set(piscina.threads);
    const given = new AbortController();
    // A task with a signal waits aside until its new thread is up; tasks for other workers don't queue behind it.
    const hello = this.#startThread(piscina, port2, given);
    hello.catch(() => {});
    const thread = piscina.threads.find((t) => !before.has(t));
    if (thread === undefined) {
      given.abort();
      throw new Error('too many workers');
    }
    this.#thread = thread;
    // The thread forgets its number when it ends.
    this.route.threadId = this.#thread.threadId;
    const late = setTimeout(() => this.#down(`did not start within ${START_MS / 1000} s`), START_MS);
    late.unref();
    // Its answer may overtake Piscina's own word that the thread is there; before that, no task is sent to it.
    const listed = new Promise<void>((resolve) => {
      this.listed = resolve;
    });
    this.ready = Promise.all([hello, listed]).then(() => {
      clearTimeout(late);
      if (this.#state === 'starting') this.#become('up');
    });
    this.ready.catch(() => {});
    const gone = new Promise((resolve) => this.#thread.once('exit', resolve));
    const silent = new Promise((resolve) => port1.once('close', resolve));
    this.ended = Promise.all([gone, silent]).then(() => {});
    port1.on('message', (message: WorkerEvent) => this.#onMessage(message));
    // The line breaks when the thread begins to end.
    port1.once('close', () => this.#down(''));
    port1.unref();
    this.#thread.once('error', (error: unknown) => {
      if (this.#fault === '') this.#fault = describeThrown(error);
      this.#down('');
    });
    this.#thread.once('exit', (code) => {
      this.#down(this.#heapExhausted[0] === 0 ? `exited with status ${code}` : exhaustion(piscina));
      given.abort();
      // Should the thread never have had it: nobody else closes it then.
      port2.close();
    });
  }

  /** False from the first sign of its end on. */
  get alive(): boolean {
    return this.#state === 'starting' || this.#state === 'up';
  }

  /** Whether it has ever taken tasks. */
  get started(): boolean {
    return this.#state === 'up' || this.#state === 'ended';
  }

  #become(next: WorkerState): void {
    assert(NEXT_STATES[this.#state].includes(next), 'a worker goes through its states in order');
    this.#state = next;
  }

  /** Why it has ended, as far as it is known by now. */
  get fault(): string {
    return this.#fault || this.#ended || 'its thread has ended';
  }

  /** Has Piscina start a thread for the first task. Throws when the system gives none. */
  #startThread(piscina: Piscina, line: MessagePort, given: AbortController): Promise<void> {
    const argument: WorkerHello = { line, heapExhausted: this.#heapExhausted };
    const task = { argument, [Piscina.queueOptionsSymbol]: this.route };
    try {
      return piscina.run(task, { name: 'hello', transferList: [line], signal: given.signal }) as Promise<void>;
    } catch (error) {
      // The task has been put aside already.
      given.abort();
      line.close();
      throw error;
    }
  }

  #onMessage(message: WorkerEvent): void {
    if (message.event === 'fault') this.#fault = message.reason;
    else if (this.alive) this.#reports.event(message);
  }

  #down(fault: string): void {
    if (this.#ended === '') this.#ended = fault;
    if (!this.alive) return;
    this.#end();
    this.#reports.down(this);
  }

  #end(): void {
    this.#become(this.#state === 'up' ? 'ended' : 'stillborn');
    // The end is waited for, whatever else there is to do.
    this.#line.ref();
    for (const lost of [...this.waiting]) lost();
    background(this.#thread.terminate(), log, 'ending a worker failed');
  }

  /** Ends the thread as if by itself, for tests. */
  terminate(): void {
    background(this.#thread.terminate(), log, 'ending a worker failed');
  }

  /** Ends the worker, with no report. Resolves when its thread has gone. */
  stop(): Promise<void> {
    if (this.alive) this.#end();
    return this.ended;
  }

  /** Takes note of how busy the worker has been since the last call. */
  sample(): void {
    if (!this.alive) return;
    const now = this.#thread.performance.eventLoopUtilization();
    const since = this.#used === undefined ? now : this.#thread.performance.eventLoopUtilization(now, this.#used);
    this.#used = now;
    // A thread that is just starting has no time to divide by.
    const share = Number.isFinite(since.utilization) ? Math.min(Math.max(since.utilization, 0), 1) : 0;
    this.busy = (this.busy + share) / 2;
  }
}

function exhaustion(piscina: Piscina): string {
  const bound = piscina.options.resourceLimits?.maxOldGenerationSizeMb;
  return `used up its JavaScript memory${bound === undefined ? '' : `, ${bound} MiB (BRICKD_WORKER_HEAP_MIB)`}`;
}
