/** Hands a connection over to the worker of its brick, after the handshake. */
import { addon } from '../../native/addon.js';
import type { Logger } from '../base/log.js';
import { type Handover, type HandshakeBrick, HOLD_MS } from '../handshake/handshake.js';
import { WorkerLost, type WorkerPool } from './worker-pool.js';

/** Times that a connection is handed over again because the worker failed that was to have it. */
const TRIES = 4;

/** The descriptor is the worker's, or closed, when this resolves. */
export async function handOver(
  pool: WorkerPool,
  brick: HandshakeBrick,
  handover: Handover,
  log: Logger,
): Promise<void> {
  const { fd } = handover;
  for (let tries = TRIES; ; tries--) {
    await brick.waitUntilUp(HOLD_MS);
    const ticket = addon.sendFd(fd);
    try {
      if (!brick.up) throw new WorkerLost();
      await pool.run(brick.name, 'adopt', { brick: brick.name, handover: { ...handover, ticket } });
      return;
    } catch (error) {
      // If the worker has taken it, it went with the worker.
      if (!addon.takeFd(fd, ticket)) return;
      if (error instanceof WorkerLost && brick.returning && tries > 1) continue;
      log.error(0, `${brick.name}: the brick's worker did not take over a connection: ${String(error)}`);
      addon.closeFd(fd);
      return;
    }
  }
}
