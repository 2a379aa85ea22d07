/**
 * writev. Writes to one file that arrive in one turn of the event loop go to the pool as one batch: the file's attributes
 * before and after each, and one store of its time record for all. None runs on the event loop's thread: RWF_NOWAIT keeps
 * a write neither from waiting on a frozen file system nor (ext4, and XFS with a time to set) from being refused anyway.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict, valueBytes } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise, WriteArgs, WriteReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch, IGNORE, Priority, STAT } from '../../../native/batch.js';
import { EBUSY, ECANCELED, EIO, ENODATA, ENOSPC } from '../../../native/errno.js';
import { O_APPEND, O_SYNC } from '../../../native/linux.js';
import type { Region } from '../../../native/memory.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import { type OpenFile, statOf } from '../../disk/descriptors/open-files.js';
import { ALIGNMENT, alignedPiece } from '../../disk/format/aligned.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import type { Mdata } from '../../disk/format/mdata-record.js';
import { refuseCloud } from './cloudsync-refusal.js';
import { syncOutcome } from './fsync.js';
import { refuseDevice } from './open.js';
import { usesReserve } from './space-check.js';

/** Writes in a batch: what its memory has room for. */
const MAX_WRITES = 8;
/** Bytes in a batch of several writes: the first of them waits for the last. */
const MAX_BYTES = 1 << 20;

/** One write under way. */
export class Write {
  readonly call: Call;
  readonly args: WriteArgs;
  readonly file: OpenFile;
  resolve!: (reply: WriteReply) => void;
  reject!: (failure: unknown) => void;
  /** Index of the stat result after the write, and of the ops. */
  after = 0;
  writeOp = 0;
  statOp = 0;
  /** Aligned copy of the data. */
  #copy: Region | null = null;

  constructor(call: Call, args: WriteArgs, file: OpenFile) {
    this.call = call;
    this.args = args;
    this.file = file;
  }
  get sync(): boolean {
    return (this.args.flags & O_SYNC) !== 0;
  }
  /** Address of the data: of a copy on a block boundary where the kernel wants that. */
  get address(): number {
    const { region, start, size } = this.args;
    const address = region.address + start;
    if (!this.file.direct || address % ALIGNMENT === 0) return address;
    this.#copy?.release();
    const piece = alignedPiece(size);
    region.bytes.copy(piece.region.bytes, piece.start, start, start + size);
    this.#copy = piece.region;
    return piece.address;
  }
  /** Lets go of file and memory: nothing more happens on disk. */
  release(): void {
    this.file.release();
    this.#copy?.release();
    this.#copy = null;
  }
  /** The client wants the attributes before and after to differ by this write alone. */
  get atomic(): boolean {
    const { xdata } = this.args;
    return xdata !== null && (xdata.has(key.WRITE_IS_APPEND) || xdata.has(key.WRITE_UPDATE_ATOMIC));
  }
}

export function writev(store: Store, call: Call, args: WriteArgs): MaybePromise<WriteReply> {
  refuseDevice(args.fd.inode);
  refuseCloud(store, args.xdata);
  const file = store.files.of(args.fd);
  const wait = store.space.take(args.size);
  const { xdata } = args;
  if (
    file instanceof Promise ||
    wait instanceof Promise ||
    store.full ||
    store.mdata.unread(args.fd.inode) ||
    (xdata !== null && (xdata.has(key.WRITE_PROTECTION) || xdata.has(key.AVOID_OVERWRITE)))
  ) {
    return prepare(store, call, args, file, wait);
  }
  return store.writes.add(new Write(call, args, file));
}

/** What a write has to wait for before it can be queued. */
async function prepare(
  store: Store,
  call: Call,
  args: WriteArgs,
  opening: MaybePromise<OpenFile>,
  wait: MaybePromise<void>,
): Promise<WriteReply> {
  const file = await opening;
  try {
    await wait;
    if (store.full && !usesReserve(call, args.xdata) && !(await overwrites(store, file, args))) throw failure(ENOSPC);
    if (args.xdata !== null) await protect(store, call, args, file);
    await store.mdata.load(args.fd.inode);
  } catch (error) {
    file.release();
    throw error;
  }
  return store.writes.add(new Write(call, args, file));
}

/** Whether a write stays within what the file has on disk already. */
async function overwrites(store: Store, file: OpenFile, args: WriteArgs): Promise<boolean> {
  const { errno, size, blocks, blockSize } = await statOf(store, file);
  if (errno !== 0) throw failure(errno);
  const sparse = blocks * blockSize < size;
  return args.offset + args.size <= size && !sparse;
}

/**
 * Migration of a file against its users: users' writes mark the file, and the migration's own writes fail with EBUSY once
 * it is marked.
 */
async function protect(store: Store, call: Call, args: WriteArgs, file: OpenFile): Promise<void> {
  const mark = args.xdata!.get(key.WRITE_PROTECTION);
  const asks = args.xdata!.has(key.AVOID_OVERWRITE);
  if (mark === undefined && !asks) return;
  const b = batch();
  if (mark !== undefined) b.setxattr(file.fd, null, key.WRITE_PROTECTION, valueBytes(mark) ?? new Uint8Array(0));
  else b.getxattr(file.fd, null, key.WRITE_PROTECTION, 0, 0);
  await store.run(b, args.fd.inode.lane, store.priority(call, Priority.low));
  const r = b.result(0);
  b.release();
  if (mark !== undefined ? r < 0 : r !== -ENODATA) {
    store.fopFailed(`possible overwrite from internal client, gfid=${gfidText(args.fd.inode.gfid)}`, EBUSY);
    throw failure(EBUSY);
  }
}

/** The writes of a brick that wait for the end of the turn. */
export class Writes {
  readonly #store: Store;
  /** What arrived in this turn, by file. */
  #waiting: Write[][] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  add(w: Write): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      w.resolve = resolve;
      w.reject = reject;
      // Direct writes run side by side: the kernel allows it, and fast disks need it.
      if (w.file.direct && !w.atomic) this.#start([w], 0);
      else this.#queue(w);
    });
  }

  #queue(w: Write): void {
    const state = this.#store.state(w.args.fd.inode);
    if (state.writes !== null) {
      state.writes.push(w);
      return;
    }
    if (this.#waiting.length === 0) queueMicrotask(() => this.#flush());
    const writes = [w];
    state.writes = writes;
    this.#waiting.push(writes);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const writes of waiting) {
      const { inode } = writes[0]!.args.fd;
      this.#store.state(inode).writes = null;
      if (writes.length === 1) {
        this.#start(writes, inode.lane);
        continue;
      }
      let from = 0;
      let bytes = 0;
      for (let i = 0; i < writes.length; i++) {
        const size = writes[i]!.args.size;
        if (i > from && (i - from === MAX_WRITES || bytes + size > MAX_BYTES)) {
          this.#start(writes.slice(from, i), inode.lane);
          from = i;
          bytes = 0;
        }
        bytes += size;
      }
      this.#start(from === 0 ? writes : writes.slice(from), inode.lane);
    }
  }

  /** Runs writes to one file, in order. Never throws: those of other files follow. */
  #start(writes: Write[], lane: number): void {
    try {
      this.#submit(writes, lane);
    } catch (thrown) {
      for (const w of writes) {
        w.release();
        w.reject(thrown);
      }
    }
  }

  #submit(writes: Write[], lane: number): void {
    const store = this.#store;
    const { inode } = writes[0]!.args.fd;
    const b = batch();
    const before = b.statOut();
    for (const w of writes) w.after = b.statOut();
    const first = writes[0]!;
    b.statx(first.file.fd, null, before);
    let planned: Mdata | null = null;
    let sync = false;
    for (const w of writes) {
      if (planned === null) planned = store.mdata.plan(inode, w.call);
      else planned.advance(w.call.timeFlags, w.call.timeSec, w.call.timeNsec);
      w.writeOp = b.pwrite(w.file.fd, w.address, w.args.size, w.args.offset);
      w.statOp = b.statx(w.file.fd, null, w.after);
      if (w.sync) sync = true;
    }
    const stray = lane === 0;
    const timesOp = planned === null ? -1 : store.mdata.storeOp(b, first.file.fd, null, planned, inode, stray);
    const syncOp = sync ? b.fsync(first.file.fd, IGNORE) : -1;
    b.onDone = () => {
      try {
        this.#settle(b, writes, before, syncOp < 0 ? 0 : b.result(syncOp));
      } catch (thrown) {
        // Those that have been answered do not hear of it.
        for (const w of writes) w.reject(thrown);
      }
      if (planned !== null) store.mdata.stored(b, timesOp, planned, inode, inode.gfid, stray);
      b.release();
    };
    store.queue.submit(b, lane, store.priority(first.call, Priority.low));
  }

  #settle(b: Batch, writes: Write[], before: number, synced: number): void {
    const store = this.#store;
    const { inode } = writes[0]!.args.fd;
    const failed = b.failedOp >= 0;
    // What is written here is told of below; but the file's later syncs must know, too.
    if (synced < 0 && synced !== -ECANCELED) syncOutcome(writes[0]!.file, synced, b, writes.at(-1)!.after);
    let times = store.mdata.of(inode);
    let pre = before;
    const again: Write[] = [];
    for (const w of writes) {
      const n = b.result(w.writeOp);
      if (b.result(w.statOp) === 0 && n >= 0 && !(w.sync && synced < 0 && !failed)) {
        const preStat = iattOf(b.f64, pre, inode.gfid, times);
        times = timesAfter(store, times, w.call);
        const reply: WriteReply = {
          count: n,
          pre: preStat,
          post: iattOf(b.f64, w.after, inode.gfid, times),
          xdata: w.args.xdata === null ? null : answer(w, inode, b.f64[pre + STAT.size]!),
        };
        if (failed) {
          this.#finishLate(w, reply);
        } else {
          w.release();
          w.resolve(reply);
        }
        pre = w.after;
      } else if (n === -ECANCELED && w !== writes[0] && b.result(0) !== -ECANCELED) {
        again.push(w);
      } else {
        w.release();
        const errno = n < 0 ? -n : b.result(w.statOp) < 0 ? -b.result(w.statOp) : -synced;
        store.fopFailed(`write failed on gfid=${gfidText(inode.gfid)}, offset=${w.args.offset}`, errno);
        w.reject(failure(errno === ECANCELED ? EIO : errno));
      }
    }
    // One that failed has stopped those behind it, which have nothing to do with it.
    if (again.length > 0) this.#start(again, inode.lane);
  }

  /** A write that succeeded in a batch that failed after it: the times and the sync of the batch are missing. */
  #finishLate(w: Write, reply: WriteReply): void {
    const store = this.#store;
    const finish = async (): Promise<WriteReply> => {
      await store.mdata.touch(w.args.fd.inode, w.call);
      if (w.sync) {
        const b = batch();
        b.fsync(w.file.fd);
        await store.run(b, 0, Priority.low);
        const r = b.result(0);
        if (r < 0) syncOutcome(w.file, r, b, -1);
        b.release();
        if (r < 0) throw failure(r);
      }
      return reply;
    };
    finish()
      .finally(() => w.release())
      .then(w.resolve, w.reject);
  }
}

function timesAfter(store: Store, times: Mdata | null, call: Call): Mdata | null {
  if (times === null) return store.mdata.planFrom(null, call);
  if ((call.timeFlags & 7) === 0) return times;
  const m = times.copy();
  m.advance(call.timeFlags, call.timeSec, call.timeNsec);
  return m;
}

/** What the request asks to be told about the write. */
function answer(w: Write, inode: Inode, sizeBefore: number): Dict | null {
  const xdata = w.args.xdata!;
  let dict: Dict | null = null;
  if (xdata.has(key.OPEN_FD_COUNT)) dict = (dict ?? new Dict()).setUint(key.OPEN_FD_COUNT, inode.fdCount);
  if (xdata.has(key.ACTIVE_FD_COUNT)) dict = (dict ?? new Dict()).setUint(key.ACTIVE_FD_COUNT, inode.fdCount);
  if (xdata.has(key.WRITE_IS_APPEND)) {
    const append = sizeBefore === w.args.offset || (w.args.fd.flags & O_APPEND) !== 0;
    dict = (dict ?? new Dict()).setUint(key.WRITE_IS_APPEND, append ? 1 : 0);
  }
  return dict;
}
