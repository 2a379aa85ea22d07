/** Metrics of a brick process: the endpoint where the settings want it, and its entry in the file of targets. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { textLoggerFor } from '../../mux/base/log.js';
import type { StatsSource } from './families/registry.js';
import { hostAndPort, isWildcard, type MetricsAddress } from './http/address.js';
import type { Place } from './http/endpoint.js';
import type { MetricsSettings } from './settings.js';
import { TargetFile } from './target-file.js';
import { CONFIG_FILE, CONFIG_VARIABLE, METRICS_VARIABLE } from './variables.js';

const log = textLoggerFor('metrics');

export interface RunningMetrics {
  places: Place[];
  /** Ends it; the entry among the targets goes. */
  close(): Promise<void>;
}

/** How Prometheus reaches an address. */
function target(address: MetricsAddress & { kind: 'tcp' }, place: Place, advertise: string): string {
  const host = advertise !== '' ? advertise : isWildcard(address.host) ? hostname() : address.host;
  return hostAndPort(host, place.port);
}

async function run(source: StatsSource, settings: MetricsSettings): Promise<RunningMetrics> {
  const { Endpoint } = await import('./http/endpoint.js');
  const endpoint = new Endpoint(source, settings);
  const places: Place[] = [];
  const targets: string[] = [];
  for (const address of settings.listen) {
    try {
      const place = await endpoint.listen(address);
      places.push(place);
      if (address.kind === 'tcp') targets.push(target(address, place, settings.advertise));
      log.info(0, `metrics and status page at ${place.url}${address.kind === 'tcp' ? '/' : ''}`);
    } catch (error) {
      const where = address.kind === 'unix' ? address.path : `${address.host}:${address.first}-${address.last}`;
      log.error(0, `can't serve metrics at ${where}: ${(error as Error).message}`);
    }
  }
  const file = settings.targetFile === '' || targets.length === 0 ? undefined : new TargetFile(settings.targetFile);
  const scheme: Record<string, string> = endpoint.secure ? { __scheme__: 'https' } : {};
  await file?.add(targets, { ...settings.labels, ...scheme }).catch((error: unknown) => {
    log.error(0, `targets are not in ${settings.targetFile}: ${(error as Error).message}`);
  });
  return {
    places,
    close: async () => {
      await Promise.allSettled([file?.remove(), endpoint.close()]);
    },
  };
}

/**
 * Starts metrics as settings want them; undefined if they want none. What is wrong with settings is logged: a brick serves
 * without metrics too. option: value of --metrics.
 */
export async function startMetricsOf(
  source: StatsSource,
  option: string | undefined,
): Promise<RunningMetrics | undefined> {
  const { env } = process;
  // Processes without metrics load nothing of it.
  if (option === undefined && !env[METRICS_VARIABLE] && !env[CONFIG_VARIABLE] && !existsSync(CONFIG_FILE))
    return undefined;
  try {
    const settings = (await import('./settings.js')).metricsSettings(option);
    return settings.listen.length === 0 ? undefined : await run(source, settings);
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) log.error(0, `no metrics: ${line}`);
    return undefined;
  }
}
