/**
 * The gfid that a client wants for a new file (`gfid-req` in the request's xdata), and whether this brick already uses
 * it.
 */
import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { errnoOf, failure } from '../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, isNullGfid } from '../../../mux/xlator/gfid.js';
import { GFID_REQ, INTERNAL_CTX } from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENOENT } from '../../../native/errno.js';
import { ALWAYS, doubleAt, Priority, reg, STAT } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { DiskContext } from '../../disk/context.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { handleName } from '../../disk/format/handle-name.js';
import { type CachedOutcome, type CachedProgram, runCached } from '../../disk/run-cached.js';

/** The 16 bytes of `gfid-req`, or null when the request has none of that size. */
export function gfidRequest(xdata: Dict | null): Gfid | null {
  const value = xdata?.get(GFID_REQ)?.value;
  return value instanceof Uint8Array && value.length === 16 ? value : null;
}

/** The gfid of a file to be made. EINVAL without one. */
export function requiredGfid(xdata: Dict | null): Gfid {
  const gfid = gfidRequest(xdata);
  if (gfid === null || isNullGfid(gfid)) throw failure(EINVAL);
  return gfid;
}

/**
 * Whether replication, dispersal or distribution make an entry again that other bricks have: they do it as root, with a pid
 * of their own or a mark.
 */
export function isHeal(call: Call, xdata: Dict | null): boolean {
  return call.uid === 0 && (call.pid < 0 || xdata?.has(INTERNAL_CTX) === true);
}

export interface HandleStat {
  /** The handle of a directory, a symbolic link without another name: no link may be made to it. */
  ofDirectory: boolean;
  /** Numbers of the file that the handle is a link of. */
  dev: number;
  inoHigh: number;
  inoLow: number;
}

/** Whether what a stat shows is the handle of a directory. */
export function isDirectoryHandle(mode: number, links: number): boolean {
  return (mode & S_IFMT) === S_IFLNK && links === 1;
}

/** The handle of a gfid; null when there is none. */
export async function statHandle(store: BrickDir, gfid: Gfid): Promise<HandleStat | null> {
  const query = new HandleQuery(store, gfid);
  const running = runCached(store, query, Priority.high);
  if (running !== null) await running;
  if (query.errno === 0) return query;
  if (query.errno === ENOENT) return null;
  throw failure(query.errno);
}

class HandleQuery implements CachedProgram, HandleStat {
  readonly #disk: DiskContext;
  readonly #gfid: Gfid;
  #at = 0;
  errno = 0;
  ofDirectory = false;
  dev = 0;
  inoHigh = 0;
  inoLow = 0;

  constructor(disk: DiskContext, gfid: Gfid) {
    this.#disk = disk;
    this.#gfid = gfid;
  }

  program(b: Batch, resolve: number): void {
    this.#at = b.statOut();
    b.open(this.#disk.glusterfsFd, handleName(this.#gfid), O_PATH | O_NOFOLLOW, 0, resolve);
    b.statx(reg(0), null, this.#at);
    b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const at = this.#at;
    this.errno = b.errno;
    this.ofDirectory = isDirectoryHandle(doubleAt(b.f64, at + STAT.mode), doubleAt(b.f64, at + STAT.nlink));
    this.dev = doubleAt(b.f64, at + STAT.dev);
    this.inoHigh = doubleAt(b.f64, at + STAT.inoHigh);
    this.inoLow = doubleAt(b.f64, at + STAT.inoLow);
    return 'done';
  }
}

/** Whether the brick has a directory of that gfid: a handle may be all that is left of one. */
export async function directoryExists(store: BrickDir, gfid: Gfid): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    let links: number;
    try {
      const d = await store.dirs.acquireByKey(gfidKey(gfid));
      const b = batch();
      const at = b.statOut();
      b.statx(d.fd, null, at);
      await store.run(b, 0, Priority.high);
      const errno = b.errno;
      links = doubleAt(b.f64, at + STAT.nlink);
      b.release();
      d.release();
      if (errno !== 0) throw failure(errno);
    } catch (error) {
      if (errnoOf(error) === ENOENT) return false;
      throw error;
    }
    if (links > 0) return true;
    // The directory was removed; it may have been created again.
    store.dirs.drop(gfidKey(gfid));
    if (attempt > 0) return false;
  }
}

/** Whether an entry without a gfid may get this one: nothing else has it. */
export async function isFreeFor(
  store: BrickDir,
  gfid: Gfid,
  dir: Directory,
  parent: Gfid,
  name: string,
): Promise<boolean> {
  const handle = await statHandle(store, gfid);
  if (handle === null) return true;
  const b = batch();
  const at = b.statOut();
  b.statx(dir.fd, name, at);
  await store.run(b, 0, Priority.high);
  const errno = b.errno;
  const isDirectory = (doubleAt(b.f64, at + STAT.mode) & S_IFMT) === S_IFDIR;
  const same =
    doubleAt(b.f64, at + STAT.dev) === handle.dev &&
    doubleAt(b.f64, at + STAT.inoHigh) === handle.inoHigh &&
    doubleAt(b.f64, at + STAT.inoLow) === handle.inoLow;
  b.release();
  if (errno !== 0) throw failure(errno);
  if (!isDirectory) return same;
  if (!handle.ofDirectory) return false;
  return (await handlePointsTo(store, gfid, parent, name)) || !(await directoryExists(store, gfid));
}
