/** Which changes of xattrs clients want to hear of: those whose names match a pattern that some client has registered. */
import { Dict, valueBytes } from '../../../../posix/contract/dict.js';
import { fnmatch } from '../../../../volfiles/fnmatch.js';

/** Counters of replication: they change with every write, and only the step away from zero is news. */
const PENDING = 'trusted.afr';

export class XattrFilter {
  readonly #patterns = new Set<string>();

  /** Nothing is ever taken off again: clients don't say when they lose interest. */
  register(patterns: Iterable<string>): void {
    for (const pattern of patterns) this.#patterns.add(pattern);
  }

  #wanted(name: string): boolean {
    if (this.#patterns.has(name)) return true;
    for (const pattern of this.#patterns) if (fnmatch(pattern, name)) return true;
    return false;
  }

  /** Those of the xattrs that clients want to hear of; null when there are none. */
  apply(xattrs: Dict): Dict | null {
    if (this.#patterns.size === 0) return null;
    let wanted: Dict | null = null;
    for (const [name, value] of xattrs.map) {
      if (!this.#wanted(name)) continue;
      if (name.startsWith(PENDING) && valueBytes(value)?.every((b) => b === 0) === true) continue;
      (wanted ??= new Dict()).set(name, value);
    }
    return wanted;
  }

  /** The same for a removed one. */
  removed(name: string): Dict | null {
    return this.#patterns.size > 0 && this.#wanted(name) ? new Dict().setText(name, '') : null;
  }
}

/** Whether every counter of replication in `sent` has become what was sent: it was zero before. */
export function startedFromZero(sent: Dict, result: Dict | null): boolean {
  for (const [name, value] of sent.map) {
    if (!name.startsWith(PENDING)) continue;
    const a = valueBytes(value);
    const b = result?.bytes(name);
    if (a === undefined || b === undefined || a.length !== b.length || !a.every((x, i) => x === b[i])) return false;
  }
  return true;
}
