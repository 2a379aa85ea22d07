/** Selects the fops that a debug translator acts on. */

import { FOPS } from '../../../mux/xlator/fop-table.js';
import type { FopName } from '../../../mux/xlator/fops.js';

const byDisplay = new Map<string, FopName>();
for (const { name, display } of FOPS) {
  if (name !== 'release' && name !== 'releasedir') byDisplay.set(display.toLowerCase(), name);
}

/**
 * The fops that an option lists, by Gluster's names in any case; all for an option that is unset (or, with `emptyIsAll`,
 * empty). `unknown` gets each name that is none.
 */
export function chosenFops(
  names: readonly string[] | undefined,
  emptyIsAll: boolean,
  unknown: (name: string) => void,
): ReadonlySet<FopName> {
  if (names === undefined || (emptyIsAll && names.length === 0)) return new Set(byDisplay.values());
  const chosen = new Set<FopName>();
  for (const name of names) {
    const fop = byDisplay.get(name.toLowerCase());
    if (fop === undefined) unknown(name);
    else chosen.add(fop);
  }
  return chosen;
}

export const ALL_FOPS: readonly FopName[] = [...byDisplay.values()];
