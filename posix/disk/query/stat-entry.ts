/** Queries a name in a directory with one batch: attributes and xattrs of the entry, attributes of the directory. */

import { gfidKey, NULL_GFID } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import type { Batch } from '../../../native/batch.js';
import { ENOENT, EXDEV } from '../../../native/errno.js';
import { ALWAYS, doubleAt, IGNORE, type Priority, reg, STAT } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_BENEATH } from '../../../native/linux.js';
import type { Directory } from '../descriptors/directory-cache.js';
import { iattOf } from '../format/iatt-from-statx.js';
import { MDATA_KEY } from '../format/mdata-record.js';
import { type CachedOutcome, type CachedProgram, runCached } from '../run-cached.js';
import type { QueryContext } from './query-context.js';
import { XattrFound, XattrRoom, type XattrWants } from './xattr-reply.js';

const NOTHING = new XattrFound(null);

export class EntryQuery implements CachedProgram {
  readonly #disk: QueryContext;
  readonly #dir: Directory;
  readonly parent: Inode;
  readonly name: string;
  readonly #wants: XattrWants;
  readonly #room = new XattrRoom();
  #file = 0;
  #aboveOp = 0;
  #above = 0;
  #aboveTimes = 0;
  #xattrs = 0;
  #statx = 0;
  #timesOp = -1;

  /** errno of finding the entry; 0 when it is there. */
  errno = 0;
  /** Attributes of the entry; its gfid is null when it has none. */
  stat: Iatt = NO_IATT;
  /** Links of the entry as the file system counts them, the handle included. */
  links = 0;
  /** Its inode number, in halves; 0 when there is no entry. */
  inoHigh = 0;
  inoLow = 0;
  /** Its ctime by the file system, in milliseconds since the epoch. */
  diskCtime = 0;
  found: XattrFound = NOTHING;
  /** The table's inode of the entry's gfid, if it holds one. */
  inode: Inode | null = null;
  parentStat: Iatt = NO_IATT;
  /** The directory was removed; only its descriptor is left. */
  parentGone = false;

  constructor(disk: QueryContext, dir: Directory, parent: Inode, name: string, wants: XattrWants) {
    this.#disk = disk;
    this.#dir = dir;
    this.parent = parent;
    this.name = name;
    this.#wants = wants;
  }

  /** Runs the query on this thread if possible, else on the pool. */
  async run(priority: Priority): Promise<this> {
    const running = runCached(this.#disk, this, priority);
    if (running !== null) await running;
    return this;
  }

  program(b: Batch, resolve: number): void {
    const dir = this.#dir.fd;
    this.#room.reserve(b);
    this.#file = b.statOut();
    this.#above = b.statOut();
    const unread = this.#disk.mdata.unread(this.parent);
    if (unread) this.#aboveTimes = b.out(64);
    // Clients see nothing above the root; elsewhere `..` is within the brick.
    const beneath = this.name === '..' && !this.parent.isRoot ? 0 : RESOLVE_BENEATH;
    b.open(dir, this.name, O_PATH | O_NOFOLLOW, 0, resolve | beneath);
    this.#statx = b.statx(reg(0), null, this.#file);
    this.#xattrs = this.#room.op(b, this.#wants, dir, this.name, IGNORE);
    b.close(reg(0), ALWAYS);
    this.#aboveOp = b.statx(dir, null, this.#above, ALWAYS);
    this.#timesOp = unread ? b.getxattr(dir, null, MDATA_KEY, this.#aboveTimes, 64, ALWAYS) : -1;
  }

  take(b: Batch): CachedOutcome {
    const disk = this.#disk;
    const f = b.f64;
    if (this.#timesOp >= 0) {
      const length = b.result(this.#timesOp);
      disk.mdata.found(this.parent, this.parent.gfid, b.view(this.#aboveTimes, 64), 0, length);
    }
    const above = b.result(this.#aboveOp);
    if (above < 0) {
      // Not gone, as a directory without links is: the disk has failed.
      this.errno = -above;
      return 'done';
    }
    this.parentGone = f[this.#above + STAT.nlink] === 0;
    this.parentStat = iattOf(f, this.#above, this.parent.gfid, disk.mdata.of(this.parent));
    const opened = b.result(0);
    const stated = b.result(this.#statx);
    const read = b.result(this.#xattrs);
    if (opened < 0 || stated < 0) {
      const errno = opened < 0 ? -opened : -stated;
      this.errno = errno === EXDEV ? ENOENT : errno;
      return 'done';
    }
    if (this.#room.grow(read)) return 'again';
    const file = this.#file;
    const hidden = disk.hidden;
    if (
      read === -ENOENT ||
      (f[file + STAT.inoLow] === hidden.inoLow &&
        f[file + STAT.inoHigh] === hidden.inoHigh &&
        f[file + STAT.dev] === hidden.dev)
    ) {
      this.errno = ENOENT;
      this.#room.release();
      return 'done';
    }
    this.errno = read < 0 ? -read : 0;
    if (this.errno !== 0) {
      this.#room.release();
      return 'done';
    }
    const found = this.#room.read(b, this.#wants, read);
    this.#room.release();
    this.found = found;
    this.links = doubleAt(f, file + STAT.nlink);
    this.inoHigh = doubleAt(f, file + STAT.inoHigh);
    this.inoLow = doubleAt(f, file + STAT.inoLow);
    this.diskCtime = doubleAt(f, file + STAT.ctime) * 1000 + doubleAt(f, file + STAT.ctimeNsec) / 1e6;
    let mdata = disk.mdata.enabled ? found.mdata : null;
    if (found.gfid !== null) {
      const key = gfidKey(found.gfid);
      this.inode = disk.brick.findInode(key) ?? null;
      mdata = disk.mdata.read(this.inode, key, mdata);
    }
    this.stat = iattOf(f, file, found.gfid ?? NULL_GFID, mdata);
    return 'done';
  }
}
