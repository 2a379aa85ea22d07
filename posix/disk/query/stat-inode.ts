/**
 * A look at a known file: its attributes and the xattrs that a request asks for, by handle, directory or open file. Runs on
 * this thread as long as the kernel has the handle in its cache, else on the pool.
 */

import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure, nullOnFailure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { ALWAYS, type Batch, batch, IGNORE, Priority, reg, STAT } from '../../../native/batch.js';
import { EAGAIN, ENOENT } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED, S_IFDIR } from '../../../native/linux.js';
import type { FileRef } from '../file-ref.js';
import { iattOf } from '../format/iatt-from-statx.js';
import { OpenFile } from '../open-file.js';
import { ancestryPath } from './ancestry.js';
import type { QueryContext } from './query-context.js';
import { readContent } from './small-file-content.js';
import { XattrRoom, XattrWants } from './xattr-reply.js';

export interface Seen {
  stat: Iatt;
  /** The answer to the request's xdata; null when it had none. */
  dict: Dict | null;
}

/** What every look reads besides what the request asks for: no more is to be read if the request asks for nothing. */
const NOTHING = new XattrWants(null);

/** Looks at the file of an inode; releases the file. Fails with the errno of the look. */
export function look(
  disk: QueryContext,
  call: Call,
  inode: Inode,
  file: FileRef,
  xdata: Dict | null,
  usual = Priority.high,
): MaybePromise<Seen> {
  const l = new Look(disk, inode, file, xdata);
  if (l.inline()) return l.seen();
  return l.pool(disk.priority(call, usual)).then(() => l.seen());
}

class Look {
  readonly #disk: QueryContext;
  readonly #inode: Inode;
  readonly #file: FileRef;
  readonly #wants: XattrWants;
  readonly #readsXattrs: boolean;
  /** By a handle's path: may have to wait for the disk. */
  readonly #byPath: boolean;
  readonly #room = new XattrRoom();
  #at = 0;
  #statOp = 0;
  #xattrsOp = -1;
  #stat: Iatt | null = null;
  #dict: Dict | null = null;
  #errno = 0;

  constructor(disk: QueryContext, inode: Inode, file: FileRef, xdata: Dict | null) {
    this.#disk = disk;
    this.#inode = inode;
    this.#file = file;
    this.#wants = xdata === null ? NOTHING : new XattrWants(xdata);
    this.#readsXattrs = this.#wants.patterns !== NOTHING.patterns || disk.mdata.unread(inode);
    this.#byPath = file.name !== null && file.name !== '.';
  }

  inline(): boolean {
    const disk = this.#disk;
    if (!disk.inline) return false;
    const b = batch();
    this.#program(b, RESOLVE_CACHED);
    disk.inlining.run(b);
    if (this.#byPath && b.result(0) === -EAGAIN) {
      this.#room.release();
      b.release();
      return false;
    }
    const again = this.#take(b);
    b.release();
    return again ? this.inline() : true;
  }

  async pool(priority: Priority): Promise<void> {
    const b = batch();
    this.#program(b, 0);
    await this.#disk.run(b, 0, priority);
    const again = (this.#byPath && b.result(0) === -EAGAIN) || this.#take(b);
    b.release();
    if (again) await this.pool(priority);
  }

  #program(b: Batch, resolve: number): void {
    const { fd, name } = this.#file;
    if (this.#readsXattrs) this.#room.reserve(b);
    this.#at = b.statOut();
    if (this.#byPath) b.open(fd, name!, O_PATH | O_NOFOLLOW, 0, resolve);
    this.#statOp = b.statx(this.#byPath ? reg(0) : fd, null, this.#at);
    if (this.#readsXattrs) this.#xattrsOp = this.#room.op(b, this.#wants, fd, name, IGNORE);
    if (this.#byPath) b.close(reg(0), ALWAYS);
  }

  /** True when the look must be repeated with more room. */
  #take(b: Batch): boolean {
    const disk = this.#disk;
    const inode = this.#inode;
    const r = this.#byPath && b.result(0) < 0 ? b.result(0) : b.result(this.#statOp);
    if (r < 0) {
      this.#errno = -r;
      this.#room.release();
      return false;
    }
    // A descriptor of the cache may be that of a directory that is gone; one that a client has open stays good.
    if (inode.type === S_IFDIR && b.f64[this.#at + STAT.nlink] === 0 && !(this.#file instanceof OpenFile)) {
      disk.dirs.drop(inode.key);
      this.#errno = ENOENT;
      this.#room.release();
      return false;
    }
    if (this.#readsXattrs) {
      const n = b.result(this.#xattrsOp);
      if (this.#room.grow(n)) return true;
      if (n < 0) {
        // Without its xattrs a file would pass for another: fresh, never written, of no layout.
        this.#errno = -n;
        this.#room.release();
        return false;
      }
      const found = this.#room.read(b, this.#wants, n);
      this.#room.release();
      disk.mdata.read(inode, inode.key, found.mdata);
      this.#stat = iattOf(b.f64, this.#at, inode.gfid, disk.mdata.of(inode));
      this.#wants.wordsInto(found, inode, this.#stat);
      this.#dict = found.dict;
    } else {
      this.#stat = iattOf(b.f64, this.#at, inode.gfid, disk.mdata.of(inode));
      if (this.#wants !== NOTHING) {
        const found = this.#room.read(b, this.#wants, 0);
        this.#wants.wordsInto(found, inode, this.#stat);
        this.#dict = found.dict;
      }
    }
    return false;
  }

  seen(): MaybePromise<Seen> {
    const file = this.#file;
    if (this.#errno !== 0) {
      file.release();
      throw failure(this.#errno);
    }
    const stat = this.#stat!;
    const content = file.name !== null && stat.isRegular && this.#wants.content >= stat.size;
    const path = file.name !== null && this.#wants.words?.includes(key.ANCESTRY_PATH) === true;
    if (content || path) return this.#more(stat, content, path);
    file.release();
    return { stat, dict: this.#dict };
  }

  async #more(stat: Iatt, content: boolean, path: boolean): Promise<Seen> {
    const file = this.#file;
    try {
      if (content) {
        const bytes = await readContent(this.#disk, file.fd, file.name!, stat.size);
        if (bytes !== null) this.#dict?.setBytes(key.CONTENT, bytes);
      }
      if (path) {
        const text = await ancestryPath(this.#disk, stat.gfid, stat.isDirectory).catch(nullOnFailure);
        if (text !== null) this.#dict?.setText(key.ANCESTRY_PATH, text);
      }
    } finally {
      file.release();
    }
    return { stat, dict: this.#dict };
  }
}
