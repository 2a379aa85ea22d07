/**
 * Which xattr changes clients want to be notified of: those whose names match a pattern that a client has registered.
 */
import { Dict, valueBytes } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../mux/xlator/inode.js';
import { defined } from '../../../../native/assert.js';
import { EINVAL } from '../../../../native/errno.js';
import { fnmatch } from '../../../../volfiles/fnmatch.js';

/** Counters of replication: they change with every write, and only the step away from zero is news. */
const PENDING = 'trusted.afr';

/** Patterns of one client; what clients register are some tens. */
export const MAX_PATTERNS = 256;
const MAX_PATTERN_LENGTH = 255;

export class XattrFilter {
  readonly #clients = new Map<Client, Set<string>>();
  /** Those of all clients, and how many have each. */
  readonly #patterns = new Map<string, number>();

  /** EINVAL, and nothing is registered, for too many of them or too long ones: the client then keeps no xattrs in its cache. */
  register(client: Client, patterns: Iterable<string>): void {
    const known = this.#clients.get(client);
    const fresh: string[] = [];
    for (const pattern of patterns) {
      if (known?.has(pattern) === true) continue;
      if (pattern.length > MAX_PATTERN_LENGTH || fresh.length + (known?.size ?? 0) >= MAX_PATTERNS)
        throw failure(EINVAL);
      fresh.push(pattern);
    }
    if (fresh.length === 0) return;
    const own = known ?? new Set();
    this.#clients.set(client, own);
    for (const pattern of fresh) {
      own.add(pattern);
      this.#patterns.set(pattern, (this.#patterns.get(pattern) ?? 0) + 1);
    }
  }

  /** Clients don't say when they lose interest; they lose it when they go. */
  clientGone(client: Client): void {
    for (const pattern of this.#clients.get(client) ?? []) {
      const left = defined(this.#patterns.get(pattern), 'a pattern is counted for each client that has it') - 1;
      if (left === 0) this.#patterns.delete(pattern);
      else this.#patterns.set(pattern, left);
    }
    this.#clients.delete(client);
  }

  #wanted(name: string): boolean {
    if (this.#patterns.has(name)) return true;
    for (const pattern of this.#patterns.keys()) if (fnmatch(pattern, name)) return true;
    return false;
  }

  /** The xattrs that clients want notifications for; null if there are none. */
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
