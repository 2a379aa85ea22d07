/** Makes the server of a brick process: its size, and the module that its workers run. */
import { availableParallelism } from 'node:os';
import type { BrickServer } from './brick-server.js';

/** Workers at most: a brick belongs to one worker, and the native pool has threads of its own. */
const MAX_WORKERS = 8;
const WORKER_MODULE = new URL('./brick-worker.js', import.meta.url).href;

/** Loads the server's modules and makes it. many: further bricks may be attached later, so there are several workers. */
export async function makeServer(many: boolean): Promise<BrickServer> {
  const { Server } = await import('../mux/server.js');
  return new Server({ workerModule: WORKER_MODULE, workers: many ? Math.min(availableParallelism(), MAX_WORKERS) : 1 });
}
