/** Settings of the brick process in the configuration file; those of metrics are in `brickd/metrics/settings`. */
import { existsSync, readFileSync } from 'node:fs';
import { CONFIG_FILE, CONFIG_VARIABLE } from './metrics/variables.js';

export interface ProcessSettings {
  /** Brick workers at most. */
  workers: number | undefined;
  /** JavaScript memory of one of them. */
  workerHeapMiB: number | undefined;
}

/** Workers that can be asked for. */
export const MOST_WORKERS = 64;
export const SETTING_BOUNDS = { workers: [1, MOST_WORKERS], worker_heap_mib: [16, 1 << 20] } as const;
type Key = keyof typeof SETTING_BOUNDS;

/** Throws a ConfigError with all that is wrong in the section. */
export async function processSettings(env: NodeJS.ProcessEnv = process.env): Promise<ProcessSettings> {
  const path = env[CONFIG_VARIABLE] || CONFIG_FILE;
  const settings: ProcessSettings = { workers: undefined, workerHeapMiB: undefined };
  // The parser of YAML costs a start time that only those pay who have such settings.
  if (!existsSync(path) || !/^\s*process\s*:/m.test(readFileSync(path, 'utf8'))) return settings;
  const { YamlFile } = await import('./metrics/http/yaml-file.js');
  const file = YamlFile.read(path);
  const section = file.root.map('process').only('workers', 'worker_heap_mib');
  const number = (key: Key): number | undefined => {
    const text = section.text(key);
    if (text === undefined) return undefined;
    const [least, most] = SETTING_BOUNDS[key];
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    section.wrong(key, `${text} is not a whole number from ${least} to ${most}`);
    return undefined;
  };
  settings.workers = number('workers');
  settings.workerHeapMiB = number('worker_heap_mib');
  file.check();
  return settings;
}
