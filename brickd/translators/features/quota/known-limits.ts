/** What is known of the limits of directories. It hangs at their inodes: that there are none, or which. */
import type { Logger } from '../../../../mux/base/log.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { DirectoryLimit } from './directory-limit.js';
import { type Limits, limitsIn } from './quota-xattrs.js';

/** Makes what is known of a directory that turns out to have limits. */
export type MakeLimit = (owner: object, inode: Inode, limits: Limits) => DirectoryLimit;

const isNothing = (limits: Limits): boolean => limits.usage === null && limits.objects === null;

export class KnownLimits {
  readonly #layer: Translator;
  readonly #log: Logger;
  readonly #make: MakeLimit;
  /** Owner of what is known: another one once quota was off. At an inode it stands for a directory without limits. */
  #owner: object = {};
  /** At an inode: it has no name on disk. */
  #unnamed: object = {};
  readonly #directories = new Map<string, DirectoryLimit>();

  /** layer: whose `ctx` of inodes it is. */
  constructor(layer: Translator, log: Logger, make: MakeLimit) {
    this.#layer = layer;
    this.#log = log;
    this.#make = make;
  }

  /** Directories with limits, by the keys of their inodes. */
  get directories(): ReadonlyMap<string, DirectoryLimit> {
    return this.#directories;
  }

  /** Forgets everything. */
  clear(): void {
    this.#owner = {};
    this.#unnamed = {};
    this.#directories.clear();
  }

  forget(inode: Inode): void {
    this.#directories.delete(inode.key);
    inode.ctx[this.#layer.slot] = undefined;
  }

  /** The limits of a directory; null: none, undefined: not known. */
  at(inode: Inode): DirectoryLimit | null | undefined {
    const state = inode.ctx[this.#layer.slot];
    if (state === this.#owner || state === this.#unnamed) return null;
    return state instanceof DirectoryLimit && state.owner === this.#owner ? state : undefined;
  }

  /** A file or directory has lost its last name: nothing is above it. */
  noteUnnamed(inode: Inode): void {
    this.#directories.delete(inode.key);
    inode.ctx[this.#layer.slot] = this.#unnamed;
  }
  isUnnamed(inode: Inode): boolean {
    return inode.parent === null && inode.ctx[this.#layer.slot] === this.#unnamed;
  }

  /** Notes the limits that a directory turns out to have. */
  note(inode: Inode, limits: Limits): void {
    const known = this.at(inode);
    if (isNothing(limits)) {
      if (known instanceof DirectoryLimit) {
        known.limits = limits;
        this.#directories.delete(inode.key);
      }
      inode.ctx[this.#layer.slot] = this.#owner;
    } else if (known instanceof DirectoryLimit) {
      known.change(limits);
    } else {
      const limit = this.#make(this.#owner, inode, limits);
      inode.ctx[this.#layer.slot] = limit;
      this.#directories.set(inode.key, limit);
    }
  }

  /** Notes the limits among the xattrs of a directory. */
  noteXattrs(inode: Inode, xattrs: Dict | null): void {
    this.note(inode, this.#limitsIn(inode, xattrs));
  }

  /** Some of a directory's xattrs were changed; others are as they were. */
  noteSet(inode: Inode, changed: Dict, usage: boolean, objects: boolean): void {
    const before = this.at(inode);
    // Not known: all of them are read when they matter.
    if (before === undefined) return;
    const set = this.#limitsIn(inode, changed);
    this.note(inode, {
      usage: usage ? set.usage : (before?.limits.usage ?? null),
      objects: objects ? set.objects : (before?.limits.objects ?? null),
    });
  }

  #limitsIn(inode: Inode, xattrs: Dict | null): Limits {
    return limitsIn(xattrs, (key) =>
      this.#log.error(
        0,
        `${this.#layer.brick.name}: ${pathOf(inode)} has a malformed ${key}: no such limit holds there`,
      ),
    );
  }
}
