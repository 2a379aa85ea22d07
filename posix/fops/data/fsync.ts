/** fsync, in batches where the volume asks for that, and fsyncdir. */

import { background } from '../../../mux/base/fault.js';
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FsyncArgs, MaybePromise, PrePostReply, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { type Batch, batch, IGNORE, Priority, STAT } from '../../../native/batch.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import type { OpenFile } from '../../disk/descriptors/open-files.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { TimesReading } from '../../disk/times/times.js';

const FSYNCS_PER_BATCH = 20;
const NO_REPLY: Xdata = Object.freeze({ xdata: null });

export async function fsync(store: Store, call: Call, args: FsyncArgs): Promise<PrePostReply> {
  if (store.options['batch-fsync-mode'] !== 'none' && args.xdata?.has(key.BATCH_FSYNC) === true) {
    return store.syncs.add(args);
  }
  const { inode } = args.fd;
  const file = await store.files.of(args.fd);
  try {
    const times = new TimesReading(store, inode);
    const b = batch();
    const before = b.statOut();
    const after = b.statOut();
    times.reserve(b);
    b.statx(file.fd, null, before);
    const sync = args.datasync ? b.fdatasync(file.fd) : b.fsync(file.fd);
    b.statx(file.fd, null, after);
    times.op(b, file, IGNORE);
    await store.run(b, 0, store.priority(call, Priority.low));
    let { errno } = b;
    if (errno === 0) times.take(b);
    if (errno === 0 || b.failedOp === sync) errno = -syncOutcome(file, b.result(sync), b, before);
    const mdata = store.mdata.of(inode);
    const pre = iattOf(b.f64, before, inode.gfid, mdata);
    const post = iattOf(b.f64, after, inode.gfid, mdata);
    b.release();
    if (errno !== 0) failed(store, args, errno);
    return { pre, post, xdata: null };
  } finally {
    file.release();
  }
}

/**
 * What those who count on a sync are told, given its result: the kernel tells a descriptor of lost writes once, so that the next
 * sync succeeds, whether or not the data is there. b, stat: a stat result of the file from before the sync, -1 for none.
 */
export function syncOutcome(file: OpenFile, result: number, b: Batch, stat: number): number {
  if (result >= 0 && file.lost === 0) return result;
  // To tell whether a file was written to since.
  const mtime = stat < 0 ? '' : `${b.f64[stat + STAT.mtime]}.${b.f64[stat + STAT.mtimeNsec]}`;
  if (result < 0) file.noteLost(-result, mtime);
  else file.noteSynced(mtime);
  return result < 0 ? result : -file.lost;
}

function failed(store: Store, args: FsyncArgs, errno: number): never {
  store.fopFailed(`fsync on ${gfidText(args.fd.inode.gfid)} failed`, errno);
  throw failure(errno);
}

/** Directories are as safe as their file system makes them: nothing to do. EINVAL without an open directory. */
export function fsyncdir(store: Store, args: FsyncArgs): MaybePromise<Xdata> {
  return then(store.files.fileRef(args.fd), (file) => {
    file.release();
    return NO_REPLY;
  });
}

interface Waiting {
  args: FsyncArgs;
  file: OpenFile;
  settled: boolean;
  resolve: (reply: PrePostReply) => void;
  reject: (failure: unknown) => void;
}

/**
 * Fsyncs of replication's own making, which bear some delay: all that have come together are served by one round. Replies
 * carry no attributes.
 */
export class Syncs {
  readonly #store: Store;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(store: Store) {
    this.#store = store;
  }

  async add(args: FsyncArgs): Promise<PrePostReply> {
    const file = await this.#store.files.of(args.fd);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ args, file, settled: false, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        this.#schedule();
      }
    });
  }

  #schedule(): void {
    const delayUs = this.#store.options['batch-fsync-delay-usec'];
    if (delayUs <= 0) setImmediate(this.#begin);
    else this.#store.brick.timer(Math.max(1, Math.round(delayUs / 1000)), false, this.#begin);
  }

  readonly #begin = (): void => {
    const all = this.#waiting.reverse();
    this.#waiting = [];
    const round = this.#round(all)
      .catch((thrown: unknown) => {
        for (const w of all) if (!w.settled) this.#fail(w, thrown);
      })
      .finally(() => {
        if (this.#waiting.length > 0) this.#schedule();
        else this.#running = false;
      });
    background(round, this.#store.log, 'a round of fsyncs failed');
  };

  async #round(all: Waiting[]): Promise<void> {
    const mode = this.#store.options['batch-fsync-mode'];
    // A failure of the whole file system says nothing of these files: then each is synced by itself.
    const synced = mode.startsWith('syncfs') && (await this.#syncfs(all[0]!));
    const alone = synced && mode === 'syncfs' ? 0 : synced && mode === 'syncfs-single-fsync' ? 1 : all.length;
    for (let i = 0; i < all.length; ) {
      const end = Math.min(i + FSYNCS_PER_BATCH, i < alone ? alone : all.length);
      await this.#sync(all.slice(i, end), i < alone);
      i = end;
    }
  }

  async #syncfs({ file }: Waiting): Promise<boolean> {
    const b = batch();
    b.syncfs(file.fd);
    await this.#store.run(b, 0, Priority.low);
    const { errno } = b;
    b.release();
    if (errno !== 0) this.#store.log.error(0, `${this.#store.path}: syncing the file system failed`, errno);
    return errno === 0;
  }

  /**
   * One after the other: the first, the last to come, has most of the others' work done with it. sync: false when the files were
   * written back already: of each is only asked what that came to, which syncfs does not tell.
   */
  async #sync(some: Waiting[], sync: boolean): Promise<void> {
    const b = batch();
    for (const { args, file } of some) {
      if (!sync) b.syncErrors(file.fd, IGNORE);
      else if (args.datasync) b.fdatasync(file.fd, IGNORE);
      else b.fsync(file.fd, IGNORE);
    }
    await this.#store.run(b, 0, Priority.low);
    const results = some.map(({ file }, i) => syncOutcome(file, b.result(i), b, -1));
    b.release();
    for (const [i, w] of some.entries()) this.#settle(w, results[i]!);
  }

  #settle(w: Waiting, result: number): void {
    if (result < 0) {
      this.#store.fopFailed(`fsync on ${gfidText(w.args.fd.inode.gfid)} failed`, -result);
      this.#fail(w, failure(result));
      return;
    }
    w.settled = true;
    w.file.release();
    w.resolve({ pre: NO_IATT, post: NO_IATT, xdata: null });
  }

  #fail(w: Waiting, thrown: unknown): void {
    w.settled = true;
    w.file.release();
    w.reject(thrown);
  }
}
