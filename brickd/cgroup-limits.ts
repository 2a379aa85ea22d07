/**
 * Memory and CPU limits of the process's control groups, version 1 (a hierarchy per controller) and 2. A limit also
 * holds for the groups below it, so the lowest on the way up counts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface CgroupLimits {
  /** Infinity: no limit. */
  memoryBytes: number;
  /** Cores' worth of time; Infinity: no limit. */
  cpus: number;
}

/** What version 1 has for "no limit" is about the greatest number of 63 bits. */
const NO_LIMIT_BYTES = 2 ** 60;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

interface Mount {
  /** The part of the hierarchy that is mounted, and where. */
  root: string;
  point: string;
  version: 1 | 2;
  controllers: string[];
}

/** `36 25 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory` */
function mounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , , root = '', point = '', ...rest] = line.split(' ');
    const [type, , options = ''] = rest.slice(rest.indexOf('-') + 1);
    if (type !== 'cgroup' && type !== 'cgroup2') return [];
    return [{ root, point, version: type === 'cgroup' ? 1 : 2, controllers: options.split(',') }];
  });
}

/** `4:memory:/a/b` of version 1, `0::/a/b` of version 2: the group of the process by controller, '' for version 2. */
function groups(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    for (const controller of match?.[1]?.split(',') ?? []) found.set(controller, match?.[2] ?? '/');
  }
  return found;
}

/** Folders of the group and of those above it, as far as they are mounted. */
function folders(base: string, mount: Mount, group: string): string[] {
  // In a container the group's path may be told as from outside, while only a part of the hierarchy is mounted.
  const below = `${group}/`.startsWith(`${mount.root}/`) ? group.slice(mount.root.length) : group;
  const top = join(base, mount.point);
  let at = join(top, below);
  if (!existsSync(at)) at = top;
  const found = [at];
  while (at !== top && at.startsWith(top)) {
    at = dirname(at);
    found.push(at);
  }
  return found;
}

/** "max" and "-1" are no limit, as is a file that is not there. */
const limit = (text: string): number => {
  const value = Number(text === '' ? Number.NaN : text);
  return Number.isFinite(value) && value > 0 ? value : Number.POSITIVE_INFINITY;
};

const memory1 = (folder: string): number => {
  const bytes = limit(read(join(folder, 'memory.limit_in_bytes')));
  return bytes >= NO_LIMIT_BYTES ? Number.POSITIVE_INFINITY : bytes;
};
const memory2 = (folder: string): number => limit(read(join(folder, 'memory.max')));
const cpus1 = (folder: string): number =>
  limit(read(join(folder, 'cpu.cfs_quota_us'))) / (Number(read(join(folder, 'cpu.cfs_period_us'))) || 100_000);
const cpus2 = (folder: string): number => {
  const [quota = '', period = ''] = read(join(folder, 'cpu.max')).split(' ');
  return limit(quota) / (Number(period) || 100_000);
};

/** base: where the root directory is, for tests. */
export function cgroupLimits(base = '/'): CgroupLimits {
  const own = groups(read(join(base, 'proc/self/cgroup')));
  const mounted = mounts(read(join(base, 'proc/self/mountinfo')));
  const least = (controller: string, of1: (folder: string) => number, of2: (folder: string) => number): number => {
    const limits = mounted.flatMap((mount) => {
      if (mount.version === 2) return folders(base, mount, own.get('') ?? '/').map(of2);
      if (!mount.controllers.includes(controller)) return [];
      return folders(base, mount, own.get(controller) ?? '/').map(of1);
    });
    return Math.min(Number.POSITIVE_INFINITY, ...limits);
  };
  return { memoryBytes: least('memory', memory1, memory2), cpus: least('cpu', cpus1, cpus2) };
}
