/** Callbacks to clients as profiles count them: each as one, recalls of leases as such, and cache invalidations by what they say as well. */
import type { Upcall } from '../../../../mux/xlator/translator.js';
import { Up } from '../../features/upcall/flags.js';

/** Names by number in profiles. */
export const UPCALL_DISPLAY = [
  'NULL',
  'UPCALL',
  'CI_IATT',
  'CI_XATTR',
  'CI_RENAME',
  'CI_UNLINK',
  'CI_FORGET',
  'LEASE_RECALL',
] as const;
const numberOf = (name: (typeof UPCALL_DISPLAY)[number]): number => UPCALL_DISPLAY.indexOf(name);

const UPCALL = numberOf('UPCALL');
const LEASE_RECALL = numberOf('LEASE_RECALL');
/** Numbers of what a cache invalidation says, by its bits. */
const PARTS: readonly (readonly [number, number])[] = [
  [Up.xattr | Up.xattrRemoved, numberOf('CI_XATTR')],
  [Up.nlink | Up.mode | Up.own | Up.size | Up.times | Up.atime | Up.perm, numberOf('CI_IATT')],
  [Up.rename, numberOf('CI_RENAME')],
  [Up.forget, numberOf('CI_FORGET')],
  [Up.nlink, numberOf('CI_UNLINK')],
];

/** The numbers that a callback counts under. */
export function upcallNumbers(message: Upcall): number[] {
  if (message.kind === 'lease-recall') return [UPCALL, LEASE_RECALL];
  if (message.kind !== 'cache-invalidation') return [UPCALL];
  const { flags } = message;
  return [UPCALL, ...PARTS.filter(([bits]) => (flags & bits) !== 0).map(([, number]) => number)];
}
