/**
 * The metrics that every exporter has of its own process. prom-client's default set isn't used as a whole: it measures the main
 * thread's event loop a hundred times a second for good, and some of its names are against Prometheus's conventions.
 */
import { readdir, readFile } from 'node:fs/promises';
import { Counter, Gauge, Registry } from 'prom-client';

const startSec = Date.now() / 1000 - process.uptime();

export function standardMetrics(): Registry {
  const register = new Registry();
  const registers = [register];
  let cpuSec = 0;
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of the process.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const now = (user + system) / 1e6;
      this.inc(Math.max(0, now - cpuSec));
      cpuSec = now;
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process since the epoch.',
    registers,
    collect() {
      this.set(startSec);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers,
    async collect() {
      // Read without blocking: the file is made by the kernel while it is read.
      const status = await readFile('/proc/self/status', 'latin1').catch(() => '');
      this.set(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
    },
  });
  new Gauge({
    name: 'process_open_fds',
    help: 'Open file descriptors of the process.',
    registers,
    async collect() {
      const fds = await readdir('/proc/self/fd').catch(() => []);
      this.set(Math.max(0, fds.length - 1));
    },
  });
  new Gauge({
    name: 'process_max_fds',
    help: 'File descriptors that the process may have open.',
    registers,
    async collect() {
      const limits = await readFile('/proc/self/limits', 'latin1').catch(() => '');
      this.set(Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0));
    },
  });
  return register;
}
