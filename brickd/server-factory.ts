/**
 * Creates the server of a brick process: which module its workers run, how many there may be, how much memory each may
 * use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { setEnvironmentData } from 'node:worker_threads';
import { textLoggerFor } from '../mux/base/log.js';
import type { BrickServer } from './brick-server.js';
import { cgroupLimits } from './cgroup-limits.js';
import { CONFIG_FILE, CONFIG_VARIABLE } from './metrics/variables.js';
import { type ProcessSettings, processSettings, SETTING_BOUNDS } from './process-settings.js';
import { defaultHeapMiB, defaultWorkers } from './worker-limits.js';

export { MOST_WORKERS } from './process-settings.js';

const log = textLoggerFor('glusterfsd');
const WORKER_MODULE = new URL('./worker/brick-worker.js', import.meta.url).href;

/** A whole number from the environment; otherwise if it is unset or something else. */
function variable(name: string, [least, most]: readonly [number, number]): number | undefined {
  const value = Number(process.env[name] || Number.NaN);
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

/** Those of the configuration file. A brick serves without them, too. */
async function fileSettings(): Promise<Partial<ProcessSettings>> {
  try {
    return await processSettings();
  } catch (error) {
    for (const line of (error as Error).message.split('\n'))
      log.error(0, `settings of the process are not used: ${line}`);
    return {};
  }
}

/** What the machine has, or control groups leave of it. */
function resources(): { cpus: number; memoryBytes: number } {
  const group = cgroupLimits();
  return {
    cpus: Math.min(availableParallelism(), group.cpus),
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY, group.memoryBytes),
  };
}

/** Leaves the threshold of slow fops for the workers. A configuration file that is wrong is told of when metrics start. */
async function setSlowThreshold(): Promise<void> {
  const path = process.env[CONFIG_VARIABLE] || CONFIG_FILE;
  // The parser of YAML costs a start time that only those pay who have such a setting.
  if (!existsSync(path) || !/^\s*slow_fops\s*:/m.test(readFileSync(path, 'utf8'))) return;
  const { SLOW_THRESHOLD } = await import('../mux/brick/slow-fops.js');
  const { metricsSettings } = await import('./metrics/settings.js');
  try {
    setEnvironmentData(SLOW_THRESHOLD, metricsSettings(undefined).slowFopMs);
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) log.error(0, `slow_fops is not used: ${line}`);
  }
}

/**
 * Loads the server's modules and makes it. workers: brick workers at most; they start as bricks come. By default as many as
 * BRICKD_WORKERS or the configuration file says, or else as there are cores, up to four; fewer where memory or time is bounded.
 */
export async function makeServer(workers?: number): Promise<BrickServer> {
  const { Server } = await import('../mux/workers/server.js');
  await setSlowThreshold();
  const { cpus, memoryBytes } = resources();
  const file = await fileSettings();
  const bounds = SETTING_BOUNDS;
  const most =
    workers ?? variable('BRICKD_WORKERS', bounds.workers) ?? file.workers ?? defaultWorkers(cpus, memoryBytes);
  const heapMiB =
    variable('BRICKD_WORKER_HEAP_MIB', bounds.worker_heap_mib) ??
    file.workerHeapMiB ??
    defaultHeapMiB(most, memoryBytes);
  const server = new Server({ workerModule: WORKER_MODULE, workers: most, heapMiB });
  const faults = process.env['BRICKD_TEST_FAULTS'];
  if (faults) (await import('./fault-trigger.js')).watchForFaults(faults, server);
  return server;
}
