/** Reads and writes by libgfapi: fio's own engines. */
import { execFileSync } from 'node:child_process';

export interface FioTest {
  name: string;
  rw: 'randread' | 'randwrite' | 'read' | 'write';
  blockBytes: number;
  depth: number;
  /** Server CPU per operation, as a share of stock's, that is to be reached. */
  target?: number;
}

/** Small enough to stay in the page cache, large enough to be no one's cache on the client. */
const FILE_BYTES = 256 << 20;

export const FIO_TESTS: FioTest[] = [
  { name: '4 KiB random read, depth 1', rw: 'randread', blockBytes: 4096, depth: 1, target: 0.6 },
  { name: '4 KiB random read, depth 16', rw: 'randread', blockBytes: 4096, depth: 16, target: 0.4 },
  { name: '4 KiB random write, depth 1', rw: 'randwrite', blockBytes: 4096, depth: 1 },
  { name: '4 KiB random write, depth 16', rw: 'randwrite', blockBytes: 4096, depth: 16 },
  { name: '128 KiB sequential read', rw: 'read', blockBytes: 128 << 10, depth: 1, target: 0.8 },
  { name: '128 KiB sequential write', rw: 'write', blockBytes: 128 << 10, depth: 1, target: 0.8 },
  { name: '1 MiB sequential read', rw: 'read', blockBytes: 1 << 20, depth: 1, target: 1.0 },
  { name: '1 MiB sequential write', rw: 'write', blockBytes: 1 << 20, depth: 1, target: 1.0 },
];

interface Direction {
  total_ios: number;
  runtime: number;
  io_bytes: number;
  clat_ns: { percentile?: Record<string, number> };
}

/** Runs a test for `seconds` (0: once over the file). */
export function runFio(test: FioTest, volume: string, seconds: number) {
  const args = [
    '--name=bench',
    `--ioengine=${test.depth > 1 ? 'gfapi_async' : 'gfapi'}`,
    `--volume=${volume}`,
    '--brick=gfhost',
    '--filename=bench.data',
    `--rw=${test.rw}`,
    `--bs=${test.blockBytes}`,
    `--iodepth=${test.depth}`,
    `--size=${FILE_BYTES}`,
    '--randrepeat=0',
    '--output-format=json',
    ...(seconds > 0 ? ['--time_based', `--runtime=${seconds}`] : ['--end_fsync=1']),
  ];
  const out = execFileSync('fio', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
  const report = JSON.parse(out.slice(out.indexOf('{'))) as { jobs: { read: Direction; write: Direction }[] };
  const d = test.rw.includes('read') ? report.jobs[0]!.read : report.jobs[0]!.write;
  const p99Us = (d.clat_ns.percentile?.['99.000000'] ?? 0) / 1000;
  return { operations: d.total_ios, seconds: d.runtime / 1000, p99Us, bytes: d.io_bytes };
}
