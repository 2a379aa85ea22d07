/** Small files through the FUSE client: four processes, each with its own directory. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface SmallFileOp {
  name: string;
  target?: number;
}

export const SMALL_FILE_OPS: SmallFileOp[] = [
  { name: 'create+write+close', target: 0.8 },
  { name: 'stat', target: 0.8 },
  { name: 'setxattr', target: 0.8 },
  { name: 'rename', target: 0.8 },
  { name: 'unlink', target: 0.8 },
];

const PROCESSES = 4;
const FILES_PER_PROCESS = 1500;

const worker = fileURLToPath(new URL('./small-files-worker.js', import.meta.url));

/** One operation over all files; create makes them, unlink ends them. */
export function runSmallFiles(op: SmallFileOp, mount: string, round: string) {
  const args = [worker, op.name, mount, round, String(PROCESSES), String(FILES_PER_PROCESS)];
  const out = execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  const { seconds, latenciesUs } = JSON.parse(out) as { seconds: number; latenciesUs: number[] };
  latenciesUs.sort((a, b) => a - b);
  const operations = latenciesUs.length;
  return { operations, seconds, p99Us: latenciesUs[Math.floor(operations * 0.99)]!, bytes: 0 };
}
