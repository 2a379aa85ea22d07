/** What all fops that make an entry share: the directory it goes to, the identity it gets, undoing. */

import { background } from '../../../mux/base/fault.js';
import type { Call } from '../../../mux/xlator/call.js';
import { type Dict, valueBytes, valueText } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidText } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { addon } from '../../../native/addon.js';
import { type Batch, batch, IGNORE, Priority, STAT } from '../../../native/batch.js';
import { ENOENT, ENOSPC } from '../../../native/errno.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { aclFromText } from '../../disk/format/acl-text.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { decodeMdata, MDATA_KEY, type Mdata } from '../../disk/format/mdata-record.js';
import { GFID2PATH_PREFIX, S_ISGID, XATTR_CREATE } from '../../disk/format/sys.js';
import { isIdentity, isRestricted, isUser } from '../../disk/format/xattr-names.js';

/** What an entry may take of the disk. */
const ENTRY_BYTES = 16384;

/** ENOSPC for users' fops that need space when the disk is down to its reserve. */
export function checkSpace(store: Store, call: Call, xdata: Dict | null): void {
  // An entry, its handle, their directories' blocks: the answer comes too late for this fop, but not for the next ones.
  const looked = store.space.take(ENTRY_BYTES);
  if (looked instanceof Promise) background(looked, store.log, 'looking at the free space failed');
  if (store.full && call.pid >= 0 && xdata?.has(key.INTERNAL_FOP) !== true) throw failure(ENOSPC);
}

/** A directory in which an entry is being changed: open and pinned, its attributes before, its time record loaded. */
export class Site {
  readonly store: Store;
  readonly parent: Inode;
  readonly dir: Directory;
  readonly call: Call;
  pre: Iatt = NO_IATT;
  post: Iatt = NO_IATT;
  /** Whether batches on this directory run in another lane than its own. */
  readonly stray: boolean;
  #statAt = 0;
  #statOp = -1;
  #times: Mdata | null = null;
  #timesOp = -1;

  constructor(store: Store, call: Call, parent: Inode, dir: Directory, stray: boolean) {
    this.store = store;
    this.call = call;
    this.parent = parent;
    this.dir = dir;
    this.stray = stray;
  }

  /** Opens the directory. ENOENT when it is gone. */
  static async open(store: Store, call: Call, parent: Inode, stray = false): Promise<Site> {
    let d = await store.dirs.acquire(parent);
    try {
      if (store.mdata.unread(parent)) await store.mdata.load(parent);
      let site = new Site(store, call, parent, d, stray);
      if (await site.#look()) return site;
      // Removed behind our back, perhaps made anew elsewhere with the same gfid.
      store.dirs.drop(d.key);
      const anew = await store.dirs.acquire(parent);
      d.release();
      d = anew;
      site = new Site(store, call, parent, d, stray);
      if (!(await site.#look())) throw failure(ENOENT);
      return site;
    } catch (error) {
      d.release();
      throw error;
    }
  }

  /** Attributes before the fop. False when the directory is removed. Its inode is in memory: as a rule this does not wait. */
  #look(): MaybePromise<boolean> {
    const { store } = this;
    const b = batch();
    const at = b.statOut();
    b.statx(this.dir.fd, null, at);
    const taken = (): boolean => {
      const errno = b.result(0);
      const there = errno === 0 && b.f64[at + STAT.nlink]! > 0;
      if (there) this.pre = iattOf(b.f64, at, this.parent.gfid, store.mdata.of(this.parent));
      b.release();
      if (errno !== 0) throw failure(errno);
      return there;
    };
    if (!store.inline) return store.run(b, 0, Priority.high).then(taken);
    store.inlining.run(b);
    return taken();
  }

  get fd(): number {
    return this.dir.fd;
  }

  /** Reserves the results of {@link endOps}: before any text goes into the batch. */
  reserve(b: Batch): void {
    this.#statAt = b.statOut();
  }

  /** Last ops of a batch that changes an entry here: the directory's times, and its attributes afterwards. */
  endOps(b: Batch): void {
    this.#times = this.store.mdata.planParent(this.parent, this.call);
    this.#timesOp =
      this.#times === null ? -1 : this.store.mdata.storeOp(b, this.dir.fd, null, this.#times, this.parent, this.stray);
    this.#statOp = b.statx(this.dir.fd, null, this.#statAt, IGNORE);
  }

  /** After the batch has run, whatever came of it. */
  ended(b: Batch): void {
    const { store, parent } = this;
    if (this.#times !== null) store.mdata.stored(b, this.#timesOp, this.#times, parent, parent.gfid, this.stray);
    if (b.result(this.#statOp) === 0) this.post = iattOf(b.f64, this.#statAt, parent.gfid, store.mdata.of(parent));
  }

  /** Group of what is made here by a caller. */
  groupFor(gid: number): number {
    return (this.pre.mode & S_ISGID) !== 0 ? this.pre.gid : gid;
  }

  release(): void {
    this.dir.release();
  }
}

/** Mode bits of a new file: the administrator's mask and force bits on the permissions, the rest as asked. */
export function maskedMode(mode: number, mask: number, force: number): number {
  return (mode & ~0o777) | (mask & mode & 0o777) | force;
}

export function gfid2pathText(parent: Gfid, name: string): string {
  return `${gfidText(parent)}/${name}`;
}

export function gfid2pathKey(text: string): string {
  return GFID2PATH_PREFIX + addon.xxh64(text);
}

/** Op that notes on a file which entry it is (for the way back from gfid to path). */
export function gfid2pathOp(
  b: Batch,
  dir: number,
  name: string | null,
  parent: Gfid,
  entry: string,
  flags = IGNORE,
): number {
  const text = gfid2pathText(parent, entry);
  return b.setxattr(dir, name, gfid2pathKey(text), Buffer.from(text, 'latin1'), XATTR_CREATE, flags);
}

/** Xattrs in a batch, besides what a creation needs anyway. */
const MAX_XATTRS = 8;

/** The xattrs that a client wants a new file to have, from the request's xdata, as far as the caller may set them. */
export class RequestedXattrs {
  readonly #list: [name: string, value: Uint8Array, flags: number][] = [];
  /** Time record that the client gives the file (healing). */
  mdata: Mdata | null = null;

  /** without: keys that the fop itself has consumed. */
  constructor(call: Call, xdata: Dict | null, without: readonly string[] = []) {
    if (xdata === null) return;
    const user = isUser(call);
    for (const [name, value] of xdata.map) {
      if (isIdentity(name) || key.IGNORED.has(name) || without.includes(name) || (user && isRestricted(name))) continue;
      if (name === key.ACL_ACCESS_XATTR || name === key.ACL_DEFAULT_XATTR) {
        const acl = valueBytes(value);
        // ACLs first: they may change the mode.
        if (acl !== undefined) this.#list.unshift([name, acl, 0]);
      } else if (key.isAclText(name)) {
        const acl = aclFromText(valueText(value) ?? '');
        const xattr = name.startsWith(key.ACL_DEFAULT_TEXT) ? key.ACL_DEFAULT_XATTR : key.ACL_ACCESS_XATTR;
        if (acl !== null) this.#list.push([xattr, acl, 0]);
      } else if (name === MDATA_KEY) {
        const bytes = valueBytes(value);
        if (bytes !== undefined) this.mdata = decodeMdata(Buffer.from(bytes), 0, bytes.length);
      } else if (key.isDiskXattr(name) && name !== key.PATHINFO && !name.startsWith(GFID2PATH_PREFIX)) {
        const bytes = valueBytes(value);
        if (bytes !== undefined) this.#list.push([name, bytes, XATTR_CREATE]);
      }
    }
  }

  /** Ops for as many as a batch has room for. */
  ops(b: Batch, dir: number, name: string | null): void {
    const count = Math.min(this.#list.length, MAX_XATTRS);
    for (let i = 0; i < count; i++) {
      const [xattr, value, flags] = this.#list[i]!;
      b.setxattr(dir, name, xattr, value, flags, IGNORE);
    }
  }

  /** Sets what {@link ops} had no room for. */
  async rest(store: Store, dir: number, name: string, lane: number): Promise<void> {
    for (let i = MAX_XATTRS; i < this.#list.length; i += MAX_XATTRS) {
      const b = batch();
      for (const [xattr, value, flags] of this.#list.slice(i, i + MAX_XATTRS)) {
        b.setxattr(dir, name, xattr, value, flags, IGNORE);
      }
      await store.run(b, lane, Priority.normal);
      b.release();
    }
  }
}

/** Removes an entry that was made, after a later step of the fop has failed. */
export async function undo(store: Store, site: Site, name: string, atFlags = 0): Promise<void> {
  const b = batch();
  b.unlink(site.fd, name, atFlags);
  await store.run(b, site.parent.lane, Priority.normal);
  const errno = b.errno;
  b.release();
  if (errno !== 0) store.log.error(0, `removing ${gfidText(site.parent.gfid)}/${name} after a failure failed`, errno);
}
