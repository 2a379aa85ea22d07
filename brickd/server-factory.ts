/**
 * Creates the server of a brick process: which module its workers run, how many there may be, how much memory each may
 * use.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { BrickServer } from './brick-server.js';

/** Workers at most by default: each takes memory of its own, and what blocks runs in the native pool anyway. */
const MAX_WORKERS = 4;
/** Workers that can be asked for. */
export const MOST_WORKERS = 64;
const WORKER_MODULE = new URL('./worker/brick-worker.js', import.meta.url).href;

/** A whole number from the environment; the default if it is unset or something else. */
function setting(name: string, least: number, most: number, otherwise: number): number {
  const value = Number(process.env[name] || Number.NaN);
  return Number.isInteger(value) && value >= least && value <= most ? value : otherwise;
}

/** Bounds of what one worker's JavaScript memory is bounded to by default. */
const LEAST_HEAP_MIB = 256;
const MOST_HEAP_MIB = 4096;

/**
 * JavaScript memory of one worker by default: all together have half of the memory that the process may use. What bricks hold is far
 * less; a worker that gets there is out of control, and must end before the machine's memory does.
 */
export function defaultHeapMiB(workers: number, memoryBytes: number): number {
  const share = Math.floor(memoryBytes / 2 / workers / (1 << 20));
  return Math.min(Math.max(share, LEAST_HEAP_MIB), MOST_HEAP_MIB);
}

/** The machine's memory, or what the control group leaves the process of it. */
function memoryBytes(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

/**
 * Loads the server's modules and makes it. workers: brick workers at most; they start as bricks come. By default as many as
 * BRICKD_WORKERS says, or else as there are cores, up to four.
 */
export async function makeServer(workers?: number): Promise<BrickServer> {
  const { Server } = await import('../mux/workers/server.js');
  const most = workers ?? setting('BRICKD_WORKERS', 1, MOST_WORKERS, Math.min(availableParallelism(), MAX_WORKERS));
  const server = new Server({
    workerModule: WORKER_MODULE,
    workers: most,
    heapMiB: setting('BRICKD_WORKER_HEAP_MIB', 16, 1 << 20, defaultHeapMiB(most, memoryBytes())),
  });
  const faults = process.env['BRICKD_TEST_FAULTS'];
  if (faults) (await import('./fault-trigger.js')).watchForFaults(faults, server);
  return server;
}
