/** The module that every brick worker runs: its exports are the control tasks of the pool. */
import { parentPort } from 'node:worker_threads';
import type { BrickFacts, BrickTask } from '../mux/facts.js';
import type { Handover } from '../mux/greeting.js';
import { Host } from '../mux/host.js';
import { type DumpChoice, dumpBricks } from '../mux/statedump.js';
import { type WorkerStats, workerStats } from '../mux/stats.js';
import { statusOf } from '../mux/status.js';
import { inheritLog } from '../posix/contract/log.js';
import { barrierOf, profileOf } from './translators/brick-ops.js';
import { registry } from './translators/host-registry.js';

await inheritLog();

const host = new Host(registry, (event) => parentPort?.postMessage(event));

/** Piscina hands each task over in this wrapping (the rest of it routes the task). */
interface Task<T> {
  argument: T;
}

export function attach({ argument }: Task<BrickTask>): Promise<BrickFacts> {
  return host.attach(argument);
}
export function reconfigure({ argument }: Task<BrickTask>): Promise<BrickFacts> {
  return host.reconfigure(argument);
}
export function detach({ argument }: Task<string>): Promise<void> {
  return host.detach(argument);
}
export function adopt({ argument }: Task<{ brick: string; handover: Handover }>): Promise<void> {
  return host.adopt(argument.brick, argument.handover);
}

function served(name: string) {
  const brick = host.brick(name);
  if (brick === undefined) throw { brick: name, errno: 2, message: 'the brick is not being served' };
  return brick;
}

export function status({ argument }: Task<{ brick: string; what: string }>): Record<string, string | number | bigint> {
  const brick = served(argument.brick);
  const values = statusOf(brick, argument.what);
  if (values === undefined) throw { brick: brick.name, errno: 22, message: 'Unknown status op' };
  return values;
}
export function profile({ argument }: Task<{ brick: string; input: Map<string, string> }>) {
  return profileOf(served(argument.brick), argument.input);
}
export function barrier({ argument }: Task<{ brick: string; enable: boolean }>): Promise<void> {
  return barrierOf(served(argument.brick), argument.enable);
}
export function statedump({ argument }: Task<DumpChoice>): string {
  return dumpBricks(host.bricks(), argument);
}
export function stats(): Promise<WorkerStats> {
  return workerStats(host.bricks());
}
