/** Creates the `.glusterfs` tree of a brick, as far as it must exist from the start. */

import { randomUUID } from 'node:crypto';
import { background } from '../../mux/base/fault.js';
import type { Logger } from '../../mux/base/log.js';
import { ROOT_GFID } from '../../mux/xlator/gfid.js';
import { assert } from '../../native/assert.js';
import { type Batch, batch } from '../../native/batch.js';
import type { ByteString } from '../../native/bytes.js';
import { EEXIST, ENODATA, errnoName } from '../../native/errno.js';
import { doubleAt, IGNORE, MAX_OPS, Priority, STAT } from '../../native/layout.js';
import { DT_DIR, O_DIRECTORY, O_NOFOLLOW, S_IFDIR, S_IFMT } from '../../native/linux.js';
import { region } from '../../native/memory.js';
import type { DiskInit } from '../disk/context.js';
import { EntryCursor } from '../disk/format/dir-entries.js';
import { HANDLE_DIR, handleName, LANDFILL_DIR, UNLINK_DIR } from '../disk/format/handle-name.js';
import { GFID_KEY } from '../disk/format/xattr-keys.js';
import { type BrickRoot, ID_ROOM, refuse } from './brick-root.js';

const OLD_LANDFILL = '.landfill';
const MADE_PER_BATCH = 20;
assert(MADE_PER_BATCH <= MAX_OPS, 'a batch has room for the directories that it is to make');
/** First levels of handles, and bytes of a listing that holds them all. */
const LEVELS = 256;
/** Creating them in parallel would only make threads wait: the kernel serializes changes of a directory. */
const LEVELS_LANE = 0x7fffffff;
const LISTING = 32768;

export class HandleTree {
  readonly #root: BrickRoot;
  #fd = -1;
  #missingLevels: string[] = [];

  constructor(root: BrickRoot) {
    this.#root = root;
  }

  /** Descriptor of `.glusterfs`; below 0 while it is not open. */
  get fd(): number {
    return this.#fd;
  }

  #run(b: Batch): Promise<Batch> {
    return this.#root.queue.run(b, 0, Priority.high);
  }

  /** Opens `.glusterfs`, creating it, the landfill and the unlink directory if needed, and finds out which first levels are missing. */
  async open(): Promise<number> {
    const b = batch();
    b.mkdir(this.#root.fd, HANDLE_DIR, 0o600, IGNORE);
    const open = b.open(this.#root.fd, HANDLE_DIR, O_DIRECTORY | O_NOFOLLOW, 0, 0, IGNORE);
    await this.#run(b);
    const made = b.result(0);
    const fd = b.result(open);
    b.release();
    checkMade(made, HANDLE_DIR, this.#root.path);
    if (fd < 0) throw refuse(this.#root.path, `${HANDLE_DIR} can't be opened as a directory: ${errnoName(-fd)}`);
    // Known from here on: closed whatever fails.
    this.#fd = fd;
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
  makeLevels(log: Logger): void {
    const wanted = this.#missingLevels.map((name): [string, number] => [name, 0o700]);
    for (let i = 0; i < wanted.length; i += MADE_PER_BATCH) {
      const made = this.#makeDirectories(this.#fd, wanted.slice(i, i + MADE_PER_BATCH), Priority.least);
      background(made, log, 'making the levels of handles failed');
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
    await this.#root.queue.run(b, LEVELS_LANE, priority);
    const results = wanted.map(([name], i): [string, number] => [name, b.result(i)]);
    b.release();
    for (const [name, r] of results) checkMade(r, name, this.#root.path);
  }

  /** Old bricks have their landfill in the root: a directory without a gfid, which no client has created. */
  async #moveOldLandfill(glusterfsFd: number): Promise<void> {
    const b = batch();
    const at = b.out(ID_ROOM);
    b.getxattr(this.#root.fd, OLD_LANDFILL, GFID_KEY, at, ID_ROOM, IGNORE);
    await this.#run(b);
    const r = b.result(0);
    b.release();
    if (r !== -ENODATA) return;
    const move = batch();
    move.rename(this.#root.fd, OLD_LANDFILL, glusterfsFd, `${LANDFILL_DIR}/${randomUUID()}`);
    await this.#run(move);
    move.release();
  }

  /** Makes the root's handle, or checks that it leads to the root. Returns the identity of `.glusterfs`. */
  async checkRootHandle(): Promise<DiskInit['hidden']> {
    const path = this.#root.path;
    const rootFd = this.#root.fd;
    const fd = this.#fd;
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
      (doubleAt(f, root + STAT.mode) & S_IFMT) === S_IFDIR;
    const identity = {
      dev: doubleAt(f, hidden + STAT.dev),
      inoHigh: doubleAt(f, hidden + STAT.inoHigh),
      inoLow: doubleAt(f, hidden + STAT.inoLow),
    };
    b.release();
    if (r < 0) throw refuse(path, `checking the root's handle failed: ${errnoName(-r)}`);
    if (!same) throw refuse(path, `the root's handle ${HANDLE_DIR}/${name} leads to another directory`);
    return identity;
  }
}

function checkMade(r: number, name: string, path: ByteString): void {
  if (r < 0 && r !== -EEXIST) throw refuse(path, `creating directory ${name} failed: ${errnoName(-r)}`);
}
