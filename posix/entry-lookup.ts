/** Look-up: what is under a name, or which file has a gfid; with the xattrs that the request asks for, and healing of gfids. */
import { batch, IGNORE, Priority, reg, STAT } from '../native/batch.js';
import { ancestryPath } from './ancestry.js';
import { readContent } from './content.js';
import type { Call } from './contract/call.js';
import { EAGAIN, EINVAL, ENODATA, ENOENT, EPERM, ESTALE } from './contract/errno.js';
import { errnoOf, FopError, failure } from './contract/error.js';
import type { LookupArgs, LookupReply, MaybePromise } from './contract/fops.js';
import { type Gfid, gfidKey, gfidText, isNullGfid } from './contract/gfid.js';
import { type Iatt, NO_IATT, S_IFDIR, S_IFLNK, S_IFMT } from './contract/iatt.js';
import type { Inode } from './contract/inode.js';
import type { Directory } from './dirs.js';
import { gfidRequest } from './gfid-request.js';
import { HANDLE_DIR, handleName, unlinkName } from './handle-name.js';
import { iattOf } from './iatt-of.js';
import * as key from './keys.js';
import { ensurePgfid, pgfidKey } from './pgfid.js';
import { Probe } from './probe.js';
import type { Store } from './store.js';
import { GFID_KEY, OpenFlag, Resolve, XATTR_CREATE } from './sys.js';
import { type XattrFound, XattrRoom, XattrWants } from './xattr-fill.js';

/** A file without gfid that is younger may be one that is being created just now. */
const FRESH_MS = 1000;

export function lookup(store: Store, call: Call, args: LookupArgs): MaybePromise<LookupReply> {
  const { parent, name } = args.loc;
  if (parent === null || name === '') return nameless(store, call, args);
  if (parent.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const d = store.dirs.acquire(parent);
  if (d instanceof Promise) return d.then((dir) => below(store, call, args, dir), stale);
  return below(store, call, args, d);
}

function stale(error: unknown): never {
  throw failure(errnoOf(error) === ENOENT ? ESTALE : errnoOf(error));
}

function wantsOf(store: Store, args: LookupArgs): XattrWants {
  const parent = args.loc.parent;
  return store.options['update-link-count-parent'] && parent !== null
    ? new XattrWants(args.xdata, [pgfidKey(parent.gfid)])
    : new XattrWants(args.xdata);
}

/** Named look-up in an open directory, whose pin this takes over. */
function below(store: Store, call: Call, args: LookupArgs, d: Directory): MaybePromise<LookupReply> {
  const parent = args.loc.parent!;
  const wants = wantsOf(store, args);
  const probe = new Probe(store, d, parent, args.loc.name, wants);
  if (!probe.inline()) return belowSlowly(store, call, args, d, probe, wants, true);
  if (probe.parentGone) return belowSlowly(store, call, args, d, probe, wants, false);
  if (probe.errno !== 0) {
    d.release();
    throw new FopError(probe.errno, null, probe.parentStat);
  }
  if (needsMore(store, args, probe, wants)) return belowSlowly(store, call, args, d, probe, wants, false);
  if (wants.content >= probe.stat.size && probe.stat.isRegular) {
    const content = readContent(store, d.fd, args.loc.name, probe.stat.size);
    if (content instanceof Promise) {
      return content.then((bytes) => {
        d.release();
        return answer(probe, wants, bytes);
      });
    }
    d.release();
    return answer(probe, wants, content);
  }
  d.release();
  return answer(probe, wants, null);
}

function answer(probe: Probe, wants: XattrWants, content: Uint8Array | null): LookupReply {
  if (content !== null) probe.found.dict?.setBytes(key.CONTENT, content);
  wants.wordsInto(probe.found, probe.inode, probe.stat);
  return { stat: probe.stat, postparent: probe.parentStat, xdata: probe.found.dict };
}

/** Whether the answer takes more than the look itself. */
function needsMore(store: Store, args: LookupArgs, probe: Probe, wants: XattrWants): boolean {
  if (probe.found.gfid === null) return true;
  const isDirectory = (probe.stat.mode & S_IFMT) === S_IFDIR;
  if (args.loc.inode === null && args.xdata !== null && handleMissing(store, probe, isDirectory)) return true;
  if (args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true) return true;
  if (wants.words?.includes(key.ANCESTRY_PATH) === true) return true;
  return store.options['update-link-count-parent'] && !isDirectory;
}

/** Whether a file that is met for the first time lacks its handle, as far as that can be seen without waiting. */
function handleMissing(store: Store, probe: Probe, isDirectory: boolean): boolean {
  if (!isDirectory) return probe.links === 1;
  if (probe.inode !== null) return false;
  const b = batch();
  b.open(store.glusterfsFd, handleName(probe.stat.gfid), OpenFlag.path | OpenFlag.nofollow, 0, Resolve.cached, IGNORE);
  b.close(reg(0), IGNORE);
  b.run();
  const missing = b.result(0) < 0;
  b.release();
  return missing;
}

async function belowSlowly(
  store: Store,
  call: Call,
  args: LookupArgs,
  pinned: Directory,
  first: Probe,
  wants: XattrWants,
  run: boolean,
): Promise<LookupReply> {
  let d = pinned;
  let probe = first;
  const { parent, name } = args.loc;
  const priority = store.priority(call, Priority.high);
  try {
    if (run) await probe.pool(priority);
    if (probe.parentGone) {
      // Removed behind our back, perhaps made anew elsewhere with the same gfid.
      store.dirs.drop(d.key);
      const anew = await Promise.resolve(store.dirs.acquire(parent!)).catch(stale);
      d.release();
      d = anew;
      probe = await new Probe(store, d, parent!, name, wants).look(priority);
      if (probe.parentGone) throw failure(ESTALE);
    }
    if (probe.errno !== 0) throw new FopError(probe.errno, null, probe.parentStat);
    if (args.loc.inode === null && args.xdata !== null && (await heal(store, args, d, probe))) {
      probe = await new Probe(store, d, parent!, name, wants).look(priority);
      if (probe.errno !== 0) throw new FopError(probe.errno, null, probe.parentStat);
    }
    if (probe.found.gfid === null && (args.xdata?.number(key.GFIDLESS_LOOKUP) ?? 0) === 0) {
      store.log.error(0, `${parent === null ? '' : gfidText(parent.gfid)}/${name} has no gfid`);
      throw new FopError(ENODATA, null, probe.parentStat);
    }
    const content =
      probe.stat.isRegular && wants.content >= probe.stat.size
        ? await readContent(store, d.fd, name, probe.stat.size)
        : null;
    const reply = answer(probe, wants, content);
    await extras(store, call, args, d, probe, wants);
    return reply;
  } finally {
    d.release();
  }
}

/** What look-ups do besides answering. */
async function extras(
  store: Store,
  call: Call,
  args: LookupArgs,
  d: Directory,
  probe: Probe,
  wants: XattrWants,
): Promise<void> {
  const name = args.loc.name;
  if (args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true) {
    const b = batch();
    b.removexattr(d.fd, name, key.WRITE_PROTECTION);
    await store.run(b, probe.inode?.lane ?? 0, store.priority(call, Priority.high));
    b.release();
  }
  if (store.options['update-link-count-parent'] && !probe.stat.isDirectory) {
    await ensurePgfid(store, d.fd, name, args.loc.parent!.gfid, probe.found);
  }
  await pathWord(store, wants, probe.found, probe.stat);
}

async function pathWord(store: Store, wants: XattrWants, found: XattrFound, stat: Iatt): Promise<void> {
  if (found.dict === null || wants.words?.includes(key.ANCESTRY_PATH) !== true) return;
  const path = await ancestryPath(store, stat.gfid, stat.isDirectory).catch(() => null);
  if (path !== null) found.dict.setText(key.ANCESTRY_PATH, path);
}

/**
 * Gives a file that is met for the first time what it lacks: a gfid as the request says, a handle. True when something was
 * changed. ENOENT for a file without gfid that is so young that its creation may be under way.
 */
async function heal(store: Store, args: LookupArgs, d: Directory, probe: Probe): Promise<boolean> {
  const parent = args.loc.parent!;
  const name = args.loc.name;
  const isDirectory = probe.stat.isDirectory;
  let gfid: Gfid | null = probe.found.gfid;
  const b = batch();
  if (gfid === null) {
    const ctime = store.options.ctime ? (probe.found.mdata?.ctime ?? 0) * 1000 : probe.diskCtime;
    const wanted = gfidRequest(args.xdata);
    if (Date.now() - ctime < FRESH_MS) {
      b.release();
      throw new FopError(ENOENT, null, probe.parentStat);
    }
    if (wanted === null || isNullGfid(wanted)) {
      b.release();
      return false;
    }
    gfid = wanted;
    b.setxattr(d.fd, name, GFID_KEY, gfid, XATTR_CREATE);
  } else if (isDirectory ? probe.inode !== null : probe.links !== 1) {
    b.release();
    return false;
  }
  store.handles.levelOps(b, gfid, true);
  if (isDirectory) store.handles.symlinkOp(b, parent.gfid, name, gfid, IGNORE);
  else store.handles.linkOp(b, d.fd, name, gfid, IGNORE);
  await store.run(b, parent.lane, Priority.normal);
  const errno = b.errno;
  b.release();
  if (errno === 0) store.handles.made(gfid);
  else store.log.warning(0, `setting the gfid ${gfidText(gfid)} of ${gfidText(parent.gfid)}/${name} failed`, errno);
  return errno === 0 && probe.found.gfid === null;
}

// --- by gfid ------------------------------------------------------------------------------------------------------------

function nameless(store: Store, call: Call, args: LookupArgs): MaybePromise<LookupReply> {
  const gfid = args.gfid ?? args.loc.inode?.gfid ?? null;
  if (gfid === null || isNullGfid(gfid)) throw failure(EINVAL);
  const inode = args.loc.inode ?? store.brick.findInode(gfidKey(gfid)) ?? null;
  if (inode?.type === S_IFDIR)
    return then(store.dirs.acquire(inode), (d) => directory(store, call, args, d, inode, gfid));
  const at = new ByHandle(store, args, gfid, inode);
  if (at.inline()) {
    const reply = at.reply(store.glusterfsFd, handleName(gfid));
    if (reply !== null) return reply;
  }
  return byHandleSlowly(store, call, args, at);
}

function then<T>(d: MaybePromise<Directory>, next: (d: Directory) => MaybePromise<T>): MaybePromise<T> {
  return d instanceof Promise ? d.then(next) : next(d);
}

/** Look-up of a directory by gfid; takes over the pin. */
function directory(
  store: Store,
  call: Call,
  args: LookupArgs,
  d: Directory,
  inode: Inode | null,
  gfid: Gfid,
): MaybePromise<LookupReply> {
  const at = new ByHandle(store, args, gfid, inode, d.fd);
  const done = (): MaybePromise<LookupReply> => {
    if (at.gone) {
      store.dirs.drop(d.key);
      throw failure(ENOENT);
    }
    const reply = at.reply(d.fd, null);
    if (reply === null) throw failure(ENOENT);
    return reply;
  };
  if (at.inline()) {
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
  return at
    .pool(store.priority(call, Priority.high))
    .then(done)
    .finally(() => d.release());
}

/** Attributes and xattrs of a file by its handle, or of a directory by its descriptor. */
class ByHandle {
  readonly #store: Store;
  readonly #args: LookupArgs;
  readonly gfid: Gfid;
  readonly #inode: Inode | null;
  readonly #dir: number;
  /** Null: the open directory itself. */
  readonly #name: string | null;
  readonly #wants: XattrWants;
  readonly #room = new XattrRoom();
  #stat = 0;
  #found: XattrFound | null = null;
  stat: Iatt = NO_IATT;
  errno = 0;
  links = 0;

  constructor(store: Store, args: LookupArgs, gfid: Gfid, inode: Inode | null, directory = -1) {
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
    return this.errno === 0 && (this.stat.mode & S_IFMT) === S_IFLNK && this.links === 1 && this.#name !== null;
  }

  inline(): boolean {
    const b = batch();
    this.#program(b, Resolve.cached);
    b.run();
    // An open directory is in memory: no need to ask.
    const done = this.#name === null || b.result(0) !== -EAGAIN;
    const again = done && this.#take(b);
    b.release();
    return again ? this.inline() : done;
  }

  async pool(priority: Priority): Promise<void> {
    const b = batch();
    this.#program(b, 0);
    await this.#store.run(b, 0, priority);
    const again = b.result(0) === -EAGAIN || this.#take(b);
    b.release();
    if (again) await this.pool(priority);
  }

  #program(b: ReturnType<typeof batch>, resolve: number): void {
    this.#room.reserve(b);
    this.#stat = b.statOut();
    const name = this.#name;
    if (name !== null) b.open(this.#dir, name, OpenFlag.path | OpenFlag.nofollow, 0, resolve);
    b.statx(name !== null ? reg(0) : this.#dir, null, this.#stat);
    this.#room.op(b, this.#wants, this.#dir, name, IGNORE);
    if (name !== null) b.close(reg(0), IGNORE);
  }

  #take(b: ReturnType<typeof batch>): boolean {
    const statx = this.#name === null ? 0 : 1;
    const opened = b.result(0);
    if (opened < 0 || b.result(statx) < 0) {
      this.errno = opened < 0 ? -opened : -b.result(statx);
      return false;
    }
    const xattrs = b.result(statx + 1);
    if (this.#room.grow(xattrs)) return true;
    this.errno = 0;
    this.links = b.f64[this.#stat + STAT.nlink]!;
    const found = this.#room.read(b, this.#wants, xattrs);
    this.#room.release();
    this.#found = found;
    const mode = b.f64[this.#stat + STAT.mode]!;
    const isHandle = this.links === 1 && (mode & S_IFMT) === S_IFLNK && this.#name !== null;
    // What a directory's handle has is not the directory's.
    const mdata = isHandle ? null : this.#store.mdata.read(this.#inode, gfidKey(this.gfid), found.mdata);
    this.stat = iattOf(b.f64, this.#stat, this.gfid, mdata);
    return false;
  }

  /** The answer; null when the handle stands for a directory. Fails with the errno of the look. */
  reply(dir: number, name: string | null): MaybePromise<LookupReply> | null {
    if (this.errno !== 0 || this.isDirectoryHandle) return null;
    const found = this.#found!;
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
    await pathWord(this.#store, this.#wants, this.#found!, this.stat);
    return reply;
  }
}

async function byHandleSlowly(store: Store, call: Call, args: LookupArgs, at: ByHandle): Promise<LookupReply> {
  const gfid = at.gfid;
  await at.pool(store.priority(call, Priority.high));
  if (at.errno === ENOENT && (args.xdata?.number(key.UNLINKED_LOOKUP) ?? 0) !== 0) return unlinked(store, gfid);
  if (at.errno !== 0) throw failure(at.errno);
  if (at.isDirectoryHandle) {
    let d: Directory;
    try {
      d = await store.dirs.acquireByKey(gfidKey(gfid));
    } catch (error) {
      if (errnoOf(error) === ENOENT) await removeStale(store, gfid);
      throw error;
    }
    return directory(store, call, args, d, store.brick.findInode(d.key) ?? null, gfid);
  }
  const reply = at.reply(store.glusterfsFd, handleName(gfid));
  if (reply === null) throw failure(ENOENT);
  return reply;
}

/** A handle that leads to no directory is of no use to anyone. */
async function removeStale(store: Store, gfid: Gfid): Promise<void> {
  store.log.warning(0, `Found stale gfid handle ${handleName(gfid)}, removing it.`);
  const b = batch();
  store.handles.removeOp(b, gfid);
  await store.run(b, 0, Priority.normal);
  b.release();
}

/** The file of a gfid that lives on without a name, because it is open. */
async function unlinked(store: Store, gfid: Gfid): Promise<LookupReply> {
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
