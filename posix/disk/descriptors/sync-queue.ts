/** Fsyncs that the volume's options allow to be combined (`storage.batch-fsync-mode`). */

import { background } from '../../../mux/base/fault.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FsyncArgs, PrePostReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { assert, defined } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { IGNORE, MAX_OPS, Priority } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import { type OpenFile, syncOutcome } from '../open-file.js';
import type { OpenFiles } from './open-files.js';

const FSYNCS_PER_BATCH = 20;
assert(FSYNCS_PER_BATCH <= MAX_OPS, 'a batch has room for the fsyncs that it is given');

interface WaitingSync {
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
export class SyncQueue {
  readonly #disk: DiskContext;
  readonly #files: OpenFiles;
  #waiting: WaitingSync[] = [];
  #running = false;

  constructor(disk: DiskContext, files: OpenFiles) {
    this.#disk = disk;
    this.#files = files;
  }

  async add(args: FsyncArgs): Promise<PrePostReply> {
    const file = await this.#files.of(args.fd);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ args, file, settled: false, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        this.#schedule();
      }
    });
  }

  #schedule(): void {
    const delayUs = this.#disk.options['batch-fsync-delay-usec'];
    if (delayUs <= 0) setImmediate(this.#begin);
    else this.#disk.brick.timer(Math.max(1, Math.round(delayUs / 1000)), false, this.#begin);
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
    background(round, this.#disk.log, 'a round of fsyncs failed');
  };

  async #round(all: WaitingSync[]): Promise<void> {
    const mode = this.#disk.options['batch-fsync-mode'];
    // A failure of the whole file system says nothing of these files: then each is synced by itself.
    const synced = mode.startsWith('syncfs') && (await this.#syncfs(all));
    const alone = synced && mode === 'syncfs' ? 0 : synced && mode === 'syncfs-single-fsync' ? 1 : all.length;
    for (let i = 0; i < all.length; ) {
      const end = Math.min(i + FSYNCS_PER_BATCH, i < alone ? alone : all.length);
      await this.#sync(all.slice(i, end), i < alone);
      i = end;
    }
  }

  /** Syncs the file system of the files. */
  async #syncfs([first]: WaitingSync[]): Promise<boolean> {
    const { file } = defined(first, 'a round has something to sync');
    const b = batch();
    b.syncfs(file.fd);
    await this.#disk.run(b, 0, Priority.low);
    const { errno } = b;
    b.release();
    if (errno !== 0) this.#disk.log.error(0, `${this.#disk.path}: syncing the file system failed`, errno);
    return errno === 0;
  }

  /**
   * One after the other: the first, the last to come, has most of the others' work done with it. sync: false when the files were
   * written back already: of each is only asked what that came to, which syncfs does not tell.
   */
  async #sync(some: WaitingSync[], sync: boolean): Promise<void> {
    const b = batch();
    for (const { args, file } of some) {
      if (!sync) b.syncErrors(file.fd, IGNORE);
      else if (args.datasync) b.fdatasync(file.fd, IGNORE);
      else b.fsync(file.fd, IGNORE);
    }
    await this.#disk.run(b, 0, Priority.low);
    const results = some.map((w, i): [WaitingSync, number] => [w, syncOutcome(w.file, b.result(i), b, -1)]);
    b.release();
    for (const [w, result] of results) this.#settle(w, result);
  }

  #settle(w: WaitingSync, result: number): void {
    if (result < 0) {
      this.#disk.fopFailed(`fsync on ${gfidText(w.args.fd.inode.gfid)} failed`, -result);
      this.#fail(w, failure(result));
      return;
    }
    assert(!w.settled, 'an fsync is answered once');
    w.settled = true;
    w.file.release();
    w.resolve({ pre: NO_IATT, post: NO_IATT, xdata: null });
  }

  #fail(w: WaitingSync, thrown: unknown): void {
    assert(!w.settled, 'an fsync is answered once');
    w.settled = true;
    w.file.release();
    w.reject(thrown);
  }
}
