/** The fops opendir, readdir and readdirp. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure, nullOnFailure } from '../../../mux/xlator/fop-error.js';
import type {
  DirEntry,
  MaybePromise,
  OpendirArgs,
  ReaddirArgs,
  ReaddirReply,
  Xdata,
} from '../../../mux/xlator/fops.js';
import { gfidKey, isNullGfid, NULL_GFID } from '../../../mux/xlator/gfid.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EINVAL, ENOENT, ENOTDIR } from '../../../native/errno.js';
import { doubleAt, Priority, STAT } from '../../../native/layout.js';
import { DT_DIR, DT_UNKNOWN, O_DIRECTORY, S_IFDIR, S_IFMT } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { lacksDirectoryHandle, restoreDirectoryHandle, restoreHandle } from '../../brick-dir/handle-heal.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { EntryCursor, inoOf } from '../../disk/format/dir-entries.js';
import { HANDLE_DIR } from '../../disk/format/handle-name.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { OpenDirectory } from '../../disk/open-directory.js';
import { readContent } from '../../disk/query/small-file-content.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import { runOnOpen } from '../../disk/run-cached.js';
import { ancestry } from './readdir-ancestry.js';

/** What Gluster counts for an entry of a reply besides its name. */
const ENTRY_COST = 208 + 1;
/** With less room than this left in the buffer, the reading may have ended for want of it. */
const LARGEST_ENTRY = 80 * 1024;
const SMALLEST_BUFFER = 256 * 1024;
const LARGEST_BUFFER = 8 * 1024 * 1024;
/** Content of files that one reply carries at most: of those that come after, clients read it by themselves. */
const MOST_CONTENT = 1 << 20;

const EMPTY: Xdata = Object.freeze({ xdata: null });

/** Opens a directory of the cache once more: its inode is in memory, and as a rule that does not wait. Takes over the pin. */
function openAt(store: BrickDir, d: Directory): MaybePromise<OpenDirectory> {
  const b = batch();
  b.open(d.fd, '.', O_DIRECTORY);
  const opened = (): OpenDirectory => {
    const fd = b.result(0);
    b.release();
    d.release();
    if (fd < 0) throw failure(fd);
    return new OpenDirectory(fd);
  };
  const running = runOnOpen(store, b, Priority.high);
  return running === null ? opened() : running.then(opened);
}

export function opendir(store: BrickDir, call: Call, args: OpendirArgs): MaybePromise<Xdata> {
  const { inode } = args;
  if (inode.type !== S_IFDIR && inode.type !== 0) throw failure(ENOTDIR);
  // Clients that know a directory from a listing open it without a lookup.
  if (inode.type !== S_IFDIR || inode.parent === null) return openDirectory(store, call, args);
  return then(lacksDirectoryHandle(store, inode.gfid, inode, store.priority(call, Priority.high)), (lacks) => {
    if (!lacks) return openDirectory(store, call, args);
    return restoreDirectoryHandle(store, inode).then(() => openDirectory(store, call, args));
  });
}

function openDirectory(store: BrickDir, call: Call, args: OpendirArgs): MaybePromise<Xdata> {
  return then(store.dirs.acquire(args.inode), (d) =>
    then(openAt(store, d), (open) => {
      args.fd.ctx[store.slot] = open;
      store.timeStores.touchSoon(args.inode, call);
      return EMPTY;
    }),
  );
}

export function releasedir(store: BrickDir, fd: Fd): void {
  const open = fd.ctx[store.slot];
  if (!(open instanceof OpenDirectory)) return;
  fd.ctx[store.slot] = undefined;
  store.closing.close(open.fd);
}

/** The open directory of an fd; an anonymous one is opened now, until the call ends. */
function openOf(store: BrickDir, fd: Fd): MaybePromise<OpenDirectory> {
  const open = fd.ctx[store.slot];
  if (open instanceof OpenDirectory) return open;
  if (!fd.anonymous || fd.inode.type !== S_IFDIR) throw failure(EINVAL);
  return then(store.dirs.acquire(fd.inode), (d) =>
    then(openAt(store, d), (opened) => {
      fd.ctx[store.slot] = opened;
      return opened;
    }),
  );
}

export async function readdir(store: BrickDir, call: Call, args: ReaddirArgs): Promise<ReaddirReply> {
  return read(store, call, args, null);
}

export async function readdirp(store: BrickDir, call: Call, args: ReaddirArgs): Promise<ReaddirReply> {
  if (args.xdata?.has(key.ANCESTRY_DENTRY) === true) return ancestry(store, args.fd.inode, args.xdata);
  return read(store, call, args, new XattrWants(args.xdata));
}

/** Reads entries; `wants` null: names only. */
async function read(store: BrickDir, call: Call, args: ReaddirArgs, wants: XattrWants | null): Promise<ReaddirReply> {
  const open = await openOf(store, args.fd);
  let most = Math.floor(args.size / (ENTRY_COST + 1)) + 1;
  for (let room = Math.max(SMALLEST_BUFFER, args.size * 3); ; room *= 4) {
    if (room > SMALLEST_BUFFER) call.charge(room);
    const memory = region(room);
    const b = batch();
    const patterns = b.readdirWants(true, most, wants?.patterns ?? GFID_KEY);
    const high = Number(BigInt.asUintN(32, args.offset >> 32n));
    const low = Number(BigInt.asUintN(32, args.offset));
    b.readdir(open.fd, high, low, memory.address, room, patterns);
    await store.run(b, open.lane, store.priority(call, Priority.high), call);
    const length = b.result(0);
    b.release();
    // An entry whose xattrs are too large for the buffer.
    if (length === -EINVAL && room < LARGEST_BUFFER) {
      memory.release();
      // The larger buffer is for this one, not for as many as fit into it.
      most = 1;
      continue;
    }
    if (length < 0) {
      memory.release();
      throw failure(length);
    }
    const reading = new Reading(store, args, wants, most);
    const reply = reading.take(new EntryCursor(memory, length), room - length >= LARGEST_ENTRY);
    memory.release();
    if (reading.lost !== null) await restoreHandles(store, args.fd.inode, reading.lost);
    if (wants !== null && wants.content >= 0) await addContents(store, call, args.fd.inode, wants, reply.entries);
    return reply;
  }
}

class Reading {
  readonly #store: BrickDir;
  readonly #inode: Inode;
  readonly #wants: XattrWants | null;
  readonly #size: number;
  readonly #most: number;
  readonly #skipDirectories: boolean;
  /** Entries for the reply whose files lack their handle: clients will open them by it, without a lookup. */
  lost: DirEntry[] | null = null;

  constructor(store: BrickDir, args: ReaddirArgs, wants: XattrWants | null, most: number) {
    this.#store = store;
    this.#inode = args.fd.inode;
    this.#wants = wants;
    this.#size = args.size;
    this.#most = most;
    this.#skipDirectories = (args.xdata?.number(key.SKIP_DIRECTORIES) ?? 0) !== 0;
  }

  /** Entries for the reply, as many as the client has room for. roomLeft: the reading did not end for want of room. */
  take(c: EntryCursor, roomLeft: boolean): ReaddirReply {
    const entries: DirEntry[] = [];
    const root = this.#inode.isRoot;
    let filled = 0;
    let count = 0;
    while (c.next()) {
      count++;
      if (root && c.name === HANDLE_DIR) continue;
      if (this.#skipDirectories && this.#isDirectory(c)) continue;
      const cost = ENTRY_COST + c.name.length;
      if (filled + cost > this.#size) return { entries, errno: 0, xdata: null };
      filled += cost;
      const entry = this.#wants === null ? this.#plain(c) : this.#full(c, this.#wants);
      entries.push(entry);
      if (this.#lacksHandle(c, entry.stat)) (this.lost ??= []).push(entry);
    }
    const ended = roomLeft && count < this.#most;
    return { entries, errno: ended ? ENOENT : 0, xdata: null };
  }

  /** As {@link lacksHandle} of files. Of directories that would cost a call each. */
  #lacksHandle(c: EntryCursor, stat: Iatt): boolean {
    if (!c.hasStat || c.f64[c.stat + STAT.nlink] !== 1 || stat === NO_IATT) return false;
    if (stat.isDirectory || isNullGfid(stat.gfid)) return false;
    const inode = this.#store.brick.findInode(gfidKey(stat.gfid));
    return inode === undefined || !this.#store.state(inode).hasHandle;
  }

  #isDirectory(c: EntryCursor): boolean {
    return (
      c.type === DT_DIR ||
      (c.type === DT_UNKNOWN && c.hasStat && (doubleAt(c.f64, c.stat + STAT.mode) & S_IFMT) === S_IFDIR)
    );
  }

  #type(c: EntryCursor): number {
    return c.type !== 0 || !c.hasStat ? c.type : (doubleAt(c.f64, c.stat + STAT.mode) & S_IFMT) >> 12;
  }

  #plain(c: EntryCursor): DirEntry {
    return {
      name: c.name,
      ino: c.hasStat ? c.ino : 0n,
      offset: c.offset,
      type: this.#type(c),
      stat: NO_IATT,
      dict: null,
    };
  }

  #full(c: EntryCursor, wants: XattrWants): DirEntry {
    if (!c.hasStat) {
      return { name: c.name, ino: 0n, offset: c.offset, type: this.#type(c), stat: NO_IATT, dict: null };
    }
    const found = wants.read(c.bytes, c.xattrsAt, c.xattrsLength);
    const gfid = found.gfid;
    let inode: Inode | null = null;
    let mdata = this.#store.mdata.enabled ? found.mdata : null;
    if (gfid !== null) {
      const k = gfidKey(gfid);
      inode = this.#store.brick.findInode(k) ?? null;
      mdata = this.#store.mdata.read(inode, k, mdata);
    }
    const stat: Iatt = iattOf(c.f64, c.stat, gfid ?? NULL_GFID, mdata);
    wants.wordsInto(found, inode, stat);
    return {
      name: c.name,
      ino: gfid === null ? c.ino : inoOf(gfid),
      offset: c.offset,
      type: this.#type(c),
      stat,
      dict: found.dict,
    };
  }
}

async function restoreHandles(store: BrickDir, parent: Inode, lost: DirEntry[]): Promise<void> {
  // The listing is good without: a directory that is gone has no files to heal.
  const d = await Promise.resolve(store.dirs.acquire(parent)).catch(nullOnFailure);
  if (d === null) return;
  try {
    for (const { name, stat } of lost) {
      if (await restoreHandle(store, d, parent, name, stat.gfid, stat.mode)) stat.nlink = 1;
    }
  } finally {
    d.release();
  }
}

/** Contents of small files among the entries, if the client asks for them. */
async function addContents(
  store: BrickDir,
  call: Call,
  inode: Inode,
  wants: XattrWants,
  entries: DirEntry[],
): Promise<void> {
  const d = await store.dirs.acquire(inode);
  let left = MOST_CONTENT;
  for (const e of entries) {
    if (e.dict === null || !e.stat.isRegular || e.stat.size > wants.content || e.stat.size > left) continue;
    left -= e.stat.size;
    call.charge(e.stat.size);
    const bytes = await readContent(store, d.fd, e.name, e.stat.size);
    if (bytes !== null) e.dict.setBytes(key.CONTENT, bytes);
  }
  d.release();
}
