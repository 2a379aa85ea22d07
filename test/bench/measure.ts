/** What a brick process spends, from /proc. */
import { readFileSync } from 'node:fs';

export interface Sample {
  side: string;
  /** Operations per second, as the client counts them. */
  perSecond: number;
  /** Server CPU per operation, user and system, all threads, microseconds. */
  cpuUs: number;
  p99Us: number;
  rssKiB: number;
}

const TICK_US = 10_000;

/** User and system time of all threads of a process so far, in microseconds (the kernel tells it in ticks of 10 ms). */
export function serverCpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

export function serverRssKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
