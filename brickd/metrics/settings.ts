/**
 * The settings of the metrics endpoint: the option --metrics goes before the variable BRICKD_METRICS, and that before the file
 * /etc/brickd/brickd.yaml (or the one that BRICKD_CONFIG names).
 */
import { dirname, resolve } from 'node:path';
import { ADDRESS_FORM, listenAddress, type MetricsAddress } from './http/address.js';
import { ConfigError, YamlFile } from './http/yaml-file.js';
import { CONFIG_FILE, CONFIG_VARIABLE, METRICS_VARIABLE } from './variables.js';

/** Where Prometheus finds the targets of this node. */
export const TARGET_FILE = '/run/brickd/prometheus.json';
/** Instead of an address: no metrics. */
const NONE = 'none';

export interface MetricsSettings {
  /** Nothing: no metrics. */
  listen: MetricsAddress[];
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
}

const defaults = (): MetricsSettings => ({
  listen: [],
  targetFile: TARGET_FILE,
  advertise: '',
  hosts: [],
  labels: {},
  webConfigFile: '',
  clusterId: '',
});

/** Settings from a configuration file. pid: of the process whose they are. Throws a ConfigError with all that is wrong in it. */
export function settingsOf(file: YamlFile, pid: number = process.pid): MetricsSettings {
  const s = defaults();
  const metrics = file.root
    .only('metrics')
    .map('metrics')
    .only('listen', 'file_sd', 'advertise', 'hosts', 'labels', 'web_config_file', 'cluster_id');
  for (const { text, wrong } of metrics.list('listen')) {
    if (text === NONE) continue;
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
  if (option !== undefined) settings.listen = addresses(option, '--metrics', pid);
  else if (variable) settings.listen = addresses(variable, METRICS_VARIABLE, pid);
  return settings;
}
