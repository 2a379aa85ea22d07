/** `brickd config`: checks the configuration file and prints the settings in effect. */
import { readFileSync } from 'node:fs';
import type { MetricsAddress } from '../metrics/http/address.js';
import { hostAndPort } from '../metrics/http/address.js';
import { readWebConfig } from '../metrics/http/web-config.js';
import { ConfigError } from '../metrics/http/yaml-file.js';
import { type MetricsSettings, metricsSettings } from '../metrics/settings.js';
import { CONFIG_FILE, CONFIG_VARIABLE } from '../metrics/variables.js';
import { type ProcessSettings, processSettings } from '../process-settings.js';
import { CommandError } from './command-error.js';

function addressText(a: MetricsAddress): string {
  if (a.kind === 'unix') return `unix:${a.path}`;
  return `${hostAndPort(a.host, a.first)}${a.last === a.first ? '' : `-${a.last}`}`;
}

function processLines(s: ProcessSettings): string[] {
  return [
    `process.workers          ${s.workers ?? 'as many as cores, up to 4; fewer where memory or time is bounded'}`,
    `process.worker_heap_mib  ${s.workerHeapMiB ?? 'a share of half of the memory'}`,
  ];
}

function lines(s: MetricsSettings): string[] {
  const labels = Object.entries(s.labels).map(([name, value]) => `${name}=${value}`);
  return [
    `metrics.listen           ${s.listen.length === 0 ? 'none' : s.listen.map(addressText).join(', ')}`,
    `metrics.file_sd          ${s.targetFile === '' ? 'none' : s.targetFile}`,
    `metrics.advertise        ${s.advertise === '' ? 'the address that is listened on' : s.advertise}`,
    `metrics.hosts            ${s.hosts.length === 0 ? "the machine's own names" : s.hosts.join(', ')}`,
    `metrics.labels           ${labels.length === 0 ? 'none' : labels.join(', ')}`,
    `metrics.web_config_file  ${s.webConfigFile === '' ? 'none' : s.webConfigFile}`,
    `node.listen              ${s.nodeListen.map(addressText).join(', ')}`,
    `metrics.cluster_id       ${s.clusterId === '' ? 'none' : s.clusterId}`,
    `slow_fops.threshold      ${s.slowFopMs / 1000} s`,
  ];
}

/** file: instead of the usual one. Throws a CommandError that has all that is wrong. */
export async function showConfig(file: string | undefined): Promise<void> {
  const env = file === undefined ? process.env : { ...process.env, [CONFIG_VARIABLE]: file };
  try {
    const settings = metricsSettings(undefined, env);
    const ofProcess = await processSettings(env);
    if (settings.webConfigFile !== '') readWebConfig(settings.webConfigFile);
    process.stdout.write(`${sourceOf(env)}\n${[...processLines(ofProcess), ...lines(settings)].join('\n')}\n`);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(`the configuration cannot be used:\n${error.message}`);
    throw error;
  }
}

function sourceOf(env: NodeJS.ProcessEnv): string {
  const path = env[CONFIG_VARIABLE] || CONFIG_FILE;
  try {
    readFileSync(path);
    return `${path} is good`;
  } catch {
    return `there is no ${path}`;
  }
}
