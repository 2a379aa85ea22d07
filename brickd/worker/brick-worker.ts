/** The module that every brick worker runs: its exports are the control tasks. */
import type { MessagePort } from 'node:worker_threads';
import { BrickError } from '../../mux/base/brick-error.js';
import { describeThrown } from '../../mux/base/fault.js';
import { inheritLog } from '../../mux/base/log.js';
import { workerStats } from '../../mux/brick/views/brick-stats.js';
import { type DumpChoice, dumpPart } from '../../mux/brick/views/statedump.js';
import { statusOf } from '../../mux/brick/views/status.js';
import type { Handover } from '../../mux/handshake/handshake.js';
import { BrickHost } from '../../mux/workers/brick-host.js';
import type { WorkerHello } from '../../mux/workers/brick-worker.js';
import type { FaultKind } from '../../mux/workers/worker-pool.js';
import type { BrickTask, WorkerEvent } from '../../mux/workers/worker-protocol.js';
import { type Task, workerTask } from '../../mux/workers/worker-task.js';
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import { profileOf, setBarrier } from './brick-ops.js';
import { registry } from './translator-registry.js';

await inheritLog();

/** The message port to the main thread. */
let line: MessagePort | null = null;
const report = (event: WorkerEvent): void => line?.postMessage(event);
const host = new BrickHost(registry, report);

/**
 * A bug: nothing in this thread can be relied on any more. It ends, the addon closes its descriptors, and
 * its bricks start again in another.
 */
function fault(thrown: unknown): void {
  report({ event: 'fault', reason: describeThrown(thrown) });
  process.exit(1);
}
process.on('uncaughtException', fault);
process.on('unhandledRejection', fault);

/** The first task: connects the worker to the main thread. */
export function hello({ argument }: Task<WorkerHello>): void {
  line = argument.line;
  addon.endAtHeapBound(argument.heapExhausted);
}
export const attach = workerTask((task: BrickTask) => host.attach(task));
export const reconfigure = workerTask((task: BrickTask) => host.reconfigure(task));
export const detach = workerTask((brick: ByteString) => host.detach(brick));
export const adopt = workerTask((task: { brick: ByteString; handover: Handover }) =>
  host.adopt(task.brick, task.handover),
);

function served(name: ByteString) {
  const brick = host.brick(name);
  if (brick === undefined) throw new BrickError('BRICK_NOT_SERVED', name);
  return brick;
}

export const status = workerTask((task: { brick: ByteString; what: string }) => {
  const brick = served(task.brick);
  const values = statusOf(brick, task.what);
  if (values === undefined) throw new BrickError('STATUS_UNKNOWN', brick.name);
  return values;
});
export const profile = workerTask((task: { brick: ByteString; input: Map<string, string> }) =>
  profileOf(served(task.brick), task.input),
);
export const barrier = workerTask((task: { brick: ByteString; enable: boolean }) =>
  setBarrier(served(task.brick), task.enable),
);
export const statedump = workerTask((choice: DumpChoice) => dumpPart(host.bricks(), choice));
export const slow = workerTask((_: null) =>
  host.bricks().map(({ name, volume, slow }) => ({ brick: name, volume, slow: slow.list(Number.POSITIVE_INFINITY) })),
);
export const stats = workerTask((_: null) => workerStats(host.bricks()));

/** Fails on demand, so that tests can check what happens to its bricks. */
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
