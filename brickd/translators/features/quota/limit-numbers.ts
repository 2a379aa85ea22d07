/** Limits and what is used of them, for metrics and statedumps. */
import { pathOf } from '../../../../mux/xlator/known-path.js';
import type { DumpSection, QuotaNumbers } from '../../../../mux/xlator/translator.js';
import type { DirectoryLimit } from './directory-limit.js';

/** Directories that metrics report one by one. */
const TOLD = 30;
/** Directories that a statedump reports. */
const DUMPED = 1000;

const share = (used: number, limit: number | undefined): number => (limit === undefined ? 0 : used / limit);

/** How much of its limits a directory uses: the larger part. */
const fullness = ({ bytes, objects, limits }: DirectoryLimit): number =>
  Math.max(share(bytes, limits.usage?.hard), share(objects, limits.objects?.hard));

export function limitNumbers(limits: readonly DirectoryLimit[]): Pick<QuotaNumbers, 'limited' | 'directories'> {
  const asked = limits.filter((l) => l.isAnswered);
  const next = asked.length <= TOLD ? asked : asked.toSorted((a, b) => fullness(b) - fullness(a)).slice(0, TOLD);
  return {
    limited: limits.length,
    directories: next.map(({ inode, bytes, objects, limits: { usage, objects: objectLimit } }) => ({
      path: pathOf(inode),
      bytes,
      objects,
      bytesLimit: usage?.hard ?? 0,
      objectsLimit: objectLimit?.hard ?? 0,
    })),
  };
}

export function dumpLimits(limits: Iterable<DirectoryLimit>): DumpSection[] {
  return [...limits].slice(0, DUMPED).map(dumpLimit);
}

function dumpLimit(limit: DirectoryLimit): DumpSection {
  const { usage, objects } = limit.limits;
  const lines = [
    `path=${pathOf(limit.inode)}`,
    `hard-limit=${usage?.hard ?? 0}`,
    `object-hard-limit=${objects?.hard ?? 0}`,
    `size=${limit.bytes}`,
    `objects=${limit.objects}`,
    `refused=${limit.refused}`,
  ];
  return { title: 'xlators.features.quota.limit', lines, inode: limit.inode };
}
