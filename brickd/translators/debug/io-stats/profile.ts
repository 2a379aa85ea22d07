/** The answer to `gluster volume profile VOLUME info`, in the keys that glusterd merges. */

import type { ProfileValues } from '../../../../mux/xlator/translator.js';
import { cell } from './cells.js';
import { BUCKETS, type Counters, FOP_SLOTS } from './counters.js';

/** info-op of requests. */
export const InfoOp = { all: 1, incremental: 2, cumulative: 3, clear: 4 } as const;

/** Adds a block of counters; interval: number of the interval, -1 for the counters since the start. */
export function addCounters(values: ProfileValues, interval: number, c: Counters): void {
  values.set(interval === -1 ? 'cumulative' : 'interval', interval);
  values.set(`${interval}-duration`, Math.floor((Date.now() - c.startedAt) / 1000));
  values.set(`${interval}-total-read`, c.dataRead);
  values.set(`${interval}-total-write`, c.dataWritten);
  addSizes(values, `${interval}-read`, c.readSizes);
  addSizes(values, `${interval}-write`, c.writeSizes);
  for (let fop = 0; fop < FOP_SLOTS; fop++) {
    const hits = cell(c.hits, fop);
    if (hits === 0) continue;
    values.set(`${interval}-${fop}-hits`, hits);
    const sum = cell(c.latencySum, fop);
    if (sum === 0) continue;
    values.set(`${interval}-${fop}-avglatency`, (sum / hits).toFixed(6));
    values.set(`${interval}-${fop}-minlatency`, cell(c.latencyMin, fop).toFixed(6));
    values.set(`${interval}-${fop}-maxlatency`, cell(c.latencyMax, fop).toFixed(6));
  }
  for (const [number, hits] of c.upcalls.entries()) if (hits > 0) values.set(`${interval}-${number}-upcall-hits`, hits);
}

function addSizes(values: ProfileValues, prefix: string, sizes: Float64Array): void {
  for (let k = 0; k < BUCKETS; k++) {
    // glusterfsd prints 2^31 as an int.
    if (sizes[k] !== 0) values.set(`${prefix}-${k === 31 ? -(2 ** 31) : 2 ** k}`, cell(sizes, k));
  }
}

/** Lines of a statedump: hits, sum, least, greatest and mean latency (ns) per fop. */
export function dumpCounters(prefix: string, c: Counters, fops: readonly string[]): string[] {
  return fops.map((display, fop) => {
    const hits = cell(c.hits, fop);
    const sum = cell(c.latencySum, fop);
    const min = hits === 0 ? 0 : cell(c.latencyMin, fop);
    const avg = hits === 0 ? 0 : sum / hits;
    const latencies = [min, cell(c.latencyMax, fop), avg].map((n) => n.toFixed(3)).join(',');
    return `${prefix}.${display}=${hits},${Math.round(sum)},${latencies}`;
  });
}
