/** The metrics of several processes as one text: whatever is not of a brick gets the label `pid` of its process. */
import { labels } from '../families/exposition.js';

/** A brick in metrics: the text of its labels volume and brick_path, as they are escaped there. */
export type BrickKey = string;

export const brickKey = (volume: string, path: string): BrickKey => labels({ volume, brick_path: path });

const VOLUME = /(?:^|,)(volume="(?:[^"\\]|\\.)*")/;
const PATH = /(?:^|,)(brick_path="(?:[^"\\]|\\.)*")/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;

export interface Sample {
  name: string;
  labels: string;
  value: string;
  /** Undefined if it is of no single brick. */
  brick: BrickKey | undefined;
}

export function sampleOf(line: string): Sample | undefined {
  const m = SAMPLE.exec(line);
  if (m === null) return undefined;
  const [, name = '', within = '', value = ''] = m;
  const volume = VOLUME.exec(within)?.[1];
  const path = PATH.exec(within)?.[1];
  return { name, labels: within, value, brick: path === undefined ? undefined : `${volume ?? 'volume=""'},${path}` };
}

export interface MetricFamily {
  /** Its lines of HELP and TYPE. */
  head: string;
  samples: string[];
}

/** Families by name, in the order in which they were first seen. */
export class MergedMetrics {
  readonly families = new Map<string, MetricFamily>();

  #family(name: string): MetricFamily {
    let family = this.families.get(name);
    if (family === undefined) this.families.set(name, (family = { head: '', samples: [] }));
    return family;
  }

  /** Adds the text of a process. wants: whether a brick's samples are taken from it; another process may have the brick as well. */
  add(text: string, pid: number, wants: (brick: BrickKey) => boolean, skip: ReadonlySet<string>): void {
    const own = `pid="${pid}"`;
    let family: MetricFamily | undefined;
    let headed = false;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      if (line.startsWith('#')) {
        const name = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1];
        if (name === undefined || skip.has(name)) {
          family = undefined;
          continue;
        }
        if (line.startsWith('# HELP')) headed = !this.families.has(name);
        family = this.#family(name);
        if (headed) family.head += `${line}\n`;
        continue;
      }
      if (family === undefined) continue;
      const sample = sampleOf(line);
      if (sample === undefined) continue;
      if (sample.brick !== undefined) {
        if (wants(sample.brick)) family.samples.push(line);
        continue;
      }
      const within = sample.labels === '' ? own : `${sample.labels},${own}`;
      family.samples.push(`${sample.name}{${within}} ${sample.value}`);
    }
  }
}
