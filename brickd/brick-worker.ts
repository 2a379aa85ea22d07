/** The module that every brick worker runs: its exports are the control tasks of the pool. */
import type { MessagePort } from 'node:worker_threads';
import { describeThrown } from '../mux/base/fault.js';
import { inheritLog } from '../mux/base/log.js';
import type { BrickFacts } from '../mux/brick/brick-facts.js';
import { type WorkerStats, workerStats } from '../mux/brick/views/brick-stats.js';
import { type DumpChoice, type DumpPart, dumpPart } from '../mux/brick/views/statedump.js';
import { statusOf } from '../mux/brick/views/status.js';
import type { Handover } from '../mux/handshake/handshake.js';
import { Host } from '../mux/workers/brick-host.js';
import type { WorkerHello } from '../mux/workers/brick-worker.js';
import type { FaultKind } from '../mux/workers/worker-pool.js';
import type { BrickTask, WorkerEvent } from '../mux/workers/worker-protocol.js';
import { addon } from '../native/addon.js';
import type { ByteString } from '../native/bytes.js';
import { barrierOf, profileOf } from './translators/brick-ops.js';
import { registry } from './translators/host-registry.js';

await inheritLog();

/** The line to the main thread. */
let line: MessagePort | null = null;
const report = (event: WorkerEvent): void => line?.postMessage(event);
const host = new Host(registry, report);

/**
 * A fault of the program: nothing in this thread can be relied on any more. It ends, the addon closes what it had open, and
 * its bricks start again in another.
 */
function fault(thrown: unknown): void {
  report({ event: 'fault', reason: describeThrown(thrown) });
  process.exit(1);
}
process.on('uncaughtException', fault);
process.on('unhandledRejection', fault);

/** Piscina hands each task over in this wrapping (the rest of it routes the task). */
interface Task<T> {
  argument: T;
}

/** The first task: who listens to this worker. */
export function hello({ argument }: Task<WorkerHello>): void {
  line = argument.line;
  addon.endAtHeapBound(argument.heapExhausted);
}
export function attach({ argument }: Task<BrickTask>): Promise<BrickFacts> {
  return host.attach(argument);
}
export function reconfigure({ argument }: Task<BrickTask>): Promise<BrickFacts> {
  return host.reconfigure(argument);
}
export function detach({ argument }: Task<ByteString>): Promise<void> {
  return host.detach(argument);
}
export function adopt({ argument }: Task<{ brick: ByteString; handover: Handover }>): Promise<void> {
  return host.adopt(argument.brick, argument.handover);
}

function served(name: ByteString) {
  const brick = host.brick(name);
  if (brick === undefined) throw { brick: name, errno: 2, message: 'the brick is not being served' };
  return brick;
}

export function status({
  argument,
}: Task<{ brick: ByteString; what: string }>): Record<string, string | number | bigint> {
  const brick = served(argument.brick);
  const values = statusOf(brick, argument.what);
  if (values === undefined) throw { brick: brick.name, errno: 22, message: 'Unknown status op' };
  return values;
}
export function profile({ argument }: Task<{ brick: ByteString; input: Map<string, string> }>) {
  return profileOf(served(argument.brick), argument.input);
}
export function barrier({ argument }: Task<{ brick: ByteString; enable: boolean }>): Promise<void> {
  return barrierOf(served(argument.brick), argument.enable);
}
export function statedump({ argument }: Task<DumpChoice>): Promise<DumpPart> {
  return dumpPart(host.bricks(), argument);
}
export function stats(): Promise<WorkerStats> {
  return workerStats(host.bricks());
}

/** Fails as it is told: so that tests can see what becomes of its bricks. */
export function fail({ argument }: Task<FaultKind>): void {
  if (argument === 'exit') process.exit(3);
  if (argument === 'reject') {
    setImmediate(async () => {
      throw new Error('rejected on demand');
    });
  }
  if (argument === 'throw') {
    setImmediate(() => {
      throw new Error('thrown on demand');
    });
  }
  if (argument === 'memory') {
    const kept: unknown[] = [];
    setInterval(() => {
      for (let i = 0; i < 100_000; i++) kept.push({ i, text: `number ${i}` });
    }, 1);
  }
}
