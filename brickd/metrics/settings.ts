/**
 * Settings of the metrics endpoint: the option --metrics takes precedence over the variable BRICKD_METRICS, and that
 * over the file /etc/brickd/brickd.yaml (or the one that BRICKD_CONFIG names).
 */
import { dirname, resolve } from 'node:path';
import { ADDRESS_FORM, listenAddress, type MetricsAddress } from './http/address.js';
import { ConfigError, YamlFile, type YamlMap } from './http/yaml-file.js';
import { CONFIG_FILE, CONFIG_VARIABLE, METRICS_VARIABLE, NO_METRICS } from './variables.js';

/** Where Prometheus finds the targets of this node. */
export const TARGET_FILE = '/run/brickd/prometheus.json';
/** What may be called slow: less would be everyday. */
const LEAST_SLOW_SEC = 0.05;
const MOST_SLOW_SEC = 3600;
const NONE = NO_METRICS;

/** Where the node exporter listens if nothing else is said: the port below those of the processes. */
const NODE_ADDRESS: MetricsAddress = { kind: 'tcp', host: '127.0.0.1', first: 9720, last: 9720 };

export interface MetricsSettings {
  listen: MetricsAddress[];
  /** No metrics at all are wanted, not even for the node exporter. */
  off: boolean;
  /** File of targets for Prometheus's file_sd; '' for none. */
  targetFile: string;
  /** Host by which others reach this one, for targets; '' for the address that is listened on. */
  advertise: string;
  /** Further names by which this machine may be called in requests. */
  hosts: string[];
  /** Labels of the targets. */
  labels: Record<string, string>;
  /** Prometheus's web configuration: TLS and users; '' for none. */
  webConfigFile: string;
  clusterId: string;
  /** Where the node exporter listens. */
  nodeListen: MetricsAddress[];
  /** Fops that take as long are slow: milliseconds. */
  slowFopMs: number;
}

const defaults = (): MetricsSettings => ({
  listen: [],
  off: false,
  targetFile: TARGET_FILE,
  advertise: '',
  hosts: [],
  labels: {},
  webConfigFile: '',
  clusterId: '',
  nodeListen: [NODE_ADDRESS],
  slowFopMs: 1000,
});

function readNode(node: YamlMap, s: MetricsSettings, pid: number): void {
  const listen = node.list('listen').flatMap(({ text, wrong }) => {
    const address = listenAddress(text, pid);
    // Prometheus has to find it without a list of targets.
    if (address !== undefined && (address.kind === 'unix' || address.first === address.last)) return [address];
    wrong(`${text} is not of the form [HOST:]PORT or unix:/PATH`);
    return [];
  });
  if (listen.length > 0) s.nodeListen = listen;
}

/** Settings from a configuration file. pid: of the process whose they are. Throws a ConfigError with all that is wrong in it. */
export function settingsOf(file: YamlFile, pid: number = process.pid): MetricsSettings {
  const s = defaults();
  const root = file.root.only('metrics', 'node', 'process', 'slow_fops');
  readNode(root.map('node').only('listen'), s, pid);
  const metrics = root
    .map('metrics')
    .only('listen', 'file_sd', 'advertise', 'hosts', 'labels', 'web_config_file', 'cluster_id');
  for (const { text, wrong } of metrics.list('listen')) {
    if (text === NONE) {
      s.off = true;
      continue;
    }
    const address = listenAddress(text, pid);
    if (address === undefined) wrong(`${text} is not of the form ${ADDRESS_FORM}`);
    else s.listen.push(address);
  }
  const absolute = (path: string): string => resolve(dirname(file.path), path);
  const targets = metrics.text('file_sd');
  if (targets !== undefined) s.targetFile = targets === NONE ? '' : absolute(targets);
  s.advertise = metrics.text('advertise') ?? '';
  if (/[\s/]/.test(s.advertise)) metrics.wrong('advertise', `${s.advertise} is not a host name`);
  for (const { text, wrong } of metrics.list('hosts')) {
    if (/[\s/:]/.test(text)) wrong(`${text} is not a host name`);
    else s.hosts.push(text);
  }
  const web = metrics.text('web_config_file');
  if (web !== undefined) s.webConfigFile = absolute(web);
  s.clusterId = metrics.text('cluster_id') ?? '';
  const labels = metrics.map('labels');
  for (const name of labels.keys()) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith('__')) labels.wrong(name, 'not a name for a label');
    const value = labels.text(name);
    if (value !== undefined) s.labels[name] = value;
  }
  const slow = file.root.map('slow_fops').only('threshold');
  const threshold = slow.text('threshold');
  if (threshold !== undefined) {
    const seconds = Number(threshold);
    if (seconds >= LEAST_SLOW_SEC && seconds <= MOST_SLOW_SEC) s.slowFopMs = seconds * 1000;
    else slow.wrong('threshold', `${threshold} is no number of seconds from ${LEAST_SLOW_SEC} to ${MOST_SLOW_SEC}`);
  }
  file.check();
  return s;
}

/** The file that is there: undefined if there is none where one need not be. Throws a ConfigError. */
function configFile(env: NodeJS.ProcessEnv): YamlFile | undefined {
  const named = env[CONFIG_VARIABLE];
  const path = named || CONFIG_FILE;
  try {
    return YamlFile.read(path);
  } catch (error) {
    if (!named && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigError([`${path}: ${(error as Error).message}`]);
  }
}

/** The address of an option or a variable. Throws a ConfigError. */
function addresses(text: string, source: string, pid: number): MetricsAddress[] {
  if (text === NONE) return [];
  return text.split(',').map((one) => {
    const address = listenAddress(one.trim(), pid);
    if (address === undefined) throw new ConfigError([`${source}=${text} is not of the form ${ADDRESS_FORM}`]);
    return address;
  });
}

/** The settings in force. option: value of --metrics, if it was given; pid: of the process whose they are. Throws a ConfigError. */
export function metricsSettings(
  option: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  pid: number = process.pid,
): MetricsSettings {
  const file = configFile(env);
  const settings = file === undefined ? defaults() : settingsOf(file, pid);
  const variable = env[METRICS_VARIABLE];
  const text = option ?? (variable || undefined);
  if (text !== undefined) {
    settings.listen = addresses(text, option === undefined ? METRICS_VARIABLE : '--metrics', pid);
    settings.off = text === NONE;
  }
  return settings;
}
