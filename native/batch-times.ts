/** Where the time of a batch on the pool has gone: what waited for a thread, and which system call took long. */
import { addon } from './addon.js';
import { BATCH_TIME, doubleAt, FLAGS_SHIFT, RECORD_DOUBLES } from './layout.js';

/** Of a batch: read when it has taken long, or takes long right now. */
export interface BatchTimes {
  /** Until a thread had time for it, and until those of its lane before it had ended. */
  queuedMs: number;
  /** On a thread; 0: it waits for one. */
  ranMs: number;
  /** The system call that took longest, by name, and its time; '' if none took long. */
  call: string;
  callMs: number;
}

/** Told of a batch that it waits for. */
export interface BatchWaiter {
  /** It waits for this batch from now on; null: for none any more. */
  waitsForBatch(times: (() => BatchTimes) | null): void;
  /** The batch has taken {@link LONG_BATCH_MS} or more. */
  batchTookLong(times: BatchTimes): void;
}

/** Batches that take longer are told of. */
export const LONG_BATCH_MS = 20;

/** What performance.now of this thread has to be given to be the pool's clock. */
const CLOCK_OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

const CODE_MASK = (1 << FLAGS_SHIFT) - 1;
const names: string[] = [];
for (const [name, code] of Object.entries(addon.ops)) names[code] = name.toLowerCase();

/** Names of system calls, where those of the ops are others. */
const CALLS: Readonly<Record<string, string>> = {
  openreg: 'open',
  xattrs: 'getxattr',
  checksum: 'pread',
  retire: 'unlink',
  fstype: 'statfs',
  statvfs: 'statfs',
  syncerrors: 'fsync',
  utimens: 'utimensat',
  copyrange: 'copy_file_range',
  readdir: 'getdents',
};

function callName(f64: Float64Array): string {
  const record = doubleAt(f64, BATCH_TIME.longestOp) * RECORD_DOUBLES;
  const name = names[(f64[record] ?? 0) & CODE_MASK] ?? '';
  return CALLS[name] ?? name;
}

/** From its submission to its end, of a batch that has come back; 0 if it never ran. */
export function batchMs(f64: Float64Array): number {
  if (doubleAt(f64, BATCH_TIME.started) === 0) return 0;
  return doubleAt(f64, BATCH_TIME.ended) - doubleAt(f64, BATCH_TIME.submitted);
}

/** over: the batch has come back; else it is under way. */
export function timesOf(f64: Float64Array, over: boolean): BatchTimes {
  const submitted = doubleAt(f64, BATCH_TIME.submitted);
  const started = doubleAt(f64, BATCH_TIME.started);
  const end = over ? doubleAt(f64, BATCH_TIME.ended) : performance.now() + CLOCK_OFFSET_MS;
  const callMs = doubleAt(f64, BATCH_TIME.longestMs);
  return {
    queuedMs: Math.max(0, (started === 0 ? end : started) - submitted),
    ranMs: started === 0 ? 0 : Math.max(0, end - started),
    call: callMs === 0 ? '' : callName(f64),
    callMs,
  };
}
