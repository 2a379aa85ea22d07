/** Bringing a brick's directory into service: the checks that its identity is right, and the `.glusterfs` tree. */

import { randomUUID } from 'node:crypto';
import { background } from '../../mux/base/fault.js';
import { gfidText, isNullGfid, parseGfid, ROOT_GFID, sameGfid } from '../../mux/xlator/gfid.js';
import { assert } from '../../native/assert.js';
import { type Batch, batch, IGNORE, MAX_OPS, Priority, STAT } from '../../native/batch.js';
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { EEXIST, ENODATA, ENOENT, EOPNOTSUPP, errnoName } from '../../native/errno.js';
import { AT_FDCWD, DT_DIR, O_DIRECTORY, O_NOFOLLOW, S_IFDIR, S_IFMT, XATTR_CREATE } from '../../native/linux.js';
import { region } from '../../native/memory.js';
import { Queue } from '../../native/queue.js';
import type { DiskInit } from '../disk/context.js';
import { EntryCursor } from '../disk/format/dir-entries.js';
import { HANDLE_DIR, handleName, LANDFILL_DIR, UNLINK_DIR } from '../disk/format/handle-name.js';
import { GFID_KEY, VOLUME_ID_KEY } from '../disk/format/xattr-keys.js';
import { BrickDir } from './brick-dir.js';

/** Blocking calls of one brick that run at the same time, as io-threads' thread-count by default. */
const DEFAULT_CONCURRENCY = 16;

/** A brick with this translator does not start without `.glusterfs`. */
const INDEX_TYPE = 'features/index';
const OLD_LANDFILL = '.landfill';
/** Long enough for any xattr that is 16 bytes when it is right. */
const PROBE = 64;
const MADE_PER_BATCH = 20;
assert(MADE_PER_BATCH < MAX_OPS, 'a batch has room for the directories that it is to make');
/** First levels of handles, and bytes of a listing that holds them all. */
const LEVELS = 256;
/** Making them all at once would only have threads wait for each other: the kernel lets one at a time change a directory. */
const LEVELS_LANE = 0x7fffffff;
const LISTING = 32768;

/** A brick's directory is not what it must be; the message is for the log and names the brick. */
function refuse(brick: ByteString, why: string): Error {
  return new Error(`brick ${brick}: ${why}`);
}

/** How long a disk may take for the whole. */
const WAIT_MS = 30_000;
/** Brick directories whose opening was given up waiting for and goes on. */
const hanging = new Set<ByteString>();

type Init = Omit<DiskInit, 'queue' | 'fsType' | 'rootFd' | 'glusterfsFd' | 'hidden'>;

/**
 * Opens a brick's directory for service, without a system call on this thread. Throws an Error that names the brick and the
 * cause when the directory is missing, is none, has no xattrs, belongs to another volume, or does not answer in time.
 */
export async function openBrickDir(init: Init, waitMs = WAIT_MS): Promise<BrickDir> {
  const path = init.options.directory;
  if (hanging.has(path)) throw refuse(path, 'its disk has not answered yet since the last start');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), waitMs);
  });
  const opening = new Opening(init).run();
  const dir = await Promise.race([opening, late]).finally(() => clearTimeout(timer));
  if (dir !== null) return dir;
  hanging.add(path);
  const over = (): void => {
    hanging.delete(path);
  };
  opening.then((opened) => opened.close()).then(over, over);
  throw refuse(path, `its disk has not answered within ${waitMs / 1000} seconds`);
}

class Opening {
  readonly #init: Init;
  readonly #path: ByteString;
  readonly #queue = new Queue(DEFAULT_CONCURRENCY);
  #rootFd = -1;
  #glusterfsFd = -1;
  #missingLevels: string[] = [];

  constructor(init: Init) {
    this.#init = init;
    this.#path = init.options.directory;
  }

  async run(): Promise<BrickDir> {
    try {
      this.#rootFd = await this.#openRoot();
      const fsType = await this.#checkIdentity();
      this.#glusterfsFd = await this.#openTree();
      const hidden = await this.#checkRootHandle();
      await setOwner(this.#queue, this.#rootFd, this.#init.options);
      const dir = new BrickDir({
        ...this.#init,
        queue: this.#queue,
        fsType,
        rootFd: this.#rootFd,
        glusterfsFd: this.#glusterfsFd,
        hidden,
      });
      this.#makeLevels(dir);
      return dir;
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** Nothing is under way: what is open gets closed. */
  async #giveUp(): Promise<void> {
    const b = batch();
    for (const fd of [this.#glusterfsFd, this.#rootFd]) if (fd >= 0) b.close(fd, IGNORE);
    await this.#run(b);
    b.release();
    this.#queue.close();
  }

  #run(b: Batch): Promise<Batch> {
    return this.#queue.run(b, 0, Priority.high);
  }

  async #openRoot(): Promise<number> {
    const b = batch();
    b.open(AT_FDCWD, latin1OfBytes(this.#path), O_DIRECTORY);
    await this.#run(b);
    const fd = b.result(0);
    b.release();
    if (fd >= 0) return fd;
    const cause = fd === -ENOENT ? "doesn't exist" : `can't be opened as a directory: ${errnoName(-fd)}`;
    throw refuse(this.#path, `directory ${cause}`);
  }

  /** Checks the xattrs of the root, sets its gfid if it has none. Returns the type of the file system. */
  async #checkIdentity(): Promise<number> {
    const path = this.#path;
    const { options } = this.#init;
    const b = batch();
    const keys = ['user.x', VOLUME_ID_KEY, GFID_KEY];
    const at = keys.map(() => b.out(PROBE));
    for (const [i, key] of keys.entries()) b.getxattr(this.#rootFd, null, key, at[i]!, PROBE, IGNORE);
    const typeOp = b.fstype(this.#rootFd, IGNORE);
    const handles = b.statOut();
    const handlesOp = b.statx(this.#rootFd, HANDLE_DIR, handles, IGNORE);
    await this.#run(b);
    const [user, volumeId, gfid] = keys.map((_, i) => {
      const r = b.result(i);
      return r >= 0 ? Buffer.from(b.view(at[i]!, r)) : r;
    });
    const fsType = b.result(typeOp);
    const hasHandles = b.result(handlesOp) !== -ENOENT;
    b.release();
    if (user === -EOPNOTSUPP && options['mandate-attribute'] !== false) {
      throw refuse(path, 'the file system does not support extended attributes');
    }
    const wanted = options['volume-id'];
    if (wanted !== undefined) checkVolumeId(volumeId!, path, wanted);
    // glusterd makes it with the volume. Later it marks whatever directory it finds at the path, that below an unmounted disk too.
    if (!hasHandles && this.#init.brick.hasLayer(INDEX_TYPE)) {
      throw refuse(path, `it has no ${HANDLE_DIR}, which every brick of a volume has: is its disk not mounted?`);
    }
    if (gfid === -ENODATA) await this.#setGfid();
    else if (typeof gfid === 'number') {
      throw refuse(path, `reading ${GFID_KEY} of the root failed: ${errnoName(-gfid)}`);
    } else if (gfid!.length !== 16) {
      throw refuse(path, `${GFID_KEY} of the root has ${gfid!.length} bytes instead of 16`);
    } else if (!sameGfid(gfid!, ROOT_GFID)) {
      throw refuse(path, `gfid (${gfidText(gfid!)}) of the directory is not that of a volume's root`);
    }
    return fsType;
  }

  async #setGfid(): Promise<void> {
    const b = batch();
    b.setxattr(this.#rootFd, null, GFID_KEY, ROOT_GFID, XATTR_CREATE);
    await this.#run(b);
    const r = b.result(0);
    b.release();
    if (r < 0) throw refuse(this.#path, `setting ${GFID_KEY} of the root failed: ${errnoName(-r)}`);
  }

  /** Opens `.glusterfs`, made where needed with landfill and unlink directories, and looks which first levels it lacks. */
  async #openTree(): Promise<number> {
    const b = batch();
    b.mkdir(this.#rootFd, HANDLE_DIR, 0o600, IGNORE);
    const open = b.open(this.#rootFd, HANDLE_DIR, O_DIRECTORY | O_NOFOLLOW, 0, 0, IGNORE);
    await this.#run(b);
    const made = b.result(0);
    const fd = b.result(open);
    b.release();
    checkMade(made, HANDLE_DIR, this.#path);
    if (fd < 0) throw refuse(this.#path, `${HANDLE_DIR} can't be opened as a directory: ${errnoName(-fd)}`);
    // Known from here on: closed whatever fails.
    this.#glusterfsFd = fd;
    const wanted: [string, number][] = [
      [LANDFILL_DIR, 0o755],
      [UNLINK_DIR, 0o600],
    ];
    await this.#makeDirectories(fd, wanted, Priority.high);
    this.#missingLevels = await this.#lookForLevels(fd);
    await this.#moveOldLandfill(fd);
    return fd;
  }

  /**
   * A new brick serves while its 256 first levels are still being made: they take longer than all the rest, and a handle whose
   * level is not there yet makes it.
   */
  #makeLevels(dir: BrickDir): void {
    const wanted = this.#missingLevels.map((name): [string, number] => [name, 0o700]);
    for (let i = 0; i < wanted.length; i += MADE_PER_BATCH) {
      const made = this.#makeDirectories(dir.glusterfsFd, wanted.slice(i, i + MADE_PER_BATCH), Priority.least);
      background(made, dir.log, 'making the levels of handles failed');
    }
  }

  /** Levels that a listing of `.glusterfs` does not show; all of them if it can't be listed. */
  async #lookForLevels(fd: number): Promise<string[]> {
    const missing = new Set(Array.from({ length: LEVELS }, (_, i) => i.toString(16).padStart(2, '0')));
    const memory = region(LISTING);
    const b = batch();
    b.readdir(fd, 0, 0, memory.address, LISTING, b.readdirWants(false, 0xffffffff, ''));
    await this.#run(b);
    const length = b.result(0);
    b.release();
    const entries = new EntryCursor(memory, Math.max(length, 0));
    while (entries.next()) if (entries.type === DT_DIR) missing.delete(entries.name);
    memory.release();
    return [...missing];
  }

  async #makeDirectories(dir: number, wanted: [string, number][], priority: Priority): Promise<void> {
    const b = batch();
    for (const [name, mode] of wanted) b.mkdir(dir, name, mode, IGNORE);
    await this.#queue.run(b, LEVELS_LANE, priority);
    const results = wanted.map((_, i) => b.result(i));
    b.release();
    for (const [i, r] of results.entries()) checkMade(r, wanted[i]![0], this.#path);
  }

  /** Bricks of old had their landfill in the root: a directory without a gfid, which no client has made. */
  async #moveOldLandfill(glusterfsFd: number): Promise<void> {
    const b = batch();
    const at = b.out(PROBE);
    b.getxattr(this.#rootFd, OLD_LANDFILL, GFID_KEY, at, PROBE, IGNORE);
    await this.#run(b);
    const r = b.result(0);
    b.release();
    if (r !== -ENODATA) return;
    const move = batch();
    move.rename(this.#rootFd, OLD_LANDFILL, glusterfsFd, `${LANDFILL_DIR}/${randomUUID()}`);
    await this.#run(move);
    move.release();
  }

  /** Makes the root's handle, or checks that it leads to the root. Returns the identity of `.glusterfs`. */
  async #checkRootHandle(): Promise<DiskInit['hidden']> {
    const path = this.#path;
    const rootFd = this.#rootFd;
    const fd = this.#glusterfsFd;
    const b = batch();
    const name = handleName(ROOT_GFID);
    const root = b.statOut();
    const handle = b.statOut();
    const hidden = b.statOut();
    for (const level of ['00', '00/00']) b.mkdir(fd, level, 0o700, IGNORE);
    b.symlink('../../..', fd, name, IGNORE);
    b.statx(rootFd, null, root);
    b.statx(fd, `${name}/.`, handle);
    b.statx(fd, null, hidden);
    await this.#run(b);
    const r = -b.errno;
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
}

function checkVolumeId(found: Buffer | number, path: ByteString, text: string): void {
  const wanted = parseGfid(text);
  if (wanted === null || isNullGfid(wanted)) throw refuse(path, `wrong volume-id (${text}) set in volume file`);
  if (found === -ENODATA) throw refuse(path, 'Extended attribute trusted.glusterfs.volume-id is absent');
  if (typeof found === 'number') throw refuse(path, `failed to fetch volume-id: ${errnoName(-found)}`);
  if (found.length !== 16) throw refuse(path, 'failed to fetch proper volume id from export');
  if (!sameGfid(found, wanted)) {
    throw refuse(path, `mismatching volume-id (${text}) received. already is a part of volume ${gfidText(found)}`);
  }
}

function checkMade(r: number, name: string, path: ByteString): void {
  if (r < 0 && r !== -EEXIST) throw refuse(path, `creating directory ${name} failed: ${errnoName(-r)}`);
}

/** Gives the root the owner that options name, if they do. Throws an Error when that fails. */
export async function setOwner(queue: Queue, rootFd: number, options: DiskInit['options']): Promise<void> {
  const uid = options['brick-uid'];
  const gid = options['brick-gid'];
  if (uid === -1 && gid === -1) return;
  const b = batch();
  b.chown(rootFd, null, uid, gid);
  await queue.run(b, 0, Priority.high);
  const r = b.result(0);
  b.release();
  if (r < 0) throw refuse(options.directory, `setting the owner of the root failed: ${errnoName(-r)}`);
}
