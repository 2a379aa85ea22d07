/** The gfid that a client wants a new file to have (`gfid-req` of a request's xdata), and what that gfid means on this brick already. */
import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { errnoOf, failure } from '../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, isNullGfid } from '../../../mux/xlator/gfid.js';
import { GFID_REQ, INTERNAL_CTX } from '../../../mux/xlator/xdata-keys.js';
import { ALWAYS, type Batch, batch, Priority, reg, STAT } from '../../../native/batch.js';
import { EAGAIN, EINVAL, ENOENT } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED, S_IFDIR, S_IFLNK, S_IFMT } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { handlePointsTo } from '../../disk/descriptors/handle-link.js';
import { handleName } from '../../disk/format/handle-name.js';

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
 * Whether replication, dispersal or distribution make an entry anew that other bricks have: they do it as root, with a pid
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
  let b = batch();
  let at = 0;
  let done = store.inline;
  if (done) {
    at = program(store, b, gfid, RESOLVE_CACHED);
    store.inlining.run(b);
    done = b.result(0) !== -EAGAIN;
  }
  if (!done) {
    b.release();
    b = batch();
    at = program(store, b, gfid, 0);
    await store.run(b, 0, Priority.high);
  }
  const { errno } = b;
  const f = b.f64;
  const found = {
    ofDirectory: isDirectoryHandle(f[at + STAT.mode]!, f[at + STAT.nlink]!),
    dev: f[at + STAT.dev]!,
    inoHigh: f[at + STAT.inoHigh]!,
    inoLow: f[at + STAT.inoLow]!,
  };
  b.release();
  if (errno === 0) return found;
  if (errno === ENOENT) return null;
  throw failure(errno);
}

function program(store: BrickDir, b: Batch, gfid: Gfid, resolve: number): number {
  const at = b.statOut();
  b.open(store.glusterfsFd, handleName(gfid), O_PATH | O_NOFOLLOW, 0, resolve);
  b.statx(reg(0), null, at);
  b.close(reg(0), ALWAYS);
  return at;
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
      links = b.f64[at + STAT.nlink]!;
      b.release();
      d.release();
      if (errno !== 0) throw failure(errno);
    } catch (error) {
      if (errnoOf(error) === ENOENT) return false;
      throw error;
    }
    if (links > 0) return true;
    // The descriptor is all that is left; perhaps it was made anew.
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
  const f = b.f64;
  const isDirectory = (f[at + STAT.mode]! & S_IFMT) === S_IFDIR;
  const same =
    f[at + STAT.dev] === handle.dev && f[at + STAT.inoHigh] === handle.inoHigh && f[at + STAT.inoLow] === handle.inoLow;
  b.release();
  if (errno !== 0) throw failure(errno);
  if (!isDirectory) return same;
  if (!handle.ofDirectory) return false;
  return (await handlePointsTo(store, gfid, parent, name)) || !(await directoryExists(store, gfid));
}
