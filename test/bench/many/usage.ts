/** What a process takes of the machine, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';
import { serverCpuUs } from '../measure.js';

export interface Usage {
  rssMiB: number;
  anonMiB: number;
  threads: number;
  descriptors: number;
}

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const number = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    rssMiB: number('VmRSS') / 1024,
    anonMiB: number('RssAnon') / 1024,
    threads: number('Threads'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Times that the threads of a process have gone to sleep so far: how often it was woken. */
export function wakeUps(pid: number): number {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1');
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return sum;
}

/** Share of one processor that a process uses and how often it wakes, over some time of doing nothing. */
export async function idleLoad(pid: number, seconds: number): Promise<{ cpuPercent: number; wakesPerSecond: number }> {
  const cpu = serverCpuUs(pid);
  const wakes = wakeUps(pid);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  return {
    cpuPercent: (serverCpuUs(pid) - cpu) / 10_000 / seconds,
    wakesPerSecond: (wakeUps(pid) - wakes) / seconds,
  };
}
