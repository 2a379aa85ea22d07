/**
 * The inode table of a brick: inodes by gfid, and by name below their directories. It is bounded: a clock sweep drops
 * inodes that were not used since its last round and that nothing holds (no call, fd, lock or cached child). The tables
 * of a thread also share a limit; when it is reached, bricks with more than their share drop inodes first.
 *
 * What clients say and what the disk shows may be a lie or out of date. Two invariants hold nevertheless: an inode that has
 * children has at most one name itself, and no inode is above itself.
 */
import { assert } from '../../native/assert.js';
import { S_IFDIR, S_IFMT } from '../../native/linux.js';
import { SharedBudget } from '../base/shared-budget.js';
import { type Gfid, gfidKey, isNullGfid, ROOT_GFID, ROOT_KEY } from '../xlator/gfid.js';
import { Inode } from '../xlator/inode.js';
import { walkUp } from '../xlator/known-path.js';

/** Inodes checked per insertion beyond the limit: bounds the work of one call. */
const SWEEP_STEPS = 8;
/** Inodes checked at a time when an idle brick drops some. */
const SHED_STEPS = 4096;
/** Insertions beyond the common limit until the largest table is determined again. */
const LARGEST_FOR = 256;

/** Unused inodes that all tables of this thread may keep: some hundred bytes each. */
export const inodeBudget = new SharedBudget<InodeTable>(131072, LARGEST_FOR);

/** Whether the inode is the other one or an ancestor of it. True as well if finding out takes too long. */
function isAtOrAbove(inode: Inode, other: Inode): boolean {
  if (inode === other) return true;
  if (inode.children === null) return false;
  const end = walkUp(other, (at) => at === inode);
  return end === inode || end.parent !== null;
}

/** Gives an inode another namespace, and all known inodes below it that share the one it has. */
function setNamespaceBelow(top: Inode, namespace: Inode | null): void {
  const before = top.namespace;
  top.namespace = namespace;
  // Unknown inodes below get their namespace when it is needed.
  if (before === null) return;
  const open = [top];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const child of at.children?.values() ?? []) {
      if (child.namespace !== before || child === before) continue;
      child.namespace = namespace;
      if (child.children !== null) open.push(child);
    }
  }
}

export class InodeTable {
  readonly root: Inode;
  readonly #byKey = new Map<string, Inode>();
  readonly #forget: (inode: Inode) => void;
  #limit: number;
  #clock: Iterator<Inode> | null = null;
  /** Inodes that no longer exist on disk, but are still in use. */
  readonly #doomed = new Set<Inode>();
  #settling = false;

  /** limit: inodes kept without being in use; 0 means no bound. */
  constructor(limit: number, forget: (inode: Inode) => void) {
    this.#limit = limit;
    this.#forget = forget;
    this.root = new Inode(ROOT_GFID, ROOT_KEY);
    this.root.type = S_IFDIR;
    this.root.ref();
    this.#byKey.set(ROOT_KEY, this.root);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Inodes beside the root, which every table has. */
  get held(): number {
    return Math.max(0, this.#byKey.size - 1);
  }

  set limit(limit: number) {
    this.#limit = limit;
  }
  get limit(): number {
    return this.#limit;
  }

  get(key: string): Inode | undefined {
    const inode = this.#byKey.get(key);
    if (inode !== undefined) inode.touched = true;
    return inode;
  }

  child(parent: Inode, name: string): Inode | undefined {
    const inode = parent.children?.get(name);
    if (inode !== undefined) inode.touched = true;
    return inode;
  }

  values(): IterableIterator<Inode> {
    return this.#byKey.values();
  }

  /** The inode of a gfid, created if it is new. `gfid` is copied. */
  intern(gfid: Gfid, mode: number): Inode {
    const key = gfidKey(gfid);
    let inode = this.#byKey.get(key);
    if (inode === undefined) {
      assert(!isNullGfid(gfid), 'the null gfid is no inode');
      inode = new Inode(Uint8Array.from(gfid), key);
      inode.type = mode & S_IFMT;
      this.#byKey.set(key, inode);
      inodeBudget.taken(this);
      if (this.#limit > 0 && this.#byKey.size > this.#limit) this.#sweep(SWEEP_STEPS, this.#limit);
      else if (inodeBudget.total > inodeBudget.limit) inodeBudget.overdrawn(this).#sweep(SWEEP_STEPS, 0);
    } else {
      inode.touched = true;
      if (inode.type === 0) inode.type = mode & S_IFMT;
    }
    return inode;
  }

  /**
   * Links `name` in `parent` to the inode of that gfid; another one under that name is dropped. A link that would put a
   * directory below itself is not made: the inode comes back as it was.
   */
  link(parent: Inode, name: string, gfid: Gfid, mode: number): Inode {
    const known = parent.children?.get(name);
    if (known !== undefined) {
      if (known.key === gfidKey(gfid)) {
        known.touched = true;
        return known;
      }
      this.unlink(parent, name);
    }
    parent.ref(); // not to be swept by the insertion below
    const inode = this.intern(gfid, mode);
    parent.unref();
    if (inode === this.root || isAtOrAbove(inode, parent) || name === '.' || name === '..') return inode;
    // A directory has one name: a second one means that it was moved.
    if (inode.type === S_IFDIR || inode.children !== null) this.unlinkAll(inode);
    for (const alias of parent.aliases ?? []) this.unlink(alias.parent, alias.name);
    if (inode.parent === null) {
      inode.parent = parent;
      inode.name = name;
      this.#joinNamespace(inode, parent.namespace);
    } else {
      (inode.aliases ??= []).push({ parent, name });
    }
    (parent.children ??= new Map()).set(name, inode);
    return inode;
  }

  /** From now on inodes belong to namespaces: everything to the volume's root, until others are met. */
  trackNamespaces(): void {
    this.root.namespace = this.root;
  }

  get tracksNamespaces(): boolean {
    return this.root.namespace !== null;
  }

  /** A directory is the root of a namespace: what is known to be below it belongs to that from now on. */
  markNamespace(inode: Inode): void {
    if (this.tracksNamespaces && inode.namespace !== inode) setNamespaceBelow(inode, inode);
  }

  /** An inode has got its first name. namespace: that of the directory; null where it is not known. */
  #joinNamespace(inode: Inode, namespace: Inode | null): void {
    if (inode.namespace === namespace || inode.namespace === inode) return;
    if (inode.type !== S_IFDIR && inode.type !== 0) inode.namespace = namespace;
    // A directory that is new may be the root of another namespace: that is for the lookup to tell. One that is not new was moved.
    else if (inode.namespace !== null) setNamespaceBelow(inode, namespace);
  }

  /** Removes a name; the inode stays while it is in use. */
  unlink(parent: Inode, name: string): Inode | undefined {
    const { children } = parent;
    const inode = children?.get(name);
    if (children === null || inode === undefined) return undefined;
    children.delete(name);
    if (children.size === 0) parent.children = null;
    if (inode.parent === parent && inode.name === name) {
      const next = inode.aliases?.pop();
      if (inode.aliases?.length === 0) inode.aliases = null;
      inode.parent = next?.parent ?? null;
      inode.name = next?.name ?? '';
    } else if (inode.aliases !== null) {
      inode.aliases = inode.aliases.filter((a) => a.parent !== parent || a.name !== name);
      if (inode.aliases.length === 0) inode.aliases = null;
    }
    return inode;
  }

  /** Removes all names of an inode. */
  unlinkAll(inode: Inode): void {
    while (inode.parent !== null) {
      const unlinked = this.unlink(inode.parent, inode.name);
      assert(unlinked === inode, 'a directory does not hold what is linked in it');
    }
  }

  /** Drops an inode that no longer exists on disk, with all its names, as soon as nothing uses it. */
  drop(inode: Inode): void {
    this.unlinkAll(inode);
    if (inode.refs === 0 && inode.children === null) {
      this.#remove(inode);
    } else {
      // The call that removed the file holds it itself.
      this.#doomed.add(inode);
      this.#settleSoon();
    }
  }

  /** A use of the inode has ended: drops it if that is due. */
  released(inode: Inode): void {
    if (this.#doomed.size > 0 && this.#doomed.has(inode)) this.#settleSoon();
  }

  #settleSoon(): void {
    if (this.#settling) return;
    this.#settling = true;
    setImmediate(() => {
      this.#settling = false;
      for (const inode of this.#doomed) {
        const back = inode.parent !== null;
        if (!back && (inode.refs > 0 || inode.children !== null)) continue;
        if (back) this.#doomed.delete(inode);
        else this.#remove(inode);
      }
    });
  }

  #remove(inode: Inode): void {
    if (inode === this.root) return;
    this.unlinkAll(inode);
    this.#doomed.delete(inode);
    if (this.#byKey.delete(inode.key)) inodeBudget.returned(this);
    this.#forget(inode);
  }

  /** The brick is idle: drops some unused inodes. Returns how many. */
  shed(): number {
    const before = this.#byKey.size;
    if (before > 1) this.#sweep(SHED_STEPS, 0);
    return before - this.#byKey.size;
  }

  /** A bounded turn of the clock, until no more than `limit` inodes are left. */
  #sweep(steps: number, limit: number): void {
    for (let step = 0; step < steps && this.#byKey.size > limit; step++) {
      this.#clock ??= this.#byKey.values();
      const next = this.#clock.next();
      if (next.done === true) {
        this.#clock = null;
        continue;
      }
      const inode = next.value;
      if (inode.refs > 0 || inode.children !== null) continue;
      if (inode.touched) inode.touched = false;
      else this.#remove(inode);
    }
  }

  /** Drops everything: the brick is closing. */
  clear(): void {
    for (const inode of this.#byKey.values()) this.#forget(inode);
    this.#doomed.clear();
    const count = this.held;
    this.#byKey.clear();
    if (count > 0) inodeBudget.returned(this, count);
  }
}
