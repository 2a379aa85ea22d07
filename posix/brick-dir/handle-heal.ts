/** Repairs a missing gfid handle when a lookup by name finds a file without one. */

import { fopErrorOf } from '../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../mux/xlator/fops.js';
import { type Gfid, gfidText, sameGfid } from '../../mux/xlator/gfid.js';
import type { Inode } from '../../mux/xlator/inode.js';
import { type Batch, batch } from '../../native/batch.js';
import { EEXIST } from '../../native/errno.js';
import { IGNORE, Priority, reg } from '../../native/layout.js';
import { O_NOFOLLOW, O_PATH } from '../../native/linux.js';
import type { DiskContext } from '../disk/context.js';
import type { Directory } from '../disk/descriptors/directory-cache.js';
import { handleName } from '../disk/format/handle-name.js';
import { GFID_KEY } from '../disk/format/xattr-keys.js';
import { exclusively } from '../disk/inode-state.js';
import { EntryQuery } from '../disk/query/stat-entry.js';
import { XattrWants } from '../disk/query/xattr-reply.js';
import { type CachedOutcome, type CachedProgram, runCached, tryCached } from '../disk/run-cached.js';
import type { BrickDir } from './brick-dir.js';

const NO_WANTS = new XattrWants(null);
const GFID_BYTES = 16;

/** Whether the file of a query may lack its handle: a file shows it by its link count, a directory unless that needs the disk. */
export function mayLackHandle(store: BrickDir, query: EntryQuery): boolean {
  const { inode, stat } = query;
  if (!stat.isDirectory) return fileLacksHandle(store, query);
  if (inode !== null && store.state(inode).hasHandle) return false;
  const handle = new HandlePresence(store, stat.gfid, inode);
  return !tryCached(store, handle) || handle.missing;
}

/**
 * Whether the file of a query lacks its handle. Only then one is created: that is a change, which waits for others of the directory,
 * and lookups must not.
 */
export function lacksHandle(store: BrickDir, query: EntryQuery, priority: Priority): MaybePromise<boolean> {
  const { inode, stat } = query;
  return stat.isDirectory ? lacksDirectoryHandle(store, stat.gfid, inode, priority) : fileLacksHandle(store, query);
}

function fileLacksHandle(store: BrickDir, { inode, links }: EntryQuery): boolean {
  return links === 1 && (inode === null || !store.state(inode).hasHandle);
}

/** As {@link lacksHandle}, of a directory: the disk is asked once in the life of its inode. */
export function lacksDirectoryHandle(
  store: BrickDir,
  gfid: Gfid,
  inode: Inode | null,
  priority: Priority,
): MaybePromise<boolean> {
  if (inode !== null && store.state(inode).hasHandle) return false;
  const handle = new HandlePresence(store, gfid, inode);
  const running = runCached(store, handle, priority);
  return running === null ? handle.missing : running.then(() => handle.missing);
}

/** Whether a directory's gfid has a handle. Remembered in its inode, if the table holds one. */
class HandlePresence implements CachedProgram {
  readonly #disk: DiskContext;
  readonly #gfid: Gfid;
  readonly #inode: Inode | null;
  missing = false;

  constructor(disk: DiskContext, gfid: Gfid, inode: Inode | null) {
    this.#disk = disk;
    this.#gfid = gfid;
    this.#inode = inode;
  }

  program(b: Batch, resolve: number): void {
    b.open(this.#disk.glusterfsFd, handleName(this.#gfid), O_PATH | O_NOFOLLOW, 0, resolve, IGNORE);
    b.close(reg(0), IGNORE);
  }

  take(b: Batch): CachedOutcome {
    this.missing = b.result(0) < 0;
    if (!this.missing && this.#inode !== null) this.#disk.state(this.#inode).hasHandle = true;
    return 'done';
  }
}

/** As {@link restoreHandle}, for a directory by the name that the inode table knows. Does nothing if that is impossible. */
export async function restoreDirectoryHandle(store: BrickDir, inode: Inode): Promise<void> {
  const { parent, name } = inode;
  if (parent === null) return;
  try {
    const d = await store.dirs.acquire(parent);
    try {
      await restoreHandle(store, d, parent, name, inode.gfid, inode.type);
    } finally {
      d.release();
    }
  } catch (error) {
    // Without a parent, the fop that is to follow fails by itself.
    fopErrorOf(error);
  }
}

/**
 * Creates the handle of a named file, unless it turns out to have one. True if it was created. Other fops on the inode wait:
 * one that removes it, or gives its name to another, would leave a handle of the wrong file.
 */
export async function restoreHandle(
  store: BrickDir,
  d: Directory,
  parent: Inode,
  name: string,
  gfid: Gfid,
  mode: number,
): Promise<boolean> {
  const inode = store.brick.adoptInode(gfid, mode);
  inode.ref();
  try {
    return await exclusively(store.state(inode), () => make(store, d, parent, name, inode));
  } finally {
    inode.unref();
  }
}

async function make(store: BrickDir, d: Directory, parent: Inode, name: string, inode: Inode): Promise<boolean> {
  const { gfid } = inode;
  const query = await new EntryQuery(store, d, parent, name, NO_WANTS).run(Priority.normal);
  const found = query.found.gfid;
  if (query.errno !== 0 || found === null || !sameGfid(found, gfid)) return false;
  const isDirectory = query.stat.isDirectory;
  if (!isDirectory && query.links !== 1) return false;
  const b = batch();
  const value = b.out(GFID_BYTES);
  // In the directory's lane: a removal that came meanwhile has ended, and the name has gone.
  b.getxattr(d.fd, name, GFID_KEY, value, GFID_BYTES);
  store.handles.levelOps(b, gfid, true);
  const op = isDirectory
    ? store.handles.symlinkOp(b, parent.gfid, name, gfid, IGNORE)
    : store.handles.linkOp(b, d.fd, name, gfid, IGNORE);
  await store.run(b, parent.lane, Priority.normal);
  const { errno } = b;
  const result = errno === 0 ? b.result(op) : -errno;
  const same = errno === 0 && sameGfid(b.view(value, GFID_BYTES), gfid);
  b.release();
  if (result === 0 && !same) await remove(store, gfid);
  const what = `${gfidText(parent.gfid)}/${name}`;
  if (result !== 0 && result !== -EEXIST) {
    store.log.warning(0, `recreating the missing handle ${gfidText(gfid)} of ${what} failed`, -result);
    return false;
  }
  store.handles.made(gfid);
  // A file that cannot get its handle, because another file has it, is not tried again.
  store.state(inode).hasHandle = same && (isDirectory || result === -EEXIST);
  if (result !== 0 || !same) return false;
  store.log.warning(0, `recreated the missing handle ${gfidText(gfid)} of ${what}`);
  return true;
}

async function remove(store: BrickDir, gfid: Gfid): Promise<void> {
  const b = batch();
  store.handles.removeOp(b, gfid);
  await store.run(b, 0, Priority.normal);
  b.release();
}
