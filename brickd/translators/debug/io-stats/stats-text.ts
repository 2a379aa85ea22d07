/**
 * The counters as a text or as JSON, in the keys and columns that scripts know from glusterfsd's dump files. Latencies are
 * microseconds, as their names say.
 */

import { Activity, LIST_LIMIT } from './busy-files.js';
import { cell } from './cells.js';
import { BUCKETS, type Counters } from './counters.js';
import { FOP_DISPLAY } from './fop-names.js';
import type { Statistics } from './statistics.js';
import { UPCALL_DISPLAY } from './upcalls.js';

/** Counters and what they are of: number of an interval, or -1 for all since the start. */
interface Block {
  counters: Counters;
  interval: number;
}

/** Sizes from 2^31 on have no key. */
const JSON_SIZES = 31;

const two = (n: number): string => n.toFixed(2);
const secondsSince = (c: Counters): number => Math.max(Math.round((Date.now() - c.startedAt) / 1000), 1);

function sizeName(k: number): string {
  if (k >= 20) return `${2 ** (k - 20)}mb`;
  return k >= 10 ? `${2 ** (k - 10)}kb` : `${2 ** k}b`;
}

/** Mean, least and greatest latency of a fop in microseconds; zeros if none was measured. */
function latencyOf(c: Counters, fop: number): [number, number, number] {
  const hits = cell(c.hits, fop);
  const sum = cell(c.latencySum, fop);
  if (hits === 0 || sum === 0) return [0, 0, 0];
  return [sum / hits / 1000, cell(c.latencyMin, fop) / 1000, cell(c.latencyMax, fop) / 1000];
}

/** uniqueId: the brick's path; queues: lengths of the queues of io-threads by priority. */
export function statsJson(statistics: Statistics, uniqueId: string, queues: [string, number][], block: Block): string {
  const { counters: c, interval } = block;
  const total = interval === -1;
  const prefix = `gluster.brick.${uniqueId.replaceAll('/', '_')}.${total ? 'aggr' : 'inter'}`;
  const seconds = secondsSince(c);
  const pairs: string[] = [];
  const put = (key: string, value: string | number): void => {
    pairs.push(`"${prefix}.${key}": ${value}`);
  };
  const rate = (key: string, n: number): void => {
    if (total) put(key, n);
    else put(`${key}_per_sec`, two(n / seconds));
  };
  for (let k = 0; k < JSON_SIZES; k++) {
    rate(`read_${sizeName(k)}`, cell(c.readSizes, k));
    rate(`write_${sizeName(k)}`, cell(c.writeSizes, k));
  }
  if (total) {
    put('fds.open_count', statistics.openFiles.current);
    put('fds.max_open_count', statistics.openFiles.most);
  }
  let means = 0;
  let weighted = 0;
  let hits = 0;
  for (const [fop, display] of FOP_DISPLAY.entries()) {
    const name = `fop.${display.toLowerCase()}`;
    const [mean, least, most] = latencyOf(c, fop);
    const n = cell(c.hits, fop);
    if (total) put(`${name}.count`, n);
    else put(`${name}.per_sec`, two(n / seconds));
    put(`${name}.latency_ave_usec`, two(mean));
    put(`${name}.latency_min_usec`, two(least));
    put(`${name}.latency_max_usec`, two(most));
    means += mean;
    weighted += n * mean;
    hits += n;
  }
  const mean = hits === 0 ? 0 : weighted / hits;
  if (hits > 0) put('fop.weighted_latency_ave_usec_nozerofill', mean.toFixed(4));
  put('fop.weighted_latency_ave_usec', mean.toFixed(4));
  put('fop.weighted_fop_count', hits);
  put('fop.unweighted_latency_ave_usec', (means / FOP_DISPLAY.length).toFixed(4));
  for (const [number, display] of UPCALL_DISPLAY.entries()) {
    const n = cell(c.upcalls, number);
    put(`fop.${display.toLowerCase()}.${total ? 'count' : 'per_sec'}`, total ? n : two(n / seconds));
  }
  for (const [queue, length] of queues) put(`${queue}.queue_size`, length);
  put(total ? 'uptime' : 'sample_interval_sec', total ? seconds : two(seconds));
  rate('bytes_read', c.dataRead);
  rate('bytes_written', c.dataWritten);
  return `{\n${pairs.join(',\n')}\n}\n`;
}

/** Sizes in threes, counts below. */
function sizeTable(c: Counters): string[] {
  const used: number[] = [];
  for (let k = 0; k < BUCKETS; k++) if (c.readSizes[k] !== 0 || c.writeSizes[k] !== 0) used.push(k);
  const lines: string[] = [];
  for (let i = 0; i < used.length; i += 3) {
    const three = used.slice(i, i + 3);
    const row = (title: string, cell: (k: number) => string): string =>
      `${title.padEnd(12)} :${three.map((k) => cell(k).padStart(18)).join('')}`;
    lines.push(
      row('Block Size', (k) => `${2 ** k}B+`),
      row('Read Count', (k) => String(c.readSizes[k])),
      row('Write Count', (k) => String(c.writeSizes[k])),
      '',
    );
  }
  return lines;
}

const LISTS = [
  ['Open File Stats', 'FILE NAME', Activity.open],
  ['Read File Stats', 'FILE NAME', Activity.read],
  ['Write File Stats', 'FILE NAME', Activity.write],
  ['Directory open stats', 'DIRECTORY NAME', Activity.opendir],
  ['Directory readdirp Stats', 'DIRECTORY NAME', Activity.readdirp],
] as const;
const SPEEDS = [
  ['Read Throughput File Stats', Activity.readSpeed],
  ['Write Throughput File Stats', Activity.writeSpeed],
] as const;

export function statsText(statistics: Statistics, block: Block): string {
  const { counters: c, interval } = block;
  const lines = [
    '',
    interval === -1 ? '=== Cumulative stats ===' : `=== Interval ${interval} stats ===`,
    `      Duration : ${secondsSince(c)} secs`,
    `     BytesRead : ${c.dataRead}`,
    `  BytesWritten : ${c.dataWritten}`,
    '',
    ...sizeTable(c),
  ];
  const columns = (a: string, b: string | number, ...rest: string[]): string =>
    `${a.padEnd(13)} ${String(b).padStart(10)} ${rest.map((text) => text.padStart(14)).join(' ')}`;
  lines.push(columns('Fop', 'Call Count', 'Avg-Latency', 'Min-Latency', 'Max-Latency'));
  lines.push(columns('---', '----------', '-----------', '-----------', '-----------'));
  for (const [fop, display] of FOP_DISPLAY.entries()) {
    if (c.hits[fop] === 0) continue;
    lines.push(columns(display, cell(c.hits, fop), ...latencyOf(c, fop).map((us) => `${two(us)} us`)));
  }
  for (const [number, display] of UPCALL_DISPLAY.entries()) {
    if (c.upcalls[number] !== 0) lines.push(columns(display, cell(c.upcalls, number), '0 us', '0 us', '0 us'));
  }
  lines.push(`------${' -----'.repeat(11)}`, '');
  if (interval === -1) {
    const { current, most, mostTime } = statistics.openFiles;
    lines.push(`Current open fd's: ${current} Max open fd's: ${most} time ${mostTime}`);
    for (const [title, column, activity] of LISTS) {
      lines.push('', `==========${title}========`, '', `COUNT:  \t  ${column}`);
      for (const { path, value } of statistics.files.top(activity, LIST_LIMIT))
        lines.push(`${String(value).padEnd(12)} ${path}`);
    }
    for (const [title, activity] of SPEEDS) {
      lines.push('', `======${title}======`, '', 'TIMESTAMP \t\t\t THROUGHPUT(MBPS)\tFILE NAME');
      for (const { path, value, time } of statistics.files.top(activity, LIST_LIMIT))
        lines.push(
          `${new Date(time).toISOString().replace('T', ' ').slice(0, 23)} \t ${two(value).padEnd(10)}  \t  ${path}`,
        );
    }
  }
  return `${lines.join('\n')}\n`;
}
