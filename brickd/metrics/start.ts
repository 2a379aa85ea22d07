/** Starts the metrics of a brick process: the endpoint, and its entry in the file of targets. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { background } from '../../mux/base/fault.js';
import { textLoggerFor } from '../../mux/base/log.js';
import type { AddressState, ServerState } from '../brick-server.js';
import type { StatsSource } from './families/registry.js';
import { hostAndPort, isWildcard, type MetricsAddress } from './http/address.js';
import type { Endpoint, Place } from './http/endpoint.js';
import { ProcessSocket } from './process-sockets.js';
import type { MetricsSettings } from './settings.js';
import { TargetFile } from './target-file.js';
import { CONFIG_FILE, CONFIG_VARIABLE, METRICS_VARIABLE, NO_METRICS } from './variables.js';

const log = textLoggerFor('metrics');
/** How often an address that could not be had is tried again: another process may have left it. */
const RETRY_MS = 10_000;

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

const textOf = (a: MetricsAddress): string => (a.kind === 'unix' ? `unix:${a.path}` : `${a.host}:${a.first}-${a.last}`);

/** The addresses that the settings want. */
class Addresses implements RunningMetrics {
  readonly places: Place[] = [];
  readonly #settings: MetricsSettings;
  readonly #endpoint: Endpoint;
  readonly #targets: string[] = [];
  readonly #file: TargetFile | undefined;
  readonly #states: AddressState[];
  #missing: MetricsAddress[];
  #timer: NodeJS.Timeout | undefined;

  /** states: told anew in place. */
  constructor(settings: MetricsSettings, endpoint: Endpoint, states: AddressState[]) {
    this.#settings = settings;
    this.#endpoint = endpoint;
    this.#file = settings.targetFile === '' ? undefined : new TargetFile(settings.targetFile);
    this.#missing = settings.listen;
    this.#states = states;
  }

  async listen(): Promise<void> {
    await this.#try(true);
    if (this.#missing.length === 0) return;
    this.#timer = setInterval(() => background(this.#try(false), log, 'listening for scrapes'), RETRY_MS);
    this.#timer.unref();
  }

  async #try(first: boolean): Promise<void> {
    const missing: MetricsAddress[] = [];
    let added = false;
    for (const address of this.#missing) {
      try {
        const place = await this.#endpoint.listen(address);
        this.places.push(place);
        if (address.kind === 'tcp') {
          this.#targets.push(target(address, place, this.#settings.advertise));
          added = true;
        }
        log.info(0, `metrics and status page at ${place.url}${address.kind === 'tcp' ? '/' : ''}`);
      } catch (error) {
        missing.push(address);
        if (first) log.error(0, `cannot serve metrics at ${textOf(address)}: ${(error as Error).message}`);
      }
    }
    this.#missing = missing;
    if (missing.length === 0) clearInterval(this.#timer);
    this.#states.splice(
      0,
      this.#states.length,
      ...this.#settings.listen.map((a) => ({ address: textOf(a), listening: !missing.includes(a) })),
    );
    if (!added) return;
    const scheme: Record<string, string> = this.#endpoint.secure ? { __scheme__: 'https' } : {};
    await this.#file?.add(this.#targets, { ...this.#settings.labels, ...scheme }).catch((error: unknown) => {
      log.error(0, `targets are not in ${this.#settings.targetFile}: ${(error as Error).message}`);
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled([this.#file?.remove(), this.#endpoint.close()]);
  }
}

/** Undefined if nothing asks for settings; nothing of them is loaded then. Throws a ConfigError. */
export async function settingsFor(option: string | undefined): Promise<MetricsSettings | undefined> {
  const { env } = process;
  if (option === undefined && !env[METRICS_VARIABLE] && !env[CONFIG_VARIABLE] && !existsSync(CONFIG_FILE))
    return undefined;
  return (await import('./settings.js')).metricsSettings(option);
}

async function startSocket(source: StatsSource, clusterId: string): Promise<ProcessSocket | undefined> {
  const socket = new ProcessSocket(async () => (await import('./http/http.js')).responder(source, { clusterId }));
  try {
    await socket.listen();
    return socket;
  } catch (error) {
    log.warning(0, `the node exporter cannot ask this process: ${(error as Error).message}`);
    return undefined;
  }
}

/**
 * Starts metrics as settings want them; undefined if they want none at all. What is wrong with settings is logged: a brick serves
 * without metrics too. option: value of --metrics.
 */
export async function startMetricsOf(
  source: StatsSource,
  option: string | undefined,
): Promise<RunningMetrics | undefined> {
  if ((option ?? process.env[METRICS_VARIABLE]) === NO_METRICS) return undefined;
  const addresses: AddressState[] = [];
  const told: StatsSource = {
    stats: () => source.stats(),
    bricks: () => source.bricks(),
    state: (): ServerState => ({ ...source.state(), addresses }),
  };
  let settings: MetricsSettings | undefined;
  try {
    settings = await settingsFor(option);
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) log.error(0, `no metrics: ${line}`);
    addresses.push({ address: 'settings', listening: false });
  }
  if (settings?.off === true) return undefined;
  const socket = await startSocket(told, settings?.clusterId ?? '');
  let running: Addresses | undefined;
  if (settings !== undefined && settings.listen.length > 0) {
    const { Endpoint } = await import('./http/endpoint.js');
    try {
      running = new Addresses(settings, new Endpoint(told, settings), addresses);
      await running.listen();
    } catch (error) {
      for (const line of (error as Error).message.split('\n')) log.error(0, `no metrics: ${line}`);
      addresses.push({ address: 'settings', listening: false });
    }
  }
  return {
    places: running?.places ?? [],
    close: async () => {
      await Promise.allSettled([running?.close(), socket?.close()]);
    },
  };
}
