/**
 * Metrics of bricks that glusterd starts. Its command line has no place for an address, so the environment gives it (set in
 * the unit of glusterd, which hands its environment on): BRICKD_METRICS=HOST:PORT or HOST:FIRST-LAST. Several brick processes
 * on one node take the first free port of the range.
 */
import { loggerFor } from '../../posix/contract/log.js';
import type { StatsSource } from './registry.js';

export const METRICS_VARIABLE = 'BRICKD_METRICS';

const log = loggerFor('metrics');

export interface MetricsAddress {
  host: string;
  first: number;
  last: number;
}

/** Parses the variable's value; undefined when it is not of the form told above. */
export function metricsAddress(text: string): MetricsAddress | undefined {
  const m = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (m === null) return undefined;
  const first = Number(m[2]);
  const last = m[3] === undefined ? first : Number(m[3]);
  if (first < 1 || last > 65535 || last < first) return undefined;
  return { host: m[1]!.replace(/^\[|\]$/g, ''), first, last };
}

/** Starts the endpoint if the environment asks for it. What goes wrong is logged: a brick serves without metrics too. */
export async function metricsFromEnvironment(source: StatsSource): Promise<void> {
  const value = process.env[METRICS_VARIABLE];
  if (value === undefined || value === '') return;
  const address = metricsAddress(value);
  if (address === undefined) {
    log.error(0, `${METRICS_VARIABLE}=${value} is not HOST:PORT or HOST:FIRST-LAST: no metrics`);
    return;
  }
  const { startMetrics } = await import('./http.js');
  for (let port = address.first; port <= address.last; port++) {
    try {
      const endpoint = await startMetrics(source, address.host, port);
      log.info(0, `metrics and status page at http://${address.host}:${endpoint.port}/`);
      return;
    } catch (error) {
      if ((error as { code?: string }).code === 'EADDRINUSE') continue;
      log.error(0, `can't serve metrics at ${address.host}:${port}: ${(error as Error).message}`);
      return;
    }
  }
  log.error(0, `can't serve metrics: every port of ${value} is in use`);
}
