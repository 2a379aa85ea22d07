/** Metrics and status page of `brickd serve`, on the loopback address only. */
import type { BrickServer } from '../../brick-server.js';
import { startMetrics as start } from '../../metrics/http/endpoint.js';

const HOST = '127.0.0.1';

/** Returns the address to print, without a path. */
export async function startMetrics(server: BrickServer, port: number): Promise<string> {
  const endpoint = await start(server, HOST, port);
  return `http://${HOST}:${endpoint.port}`;
}
