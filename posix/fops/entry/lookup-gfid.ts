/** Lookup by gfid alone: by the file's handle, or by the descriptor of a directory. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure, fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { LookupArgs, LookupReply, MaybePromise } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, isNullGfid } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENOENT } from '../../../native/errno.js';
import { doubleAt, IGNORE, Priority, reg, STAT } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH, S_IFDIR } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { handleName, unlinkName } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { pathWord } from '../../disk/query/lookup-keys.js';
import { readContent } from '../../disk/query/small-file-content.js';
import { XattrFound, XattrRoom, XattrWants } from '../../disk/query/xattr-reply.js';
import { type CachedOutcome, type CachedProgram, runCached, runOnPool, tryCached } from '../../disk/run-cached.js';
import { isDirectoryHandle } from './gfid-request.js';

export function nameless(store: BrickDir, call: Call, args: LookupArgs): MaybePromise<LookupReply> {
  const gfid = args.gfid ?? args.loc.inode?.gfid ?? null;
  if (gfid === null || isNullGfid(gfid)) throw failure(EINVAL);
  const inode = args.loc.inode ?? store.brick.findInode(gfidKey(gfid)) ?? null;
  if (inode?.type === S_IFDIR)
    return then(store.dirs.acquire(inode), (d) => directory(store, call, args, d, inode, gfid));
  const at = new GfidQuery(store, args, gfid, inode);
  if (tryCached(store, at)) {
    const reply = at.reply(store.glusterfsFd, handleName(gfid));
    if (reply !== null) return reply;
  }
  return byHandleSlowly(store, call, args, at);
}

/** Lookup of a directory by gfid; releases the directory. */
function directory(
  store: BrickDir,
  call: Call,
  args: LookupArgs,
  d: Directory,
  inode: Inode | null,
  gfid: Gfid,
): MaybePromise<LookupReply> {
  const at = new GfidQuery(store, args, gfid, inode, d.fd);
  const done = (): MaybePromise<LookupReply> => {
    if (at.gone) {
      store.dirs.drop(d.key);
      throw failure(ENOENT);
    }
    // A disk that fails has not lost the directory.
    if (at.errno !== 0) throw failure(at.errno);
    const reply = at.reply(d.fd, null);
    if (reply === null) throw failure(ENOENT);
    return reply;
  };
  const running = runCached(store, at, store.priority(call, Priority.high));
  if (running === null) {
    try {
      const reply = done();
      if (reply instanceof Promise) return reply.finally(() => d.release());
      d.release();
      return reply;
    } catch (error) {
      d.release();
      throw error;
    }
  }
  return running.then(done).finally(() => d.release());
}

const NOTHING = new XattrFound(null);

/** Attributes and xattrs of a file by its handle, or of a directory by its descriptor. */
class GfidQuery implements CachedProgram {
  readonly #store: BrickDir;
  readonly #args: LookupArgs;
  readonly gfid: Gfid;
  readonly #inode: Inode | null;
  readonly #dir: number;
  /** Null: the open directory itself. */
  readonly #name: string | null;
  readonly #wants: XattrWants;
  readonly #room = new XattrRoom();
  #stat = 0;
  #found = NOTHING;
  stat: Iatt = NO_IATT;
  errno = 0;
  links = 0;

  constructor(store: BrickDir, args: LookupArgs, gfid: Gfid, inode: Inode | null, directory = -1) {
    this.#store = store;
    this.#args = args;
    this.gfid = gfid;
    this.#inode = inode;
    this.#dir = directory >= 0 ? directory : store.glusterfsFd;
    this.#name = directory >= 0 ? null : handleName(gfid);
    this.#wants = new XattrWants(args.xdata);
  }

  get gone(): boolean {
    return this.errno === 0 && this.links === 0;
  }

  /** The handle is a symbolic link of its own: it stands for a directory. */
  get isDirectoryHandle(): boolean {
    return this.errno === 0 && isDirectoryHandle(this.stat.mode, this.links) && this.#name !== null;
  }

  program(b: Batch, resolve: number): void {
    this.#room.reserve(b);
    this.#stat = b.statOut();
    const name = this.#name;
    if (name !== null) b.open(this.#dir, name, O_PATH | O_NOFOLLOW, 0, resolve);
    b.statx(name !== null ? reg(0) : this.#dir, null, this.#stat);
    this.#room.op(b, this.#wants, this.#dir, name, IGNORE);
    if (name !== null) b.close(reg(0), IGNORE);
  }

  take(b: Batch): CachedOutcome {
    const statx = this.#name === null ? 0 : 1;
    const opened = b.result(0);
    if (opened < 0 || b.result(statx) < 0) {
      this.errno = opened < 0 ? -opened : -b.result(statx);
      return 'done';
    }
    const xattrs = b.result(statx + 1);
    if (this.#room.grow(xattrs)) return 'again';
    this.errno = xattrs < 0 ? -xattrs : 0;
    if (this.errno !== 0) {
      this.#room.release();
      return 'done';
    }
    this.links = doubleAt(b.f64, this.#stat + STAT.nlink);
    const found = this.#room.read(b, this.#wants, xattrs);
    this.#room.release();
    this.#found = found;
    const mode = doubleAt(b.f64, this.#stat + STAT.mode);
    const isHandle = isDirectoryHandle(mode, this.links) && this.#name !== null;
    // What a directory's handle has is not the directory's.
    const mdata = isHandle ? null : this.#store.mdata.read(this.#inode, gfidKey(this.gfid), found.mdata);
    this.stat = iattOf(b.f64, this.#stat, this.gfid, mdata);
    return 'done';
  }

  /** The reply; null if the handle is a directory's. Fails with the errno of the query. */
  reply(dir: number, name: string | null): MaybePromise<LookupReply> | null {
    if (this.errno !== 0 || this.isDirectoryHandle) return null;
    const found = this.#found;
    const wants = this.#wants;
    wants.wordsInto(found, this.#inode, this.stat);
    const reply: LookupReply = { stat: this.stat, postparent: NO_IATT, xdata: found.dict };
    if (name !== null && wants.content >= this.stat.size && this.stat.isRegular)
      return this.#withContent(reply, dir, name);
    if (
      wants.words?.includes(key.ANCESTRY_PATH) === true ||
      this.#args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true
    ) {
      return this.#withMore(reply, dir, name);
    }
    return reply;
  }

  async #withContent(reply: LookupReply, dir: number, name: string): Promise<LookupReply> {
    const bytes = await readContent(this.#store, dir, name, this.stat.size);
    if (bytes !== null) reply.xdata?.setBytes(key.CONTENT, bytes);
    return this.#withMore(reply, dir, name);
  }

  async #withMore(reply: LookupReply, dir: number, name: string | null): Promise<LookupReply> {
    if (this.#args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true) {
      const b = batch();
      b.removexattr(dir, name, key.WRITE_PROTECTION);
      await this.#store.run(b, this.#inode?.lane ?? 0, Priority.high);
      b.release();
    }
    await pathWord(this.#store, this.#wants, this.#found, this.stat);
    return reply;
  }
}

async function byHandleSlowly(store: BrickDir, call: Call, args: LookupArgs, at: GfidQuery): Promise<LookupReply> {
  const gfid = at.gfid;
  await runOnPool(store, at, store.priority(call, Priority.high), 0, call);
  if (at.errno === ENOENT && (args.xdata?.number(key.UNLINKED_LOOKUP) ?? 0) !== 0) return unlinked(store, gfid);
  if (at.errno !== 0) throw failure(at.errno);
  if (at.isDirectoryHandle) {
    let d: Directory;
    try {
      d = await store.dirs.acquireByKey(gfidKey(gfid));
    } catch (error) {
      if (fopErrorOf(error).errno === ENOENT) await removeStale(store, gfid);
      throw error;
    }
    return directory(store, call, args, d, store.brick.findInode(d.key) ?? null, gfid);
  }
  const reply = at.reply(store.glusterfsFd, handleName(gfid));
  if (reply === null) throw failure(ENOENT);
  return reply;
}

/** Removes a handle that leads to no directory. */
async function removeStale(store: BrickDir, gfid: Gfid): Promise<void> {
  store.log.warning(0, `Found stale gfid handle ${handleName(gfid)}, removing it.`);
  const b = batch();
  store.handles.removeOp(b, gfid);
  await store.run(b, 0, Priority.normal);
  b.release();
}

/** The file of a gfid that lives on without a name, because it is open. */
async function unlinked(store: BrickDir, gfid: Gfid): Promise<LookupReply> {
  const b = batch();
  const stat = b.statOut();
  b.statx(store.glusterfsFd, unlinkName(gfid), stat);
  await store.run(b, 0, Priority.high);
  const errno = b.errno;
  const iatt = errno === 0 ? iattOf(b.f64, stat, gfid, null) : NO_IATT;
  b.release();
  if (errno !== 0) throw failure(errno);
  iatt.nlink = 0;
  return { stat: iatt, postparent: NO_IATT, xdata: null };
}
