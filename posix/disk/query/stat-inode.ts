/**
 * Queries a known inode with one batch: its attributes and the xattrs that the request asks for, by handle, by name or
 * by open file.
 */

import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure, nullOnFailure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import type { Batch } from '../../../native/batch.js';
import { ENOENT } from '../../../native/errno.js';
import { ALWAYS, IGNORE, Priority, reg, STAT } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH, S_IFDIR } from '../../../native/linux.js';
import type { FileRef } from '../file-ref.js';
import { iattOf } from '../format/iatt-from-statx.js';
import { OpenFile } from '../open-file.js';
import { type CachedOutcome, type CachedProgram, runCached } from '../run-cached.js';
import { ancestryPath } from './ancestry.js';
import type { QueryContext } from './query-context.js';
import { readContent } from './small-file-content.js';
import { XattrRoom, XattrWants } from './xattr-reply.js';

/** Result of a query of one file. */
export interface InodeStat {
  stat: Iatt;
  /** The answer to the request's xdata; null when it had none. */
  dict: Dict | null;
}

/** The xattrs that posix itself needs, for requests that ask for none. */
const NOTHING = new XattrWants(null);

/** Attributes of an inode's file and what the request's xdata asks for; releases the file. Fails with the errno of the disk. */
export function statInode(
  disk: QueryContext,
  call: Call,
  inode: Inode,
  file: FileRef,
  xdata: Dict | null,
  usual = Priority.high,
): MaybePromise<InodeStat> {
  const query = new InodeQuery(disk, inode, file, xdata);
  const running = runCached(disk, query, disk.priority(call, usual));
  return running === null ? query.answer() : running.then(() => query.answer());
}

class InodeQuery implements CachedProgram {
  readonly #disk: QueryContext;
  readonly #inode: Inode;
  readonly #file: FileRef;
  readonly #wants: XattrWants;
  readonly #readsXattrs: boolean;
  /** Addressed by a handle's path: may have to wait for the disk. */
  readonly #byPath: boolean;
  readonly #room = new XattrRoom();
  #at = 0;
  #statOp = 0;
  #xattrsOp = -1;
  #stat: Iatt = NO_IATT;
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

  program(b: Batch, resolve: number): void {
    const { fd, name } = this.#file;
    const byPath = name !== null && this.#byPath;
    if (this.#readsXattrs) this.#room.reserve(b);
    this.#at = b.statOut();
    if (byPath) b.open(fd, name, O_PATH | O_NOFOLLOW, 0, resolve);
    this.#statOp = b.statx(byPath ? reg(0) : fd, null, this.#at);
    if (this.#readsXattrs) this.#xattrsOp = this.#room.op(b, this.#wants, fd, name, IGNORE);
    if (byPath) b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const disk = this.#disk;
    const inode = this.#inode;
    const r = this.#byPath && b.result(0) < 0 ? b.result(0) : b.result(this.#statOp);
    if (r < 0) {
      this.#errno = -r;
      this.#room.release();
      return 'done';
    }
    // A descriptor of the cache may be that of a directory that is gone; one that a client has open stays good.
    if (inode.type === S_IFDIR && b.f64[this.#at + STAT.nlink] === 0 && !(this.#file instanceof OpenFile)) {
      disk.dirs.drop(inode.key);
      this.#errno = ENOENT;
      this.#room.release();
      return 'done';
    }
    if (this.#readsXattrs) {
      const n = b.result(this.#xattrsOp);
      if (this.#room.grow(n)) return 'again';
      if (n < 0) {
        // Without its xattrs a file would look like a new one: never written, without layout.
        this.#errno = -n;
        this.#room.release();
        return 'done';
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
    return 'done';
  }

  /** After the program has run. */
  answer(): MaybePromise<InodeStat> {
    const file = this.#file;
    if (this.#errno !== 0) {
      file.release();
      throw failure(this.#errno);
    }
    const stat = this.#stat;
    const { name } = file;
    if (name !== null) {
      const content = stat.isRegular && this.#wants.content >= stat.size;
      const path = this.#wants.words?.includes(key.ANCESTRY_PATH) === true;
      if (content || path) return this.#more(name, content, path);
    }
    file.release();
    return { stat, dict: this.#dict };
  }

  async #more(name: string, content: boolean, path: boolean): Promise<InodeStat> {
    const file = this.#file;
    const stat = this.#stat;
    try {
      if (content) {
        const bytes = await readContent(this.#disk, file.fd, name, stat.size);
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
