/** Writes all metrics to a file, on SIGUSR2 or the brick operation DUMP_METRICS. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeOwnDirectory, PRIVATE_MODE } from '../../mux/base/own-files.js';
import type { BrickStats } from '../../mux/brick/views/brick-stats.js';
import { FOPS } from '../../mux/xlator/fop-table.js';
import { addon } from '../../native/addon.js';
import { type ByteString, bytesOfText } from '../../native/bytes.js';

const METRICS_DIRECTORY = '/var/run/gluster/metrics';

export interface MetricsHead {
  /** Command line, program first. */
  argv: readonly ByteString[];
  brickName: ByteString;
}

const pad = (n: number): string => String(n).padStart(2, '0');

function localTime(now: Date): string {
  const day = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  return `${day} ${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}`;
}

/** Lines of a brick, named as Gluster names them: `<brick>.total.<FOP>.count`. */
function brickLines(stats: BrickStats): string[] {
  const name = stats.brick;
  let all = 0;
  const lines = FOPS.flatMap((fop) => {
    const hits = stats.hits[fop.number] ?? 0;
    all += hits;
    const failures = stats.failures[fop.number] ?? 0;
    return hits === 0
      ? []
      : [`${name}.total.${fop.display}.count ${hits}`, `${name}.total.${fop.display}.fail_count ${failures}`];
  });
  return [
    `${name}.total.pending-winds.count ${stats.callsUnderWay}`,
    ...lines,
    `${name}.total.fop-count ${all}`,
    `${name}.total.bytes-read ${stats.bytesRead}`,
    `${name}.total.bytes-written ${stats.bytesWritten}`,
    `${name}.total.clients.count ${stats.clients}`,
    `${name}.total.open-fds.count ${stats.openFds}`,
    `${name}.total.inodes.count ${stats.inodes}`,
  ];
}

/** Text of the file. */
export function metricsText(head: MetricsHead, bricks: readonly BrickStats[], now: Date): string {
  const usage = process.memoryUsage();
  const [, , , , , , , inUse] = addon.mallinfo();
  return [
    `## ${head.argv.join(' ')}`,
    `### ${localTime(now)}`,
    `### BrickName: ${head.brickName.length === 0 ? '(null)' : head.brickName}`,
    '### MountName: (null)',
    '### VolumeName: (null)',
    `total.memory.resident ${usage.rss}`,
    `total.memory.heap-used ${usage.heapUsed}`,
    `total.memory.array-buffers ${usage.arrayBuffers}`,
    `total.memory.malloc-used ${inUse ?? 0}`,
    ...bricks.flatMap(brickLines),
    '',
    '# End of metrics',
    '',
  ].join('\n');
}

/** Writes the text to a new file, mode 0600, and gives its path. Throws the error of the file system. */
export function writeMetricsFile(text: string): string {
  makeOwnDirectory(bytesOfText(METRICS_DIRECTORY));
  const path = join(METRICS_DIRECTORY, `gmetrics.${randomBytes(6).toString('base64url').slice(0, 6)}`);
  writeFileSync(path, text, { encoding: 'latin1', mode: PRIVATE_MODE, flag: 'wx' });
  return path;
}
