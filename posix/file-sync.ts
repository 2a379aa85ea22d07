/** fsync, in batches where the volume asks for that, and fsyncdir. */

import { batch, IGNORE, Priority } from '../native/batch.js';
import type { Call } from './contract/call.js';
import { failure } from './contract/error.js';
import { background } from './contract/fault.js';
import type { FsyncArgs, MaybePromise, PrePostReply, Xdata } from './contract/fops.js';
import { gfidText } from './contract/gfid.js';
import { NO_IATT } from './contract/iatt.js';
import { iattOf } from './iatt-of.js';
import * as key from './keys.js';
import { then } from './maybe.js';
import type { OpenFile } from './open-file.js';
import type { Store } from './store.js';
import { TimesReading } from './times.js';

const FSYNCS_PER_BATCH = 20;
const NO_REPLY: Xdata = Object.freeze({ xdata: null });

export async function fsync(store: Store, call: Call, args: FsyncArgs): Promise<PrePostReply> {
  if (store.options['batch-fsync-mode'] !== 'none' && args.xdata?.has(key.BATCH_FSYNC) === true) {
    return store.syncs.add(args);
  }
  const { inode } = args.fd;
  const file = await store.files.of(args.fd);
  const times = new TimesReading(store, inode);
  const b = batch();
  const before = b.statOut();
  const after = b.statOut();
  times.reserve(b);
  b.statx(file.dir, null, before);
  if (args.datasync) b.fdatasync(file.dir);
  else b.fsync(file.dir);
  b.statx(file.dir, null, after);
  times.op(b, file, IGNORE);
  await store.run(b, 0, store.priority(call, Priority.low));
  file.release();
  const errno = b.errno;
  if (errno === 0) times.take(b);
  const mdata = store.mdata.of(inode);
  const pre = iattOf(b.f64, before, inode.gfid, mdata);
  const post = iattOf(b.f64, after, inode.gfid, mdata);
  b.release();
  if (errno !== 0) failed(store, args, errno);
  return { pre, post, xdata: null };
}

function failed(store: Store, args: FsyncArgs, errno: number): never {
  store.fopFailed(`fsync on ${gfidText(args.fd.inode.gfid)} failed`, errno);
  throw failure(errno);
}

/** Directories are as safe as their file system makes them: nothing to do. EINVAL without an open directory. */
export function fsyncdir(store: Store, args: FsyncArgs): MaybePromise<Xdata> {
  return then(store.files.place(args.fd), (place) => {
    place.release();
    return NO_REPLY;
  });
}

interface Waiting {
  args: FsyncArgs;
  file: OpenFile;
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
      this.#waiting.push({ args, file, resolve, reject });
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
        // Who has been answered does not hear of it again.
        for (const w of all) w.reject(thrown);
      })
      .finally(() => {
        if (this.#waiting.length > 0) this.#schedule();
        else this.#running = false;
      });
    background(round, this.#store.log, 'a round of fsyncs failed');
  };

  async #round(all: Waiting[]): Promise<void> {
    const mode = this.#store.options['batch-fsync-mode'];
    if (mode.startsWith('syncfs')) await this.#syncfs(all[0]!.file);
    let rest = all;
    if (mode === 'syncfs') {
      for (const w of all) this.#settle(w, 0);
      rest = [];
    } else if (mode === 'syncfs-single-fsync') {
      for (const w of all.slice(1)) this.#settle(w, 0);
      rest = all.slice(0, 1);
    }
    for (let i = 0; i < rest.length; i += FSYNCS_PER_BATCH) await this.#sync(rest.slice(i, i + FSYNCS_PER_BATCH));
  }

  async #syncfs(file: OpenFile): Promise<void> {
    const b = batch();
    b.syncfs(file.dir);
    await this.#store.run(b, 0, Priority.low);
    b.release();
  }

  /** One after the other: the first, the last to come, has most of the others' work done with it. */
  async #sync(some: Waiting[]): Promise<void> {
    const b = batch();
    for (const { args, file } of some) {
      if (args.datasync) b.fdatasync(file.dir, IGNORE);
      else b.fsync(file.dir, IGNORE);
    }
    await this.#store.run(b, 0, Priority.low);
    const results = some.map((_, i) => b.result(i));
    b.release();
    for (const [i, w] of some.entries()) this.#settle(w, results[i]!);
  }

  #settle(w: Waiting, result: number): void {
    w.file.release();
    if (result >= 0) {
      w.resolve({ pre: NO_IATT, post: NO_IATT, xdata: null });
      return;
    }
    this.#store.fopFailed(`fsync on ${gfidText(w.args.fd.inode.gfid)} failed`, -result);
    w.reject(failure(result));
  }
}
