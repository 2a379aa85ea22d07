/** Limits of directories, kept with their inodes; it is also remembered that there are none. */
import type { Logger } from '../../../../mux/base/log.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { DirectoryLimit } from './directory-limit.js';
import { type DirectoryLimits, limitsIn } from './quota-xattrs.js';

/** Creates the state of a directory that has limits. */
export type MakeLimit = (owner: object, inode: Inode, limits: DirectoryLimits) => DirectoryLimit;

/** How long what was found in no directory counts as in none: its names may not have been on record yet, or have been changing just then. */
export const UNNAMED_MS = 10_000;

/** At an inode: it had no name on disk. */
class Unnamed {
  readonly owner: object;
  readonly #untilMs = performance.now() + UNNAMED_MS;

  constructor(owner: object) {
    this.owner = owner;
  }
  get isRecent(): boolean {
    return performance.now() < this.#untilMs;
  }
}

const isNothing = (limits: DirectoryLimits): boolean => limits.usage === null && limits.objects === null;

export class KnownLimits {
  readonly #layer: Translator;
  readonly #log: Logger;
  readonly #make: MakeLimit;
  /** Owner of the cached limits: replaced when quota is switched off. With an inode it means a directory without limits. */
  #owner: object = {};
  readonly #directories = new Map<string, DirectoryLimit>();
  #changes = 0;

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

  /** How often limits were set or removed: what was read from disk meanwhile may be what they were before. */
  get changes(): number {
    return this.#changes;
  }

  /** Forgets everything. */
  clear(): void {
    this.#changes++;
    this.#owner = {};
    this.#directories.clear();
  }

  forget(inode: Inode): void {
    this.#directories.delete(inode.key);
    inode.ctx[this.#layer.slot] = undefined;
  }

  /** The limits of a directory; null: none, undefined: not known. */
  at(inode: Inode): DirectoryLimit | null | undefined {
    const state = inode.ctx[this.#layer.slot];
    if (state === this.#owner || this.#isUnnamed(state)) return null;
    return state instanceof DirectoryLimit && state.owner === this.#owner ? state : undefined;
  }

  /** A file or directory has lost its last name: nothing is above it. */
  noteUnnamed(inode: Inode): void {
    this.#directories.delete(inode.key);
    inode.ctx[this.#layer.slot] = new Unnamed(this.#owner);
  }
  isUnnamed(inode: Inode): boolean {
    return inode.parent === null && this.#isUnnamed(inode.ctx[this.#layer.slot]);
  }
  #isUnnamed(state: unknown): boolean {
    return state instanceof Unnamed && state.owner === this.#owner && state.isRecent;
  }

  /** Notes the limits that a directory turns out to have. */
  #note(inode: Inode, limits: DirectoryLimits): void {
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

  /** Notes the limits among the xattrs that were read of a directory. changes: {@link changes} before they were. */
  noteRead(inode: Inode, xattrs: Dict | null, changes: number): void {
    if (changes === this.#changes) this.#note(inode, this.#limitsIn(inode, xattrs));
  }

  /** Some of a directory's xattrs were changed; others are as they were. */
  noteSet(inode: Inode, changed: Dict, usage: boolean, objects: boolean): void {
    this.#changes++;
    const before = this.at(inode);
    // Not known: all of them are read when they matter.
    if (before === undefined) return;
    const set = this.#limitsIn(inode, changed);
    this.#note(inode, {
      usage: usage ? set.usage : (before?.limits.usage ?? null),
      objects: objects ? set.objects : (before?.limits.objects ?? null),
    });
  }

  #limitsIn(inode: Inode, xattrs: Dict | null): DirectoryLimits {
    return limitsIn(xattrs, (key) =>
      this.#log.error(
        0,
        `${this.#layer.brick.name}: ${pathOf(inode)} has a malformed ${key}: no such limit holds there`,
      ),
    );
  }
}
