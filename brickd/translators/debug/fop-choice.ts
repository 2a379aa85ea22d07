/** Which fops a translator for tests acts on, and how those that it treats alike are put into its class. */

import type { Call } from '../../../mux/xlator/call.js';
import { FOPS } from '../../../mux/xlator/fop-table.js';
import type { FopName, MaybePromise, Xdata } from '../../../mux/xlator/fops.js';
import type { Translator } from '../../../mux/xlator/translator.js';

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

type AnyFop = (call: Call, args: never) => MaybePromise<Xdata>;

/** The fop of that name of the translator below. */
export const below = (t: Translator, name: FopName): AnyFop => t.next[name] as AnyFop;

/** Gives a class every fop of `names` by one function. */
export function forFops<T>(
  type: { prototype: T },
  names: readonly FopName[],
  make: (name: FopName) => (this: T, call: Call, args: never) => MaybePromise<Xdata>,
): void {
  const methods = type.prototype as unknown as Record<string, unknown>;
  for (const name of names) methods[name] = make(name);
}
