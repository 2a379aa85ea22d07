/** Workers and their JavaScript memory by default, in what control groups of either version leave. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { cgroupLimits } from '../../../brickd/cgroup-limits.js';
import { defaultHeapMiB, defaultWorkers } from '../../../brickd/worker-limits.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const NONE = Number.POSITIVE_INFINITY;

t.test('all heaps together have half of the memory', async (t) => {
  t.equal(defaultHeapMiB(4, 8 * GIB), 1024);
  t.equal(defaultHeapMiB(2, 8 * GIB), 2048);
  t.equal(defaultHeapMiB(1, 256 * GIB), 4096, 'up to a bound');
  t.equal(defaultHeapMiB(4, NONE), 4096);
  for (const memory of [96 * MIB, 256 * MIB, 512 * MIB, GIB, 8 * GIB])
    for (const cpus of [0.5, 1, 2, 64]) {
      const workers = defaultWorkers(cpus, memory);
      t.ok(workers * defaultHeapMiB(workers, memory) * MIB <= memory / 2, `${cpus} cores, ${memory / MIB} MiB`);
    }
});

t.test('workers by cores and memory', async (t) => {
  t.equal(defaultWorkers(0.5, 8 * GIB), 1, 'half a core');
  t.equal(defaultWorkers(1.5, 8 * GIB), 2);
  t.equal(defaultWorkers(64, 8 * GIB), 4);
  t.equal(defaultWorkers(64, 256 * MIB), 2, 'short of memory');
  t.equal(defaultWorkers(64, 32 * MIB), 1, 'never none');
});

/** A root directory with these files. */
function fake(root: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}

const V2 = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate';

t.test('version 2: the least limit on the way up counts', async (t) => {
  const root = fake(t.testdir(), {
    'proc/self/cgroup': '0::/system.slice/glusterd.service',
    'proc/self/mountinfo': V2,
    'sys/fs/cgroup/system.slice/memory.max': String(512 * MIB),
    'sys/fs/cgroup/system.slice/cpu.max': 'max 100000',
    'sys/fs/cgroup/system.slice/glusterd.service/memory.max': 'max',
    'sys/fs/cgroup/system.slice/glusterd.service/cpu.max': '50000 100000',
  });
  t.same(cgroupLimits(root), { memoryBytes: 512 * MIB, cpus: 0.5 });
});

t.test('version 2 in a container: its group is the root', async (t) => {
  const root = fake(t.testdir(), {
    'proc/self/cgroup': '0::/',
    'proc/self/mountinfo': V2,
    'sys/fs/cgroup/memory.max': String(256 * MIB),
    'sys/fs/cgroup/cpu.max': '150000 100000',
  });
  t.same(cgroupLimits(root), { memoryBytes: 256 * MIB, cpus: 1.5 });
});

t.test('version 1: a hierarchy for each controller', async (t) => {
  const root = fake(t.testdir(), {
    'proc/self/cgroup': '4:memory:/a/b\n3:cpu,cpuacct:/a\n1:name=systemd:/a',
    'proc/self/mountinfo': [
      '36 25 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '37 25 0:32 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:1 - cgroup cgroup rw,cpu,cpuacct',
    ].join('\n'),
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/a/memory.limit_in_bytes': String(GIB),
    'sys/fs/cgroup/memory/a/b/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': '200000',
    'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
  });
  t.same(cgroupLimits(root), { memoryBytes: GIB, cpus: 2 });
});

t.test('version 1 in a container: paths are told as from outside', async (t) => {
  const root = fake(t.testdir(), {
    'proc/self/cgroup': '4:memory:/docker/0123',
    'proc/self/mountinfo': '36 25 0:31 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': String(256 * MIB),
  });
  t.same(cgroupLimits(root), { memoryBytes: 256 * MIB, cpus: NONE });
});

t.test('no control groups, and files that make no sense', async (t) => {
  t.same(cgroupLimits(fake(t.testdir(), {})), { memoryBytes: NONE, cpus: NONE });
  const root = fake(t.testdir(), {
    'proc/self/cgroup': 'nonsense',
    'proc/self/mountinfo': `x\n${V2}`,
    'sys/fs/cgroup/memory.max': 'much',
    'sys/fs/cgroup/cpu.max': '',
  });
  t.same(cgroupLimits(root), { memoryBytes: NONE, cpus: NONE });
});
