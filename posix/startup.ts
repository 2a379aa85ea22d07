/** Bringing a brick's directory into service: the checks that its identity is right, and the `.glusterfs` tree. */
import { randomUUID } from 'node:crypto';
import { addon } from '../native/addon.js';
import { batch, IGNORE, Priority, STAT } from '../native/batch.js';
import { region } from '../native/memory.js';
import { Queue } from '../native/queue.js';
import { EEXIST, ENODATA, ENOENT, EOPNOTSUPP, errnoName } from './contract/errno.js';
import { gfidText, isNullGfid, parseGfid, ROOT_GFID, sameGfid } from './contract/gfid.js';
import { S_IFDIR, S_IFMT } from './contract/iatt.js';
import { DT_DIR, EntryCursor } from './dir-entries.js';
import { HANDLE_DIR, handleName, LANDFILL_DIR, UNLINK_DIR } from './handle-name.js';
import { Store, type StoreInit } from './store.js';
import { GFID_KEY, OpenFlag, VOLUME_ID_KEY, XATTR_CREATE } from './sys.js';

const OLD_LANDFILL = '.landfill';
/** Long enough for any xattr that is 16 bytes when it is right. */
const PROBE = 64;

/** A brick's directory is not what it must be; the message is for the log and names the brick. */
function refuse(brick: string, why: string): Error {
  return new Error(`brick ${brick}: ${why}`);
}

/**
 * Opens a brick's directory for service. Rejects with an Error that names the brick and the cause when the directory is
 * missing, is none, has no xattrs, or belongs to another volume.
 */
export async function openStore(init: Omit<StoreInit, 'rootFd' | 'glusterfsFd' | 'hidden'>): Promise<Store> {
  const path = init.options.directory;
  const rootFd = addon.open(Buffer.from(path).latin1Slice(), OpenFlag.directory, 0);
  if (rootFd < 0) {
    const cause = rootFd === -ENOENT ? "doesn't exist" : `can't be opened as a directory: ${errnoName(-rootFd)}`;
    throw refuse(path, `directory ${cause}`);
  }
  let glusterfsFd = -1;
  try {
    checkIdentity(rootFd, init);
    glusterfsFd = await openTree(rootFd, path);
    const hidden = checkRootHandle(rootFd, glusterfsFd, path);
    setOwner(rootFd, init.options);
    return new Store({ ...init, rootFd, glusterfsFd, hidden });
  } catch (error) {
    if (glusterfsFd >= 0) addon.closeFd(glusterfsFd);
    addon.closeFd(rootFd);
    throw error;
  }
}

function readRoot(rootFd: number, key: string): Buffer | number {
  const b = batch();
  const at = b.out(PROBE);
  b.getxattr(rootFd, null, key, at, PROBE, IGNORE);
  b.run();
  const r = b.result(0);
  const value = r >= 0 ? Buffer.from(b.view(at, r)) : r;
  b.release();
  return value;
}

function checkIdentity(rootFd: number, init: { options: StoreInit['options'] }): void {
  const path = init.options.directory;
  if (readRoot(rootFd, 'user.x') === -EOPNOTSUPP && init.options['mandate-attribute'] !== false) {
    throw refuse(path, 'the file system does not support extended attributes');
  }
  const wanted = init.options['volume-id'];
  if (wanted !== undefined) checkVolumeId(rootFd, path, wanted);
  const gfid = readRoot(rootFd, GFID_KEY);
  if (gfid === -ENODATA) {
    const b = batch();
    b.setxattr(rootFd, null, GFID_KEY, ROOT_GFID, XATTR_CREATE);
    const r = b.run();
    b.release();
    if (r < 0) throw refuse(path, `setting ${GFID_KEY} of the root failed: ${errnoName(-r)}`);
  } else if (typeof gfid === 'number') {
    throw refuse(path, `reading ${GFID_KEY} of the root failed: ${errnoName(-gfid)}`);
  } else if (gfid.length !== 16) {
    throw refuse(path, `${GFID_KEY} of the root has ${gfid.length} bytes instead of 16`);
  } else if (!sameGfid(gfid, ROOT_GFID)) {
    throw refuse(path, `gfid (${gfidText(gfid)}) of the directory is not that of a volume's root`);
  }
}

function checkVolumeId(rootFd: number, path: string, text: string): void {
  const wanted = parseGfid(text);
  if (wanted === null || isNullGfid(wanted)) throw refuse(path, `wrong volume-id (${text}) set in volume file`);
  const found = readRoot(rootFd, VOLUME_ID_KEY);
  if (found === -ENODATA) throw refuse(path, 'Extended attribute trusted.glusterfs.volume-id is absent');
  if (typeof found === 'number') throw refuse(path, `failed to fetch volume-id: ${errnoName(-found)}`);
  if (found.length !== 16) throw refuse(path, 'failed to fetch proper volume id from export');
  if (!sameGfid(found, wanted)) {
    throw refuse(path, `mismatching volume-id (${text}) received. already is a part of volume ${gfidText(found)}`);
  }
}

/** Opens `.glusterfs`, made where needed with its 256 first levels, landfill and unlink directories. */
async function openTree(rootFd: number, path: string): Promise<number> {
  makeDirectory(rootFd, HANDLE_DIR, 0o600, path);
  const b = batch();
  b.open(rootFd, HANDLE_DIR, OpenFlag.directory | OpenFlag.nofollow);
  b.run();
  const fd = b.result(0);
  b.release();
  if (fd < 0) throw refuse(path, `${HANDLE_DIR} can't be opened as a directory: ${errnoName(-fd)}`);
  try {
    await makeLevels(fd, path);
    makeDirectory(fd, LANDFILL_DIR, 0o755, path);
    makeDirectory(fd, UNLINK_DIR, 0o600, path);
    moveOldLandfill(rootFd, fd);
  } catch (error) {
    addon.closeFd(fd);
    throw error;
  }
  return fd;
}

const LEVELS = 256;
/** Bytes of a listing that holds them all. */
const LISTING = 32768;

/** Makes the first levels that are not there yet, on the pool: on a new brick that takes some milliseconds of system calls. */
async function makeLevels(fd: number, path: string): Promise<void> {
  const missing = missingLevels(fd);
  if (missing.length === 0) return;
  const queue = new Queue(1);
  try {
    for (let i = 0; i < missing.length; i += LEVELS_PER_BATCH) {
      const names = missing.slice(i, i + LEVELS_PER_BATCH);
      const b = batch();
      for (const name of names) b.mkdir(fd, name, 0o700, IGNORE);
      await queue.run(b, 0, Priority.normal);
      const bad = names.findIndex((_, k) => b.result(k) < 0 && b.result(k) !== -EEXIST);
      const r = bad < 0 ? 0 : b.result(bad);
      b.release();
      if (r < 0) throw refuse(path, `creating directory ${names[bad]} failed: ${errnoName(-r)}`);
    }
  } finally {
    queue.close();
  }
}
const LEVELS_PER_BATCH = 24;

/** Levels that a listing of `.glusterfs` does not show; all of them if it can't be listed. */
function missingLevels(fd: number): string[] {
  const missing = new Set(Array.from({ length: LEVELS }, (_, i) => i.toString(16).padStart(2, '0')));
  const memory = region(LISTING);
  const b = batch();
  b.readdir(fd, 0, 0, memory.address, LISTING, b.readdirWants(false, 0xffffffff, ''));
  b.run();
  const length = b.result(0);
  b.release();
  const entries = new EntryCursor(memory, Math.max(length, 0));
  while (entries.next()) if (entries.type === DT_DIR) missing.delete(entries.name);
  memory.release();
  return [...missing];
}

function makeDirectory(dir: number, name: string, mode: number, path: string): void {
  const b = batch();
  b.mkdir(dir, name, mode, IGNORE);
  b.run();
  const r = b.result(0);
  b.release();
  if (r < 0 && r !== -EEXIST) throw refuse(path, `creating directory ${name} failed: ${errnoName(-r)}`);
}

/** Bricks of old had their landfill in the root: a directory without a gfid, which no client has made. */
function moveOldLandfill(rootFd: number, glusterfsFd: number): void {
  const b = batch();
  const at = b.out(PROBE);
  b.getxattr(rootFd, OLD_LANDFILL, GFID_KEY, at, PROBE, IGNORE);
  b.run();
  const r = b.result(0);
  b.release();
  if (r !== -ENODATA) return;
  const move = batch();
  move.rename(rootFd, OLD_LANDFILL, glusterfsFd, `${LANDFILL_DIR}/${randomUUID()}`);
  move.run();
  move.release();
}

/** Makes the root's handle, or checks that it leads to the root. Returns the identity of `.glusterfs`. */
function checkRootHandle(rootFd: number, fd: number, path: string): StoreInit['hidden'] {
  const b = batch();
  const name = handleName(ROOT_GFID);
  const root = b.statOut();
  const handle = b.statOut();
  const hidden = b.statOut();
  b.mkdir(fd, '00/00', 0o700, IGNORE);
  b.symlink('../../..', fd, name, IGNORE);
  b.statx(rootFd, null, root);
  b.statx(fd, `${name}/.`, handle);
  b.statx(fd, null, hidden);
  const r = b.run();
  const f = b.f64;
  const same =
    f[root + STAT.inoHigh] === f[handle + STAT.inoHigh] &&
    f[root + STAT.inoLow] === f[handle + STAT.inoLow] &&
    f[root + STAT.dev] === f[handle + STAT.dev] &&
    (f[root + STAT.mode]! & S_IFMT) === S_IFDIR;
  const identity = {
    dev: f[hidden + STAT.dev]!,
    inoHigh: f[hidden + STAT.inoHigh]!,
    inoLow: f[hidden + STAT.inoLow]!,
  };
  b.release();
  if (r < 0) throw refuse(path, `checking the root's handle failed: ${errnoName(-r)}`);
  if (!same) throw refuse(path, `the root's handle ${HANDLE_DIR}/${name} leads to another directory`);
  return identity;
}

/** Gives the root the owner that options name, if they do. Throws an Error when that fails. */
export function setOwner(rootFd: number, options: StoreInit['options']): void {
  const uid = options['brick-uid'];
  const gid = options['brick-gid'];
  if (uid === -1 && gid === -1) return;
  const b = batch();
  b.chown(rootFd, null, uid, gid);
  const r = b.run();
  b.release();
  if (r < 0) throw refuse(options.directory, `setting the owner of the root failed: ${errnoName(-r)}`);
}
