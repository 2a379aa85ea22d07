/**
 * Finds the directories with limits above a file. Names and limits that the brick does not know yet are read from disk, for all
 * directories up to the root at once.
 */
import { Dict } from '../../../../mux/xlator/dict.js';
import { fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type { DirEntry, MaybePromise } from '../../../../mux/xlator/fops.js';
import { gfidKey, ROOT_KEY } from '../../../../mux/xlator/gfid.js';
import { Fd, type Inode } from '../../../../mux/xlator/inode.js';
import { MAX_LEVELS, walkUp } from '../../../../mux/xlator/known-path.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { ANCESTRY_DENTRY } from '../../../../mux/xlator/xdata-keys.js';
import { EINVAL, ENOENT, ESTALE } from '../../../../native/errno.js';
import { S_IFDIR } from '../../../../native/linux.js';
import type { DirectoryLimit } from './directory-limit.js';
import type { KnownLimits } from './known-limits.js';
import { askForLimits } from './quota-xattrs.js';

/** A file without a name, or a removed directory: no limit above it applies. */
const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE, EINVAL]);
/** Rounds of reading what is above a file: clients may move directories meanwhile. */
const MAX_ROUNDS = 4;

const NONE: readonly DirectoryLimit[] = Object.freeze([]);

export class LimitsAbove {
  readonly #layer: Translator;
  readonly #known: KnownLimits;
  /** By the key of the inode above which is read. */
  readonly #reading = new Map<string, Promise<void>>();

  constructor(layer: Translator, known: KnownLimits) {
    this.#layer = layer;
    this.#known = known;
  }

  /**
   * Limits that count for what is in a directory, or in the directories that a file has names in. until: limits from these
   * directories upwards do not count.
   */
  of(inode: Inode, until: ReadonlySet<Inode> | null = null): MaybePromise<readonly DirectoryLimit[]> {
    const found = new Walk(this.#known, until);
    return found.from(inode) === null ? found.limits : this.#readAndWalk(inode, until);
  }

  /** The same, as far as the brick knows it. */
  asKnown(inode: Inode): readonly DirectoryLimit[] {
    const found = new Walk(this.#known, null);
    return found.from(inode) === null ? found.limits : NONE;
  }

  /** A directory and all above it. */
  async directories(from: Inode): Promise<Set<Inode>> {
    for (let round = 0; ; round++) {
      const passed = new Set<Inode>();
      const top = walkUp(from, (at) => {
        passed.add(at);
        return at.isRoot;
      });
      if (top.isRoot || round === MAX_ROUNDS) return passed;
      await this.#read(top);
    }
  }

  async #readAndWalk(inode: Inode, until: ReadonlySet<Inode> | null): Promise<readonly DirectoryLimit[]> {
    for (let round = 0; ; round++) {
      const found = new Walk(this.#known, until);
      const gap = found.from(inode);
      if (gap === null || round === MAX_ROUNDS) return found.limits;
      await this.#read(gap);
    }
  }

  /** Reads the way from the root to an inode. Concurrent callers share a reading. */
  #read(inode: Inode): Promise<void> {
    let reading = this.#reading.get(inode.key);
    if (reading === undefined) {
      reading = this.#readAbove(inode).finally(() => this.#reading.delete(inode.key));
      this.#reading.set(inode.key, reading);
    }
    return reading;
  }

  #readAbove(inode: Inode): Promise<void> {
    const { brick, next } = this.#layer;
    const { changes } = this.#known;
    return brick.byItself(async (call) => {
      call.hold(inode);
      const fd = new Fd(inode, 0, call.client, 0, true);
      call.holdFd(fd);
      try {
        const xdata = askForLimits(new Dict()).setInt(ANCESTRY_DENTRY, 1);
        const { entries } = await next.readdirp(call, { fd, offset: 0n, size: 0, xdata });
        this.#learn(entries, changes);
      } catch (thrown) {
        if (!GONE.has(fopErrorOf(thrown).errno)) throw thrown;
        this.#known.noteUnnamed(inode);
        return;
      }
      if (inode.parent === null && !inode.isRoot) this.#known.noteUnnamed(inode);
      else if (inode.type === S_IFDIR && this.#known.at(inode) === undefined) {
        this.#known.noteRead(inode, null, changes);
      }
    });
  }

  /** Entries lead from the root downwards; a file with several names has a row for each. changes: of limits before they were read. */
  #learn(entries: readonly DirEntry[], changes: number): void {
    const { brick } = this.#layer;
    let parent: Inode | null = null;
    for (const { name, stat, dict } of entries) {
      const isRoot = gfidKey(stat.gfid) === ROOT_KEY;
      if (!isRoot && parent === null) continue;
      const inode: Inode = isRoot || parent === null ? brick.root : brick.learnName(parent, name, stat.gfid, stat.mode);
      if (!stat.isDirectory) continue;
      this.#known.noteRead(inode, dict, changes);
      parent = inode;
    }
  }
}

/** A walk upwards that collects limits, each once. */
class Walk {
  limits: readonly DirectoryLimit[] = NONE;
  readonly #known: KnownLimits;
  readonly #until: ReadonlySet<Inode> | null;

  constructor(known: KnownLimits, until: ReadonlySet<Inode> | null) {
    this.#known = known;
    this.#until = until;
  }

  /** Null: done; else the inode that more has to be read about. */
  from(inode: Inode): Inode | null {
    if (inode.type === S_IFDIR) return this.#climb(inode);
    if (inode.parent === null) return this.#known.isUnnamed(inode) ? null : inode;
    let gap = this.#climb(inode.parent);
    if (inode.aliases !== null) for (const { parent } of inode.aliases) gap ??= this.#climb(parent);
    return gap;
  }

  #climb(directory: Inode): Inode | null {
    let at = directory;
    for (let level = 0; level < MAX_LEVELS; level++) {
      if (this.#until?.has(at) === true) return null;
      const limit = this.#known.at(at);
      if (limit === undefined) return at;
      if (limit !== null && !this.limits.includes(limit)) this.limits = [...this.limits, limit];
      if (at.isRoot) return null;
      if (at.parent === null) return this.#known.isUnnamed(at) ? null : at;
      at = at.parent;
    }
    return null;
  }
}
