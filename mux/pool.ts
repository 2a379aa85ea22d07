/**
 * The pool of brick workers. Piscina carries the control tasks; a brick's tasks always go to the worker that owns it.
 * Fops never pass here: they arrive on the worker's own connections.
 */
import { Piscina } from 'piscina';
import type { BrickFacts, BrickTask, HostEvent } from './facts.js';
import type { Handover } from './greeting.js';
import type { WorkerStats } from './stats.js';

/** Exported functions of the worker module, with argument and result. */
export interface WorkerTasks {
  attach(task: BrickTask): BrickFacts;
  reconfigure(task: BrickTask): BrickFacts;
  detach(brick: string): void;
  adopt(task: { brick: string; handover: Handover }): void;
  status(task: { brick: string; what: string }): Record<string, string | number | bigint>;
  profile(task: { brick: string; input: Map<string, string> }): Map<string, string | number | bigint>;
  barrier(task: { brick: string; enable: boolean }): void;
  statedump(task: Record<string, boolean>): string;
  stats(task: null): WorkerStats;
}
type TaskName = keyof WorkerTasks;
type Argument<N extends TaskName> = Parameters<WorkerTasks[N]>[0];
type Result<N extends TaskName> = ReturnType<WorkerTasks[N]>;

/** Control tasks that one worker may have under way: attaches of a whole node, adoptions of a burst of clients. */
const TASKS_PER_WORKER = 4096;

export class BrickPool {
  readonly #piscina: Piscina;
  /** Worker index of each brick. */
  readonly #placement = new Map<string, number>();
  readonly #size: number;

  constructor(workerModule: string, size: number, onEvent: (event: HostEvent) => void) {
    this.#size = size;
    this.#piscina = new Piscina({
      filename: workerModule,
      minThreads: size,
      maxThreads: size,
      concurrentTasksPerWorker: TASKS_PER_WORKER,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A worker owns sockets: it must never wait for tasks in a way that stops its event loop.
      atomics: 'disabled',
      workerHistogram: false,
      recordTiming: false,
      loadBalancer: (task, workers) => {
        const { worker } = (task as unknown as Record<symbol, { worker: number }>)[Piscina.queueOptionsSymbol]!;
        const byId = [...workers].sort((a, b) => a.id - b.id);
        return byId[worker] ?? null;
      },
    });
    this.#piscina.on('message', (message: HostEvent) => onEvent(message));
  }

  /** The worker with the fewest bricks takes a new one. */
  place(brick: string): number {
    const known = this.#placement.get(brick);
    if (known !== undefined) return known;
    const load = new Array<number>(this.#size).fill(0);
    for (const w of this.#placement.values()) load[w] = load[w]! + 1;
    const worker = load.indexOf(Math.min(...load));
    this.#placement.set(brick, worker);
    return worker;
  }

  displace(brick: string): void {
    this.#placement.delete(brick);
  }

  /** Runs a task on the worker that owns the brick. */
  run<N extends TaskName>(brick: string, name: N, argument: Argument<N>): Promise<Result<N>> {
    return this.runOn(this.place(brick), name, argument);
  }

  runOn<N extends TaskName>(worker: number, name: N, argument: Argument<N>): Promise<Result<N>> {
    const task = { argument, [Piscina.queueOptionsSymbol]: { worker } };
    return this.#piscina.run(task, { name }) as Promise<Result<N>>;
  }

  /** Every worker that has bricks. */
  inUse(): number[] {
    return [...new Set(this.#placement.values())].sort((a, b) => a - b);
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}
