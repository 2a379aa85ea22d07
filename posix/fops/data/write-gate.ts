/**
 * Admits, delays or refuses every fop that changes the data of an open file. The checks, in order (each fop selects
 * those it needs):
 *
 *   device      EINVAL: the data of a device is the client machine's
 *   archived    EOPNOTSUPP: cloudsync has the data elsewhere
 *   open file   EINVAL without one, errors of open(2) for an anonymous fd
 *   space       ENOSPC for users of a disk that is down to its reserve
 *   migration   EBUSY for the migration's own writes, once a user has written
 *   times       the file's record must be in memory: the change raises it
 *
 * As a rule nothing of this waits: {@link WriteGate.check} then gives the open file at once, without a promise.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { type Dict, valueBytes } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Fd } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EBUSY, ENODATA, ENOSPC } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { statOf } from '../../disk/descriptors/file-stat.js';
import type { OpenFile } from '../../disk/open-file.js';
import { refuseCloud, refuseDevice } from './data-refusal.js';
import { usesReserve } from './space-check.js';

/** What users may still change when the disk is full. */
export enum WhenFull {
  /** Everything: the fop needs no space. */
  all,
  /** Write over blocks that the file has. */
  overwrite,
  /** Stay within the file's size. */
  withinSize,
  /** Nothing. */
  nothing,
  /** Nothing, and free space is checked at once: the fop allocates it. */
  nothingNow,
}

export interface WriteRules {
  whenFull: WhenFull;
  /** Devices are refused here; others have no open file of one. */
  refusesDevices?: boolean;
  /** Users' writes mark a file that is being migrated. */
  marks?: boolean;
  /** The migration's own writes stay away from a file that is marked. */
  avoidsMarked?: boolean;
}

export class WriteGate {
  readonly #whenFull: WhenFull;
  readonly #refusesDevices: boolean;
  readonly #marks: boolean;
  readonly #avoidsMarked: boolean;

  constructor(rules: WriteRules) {
    this.#whenFull = rules.whenFull;
    this.#refusesDevices = rules.refusesDevices === true;
    this.#marks = rules.marks === true;
    this.#avoidsMarked = rules.avoidsMarked === true;
  }

  /** The open file that may be changed, from `offset` on by `bytes`; the caller releases it. */
  check(
    store: BrickDir,
    call: Call,
    fd: Fd,
    xdata: Dict | null,
    offset: number,
    bytes: number,
  ): MaybePromise<OpenFile> {
    const { inode } = fd;
    if (this.#refusesDevices) refuseDevice(inode);
    refuseCloud(store, xdata);
    const file = store.files.of(fd);
    const looking = this.#takeSpace(store, bytes);
    if (
      file instanceof Promise ||
      looking instanceof Promise ||
      (store.space.full && this.#whenFull !== WhenFull.all) ||
      (xdata !== null && this.#isGuarded(xdata)) ||
      store.mdata.unread(inode)
    ) {
      return this.#hold(store, call, fd, xdata, offset, bytes, file, looking);
    }
    return file;
  }

  #takeSpace(store: BrickDir, bytes: number): MaybePromise<void> {
    if (this.#whenFull === WhenFull.all) return;
    return this.#whenFull === WhenFull.nothingNow ? store.space.look() : store.space.take(bytes);
  }

  #isGuarded(xdata: Dict): boolean {
    return (this.#marks && xdata.has(key.WRITE_PROTECTION)) || (this.#avoidsMarked && xdata.has(key.AVOID_OVERWRITE));
  }

  async #hold(
    store: BrickDir,
    call: Call,
    fd: Fd,
    xdata: Dict | null,
    offset: number,
    bytes: number,
    opening: MaybePromise<OpenFile>,
    looking: MaybePromise<void>,
  ): Promise<OpenFile> {
    const file = await opening;
    try {
      await looking;
      if (store.space.full && !usesReserve(call, xdata) && !(await this.#fits(store, file, offset + bytes))) {
        throw failure(ENOSPC);
      }
      if (this.#whenFull === WhenFull.nothingNow) await store.space.take(bytes);
      if (xdata !== null && this.#isGuarded(xdata)) await this.#guard(store, call, fd, file, xdata);
      await store.mdata.load(fd.inode);
      return file;
    } catch (error) {
      file.release();
      throw error;
    }
  }

  /** Whether a change up to `end` may be made on a full disk. */
  async #fits(store: BrickDir, file: OpenFile, end: number): Promise<boolean> {
    const rule = this.#whenFull;
    if (rule === WhenFull.all) return true;
    if (rule === WhenFull.nothing || rule === WhenFull.nothingNow) return false;
    const { errno, size, blocks, blockSize } = await statOf(store, file);
    if (errno !== 0) throw failure(errno);
    const sparse = blocks * blockSize < size;
    return end <= size && (rule === WhenFull.withinSize || !sparse);
  }

  /**
   * Migration of a file against its users: users' writes mark the file, and the migration's own writes fail with EBUSY once
   * it is marked.
   */
  async #guard(store: BrickDir, call: Call, fd: Fd, file: OpenFile, xdata: Dict): Promise<void> {
    const mark = this.#marks ? xdata.get(key.WRITE_PROTECTION) : undefined;
    const b = batch();
    if (mark !== undefined) b.setxattr(file.fd, null, key.WRITE_PROTECTION, valueBytes(mark) ?? new Uint8Array(0));
    else b.getxattr(file.fd, null, key.WRITE_PROTECTION, 0, 0);
    await store.run(b, fd.inode.lane, store.priority(call, Priority.low), call);
    const r = b.result(0);
    b.release();
    if (mark !== undefined ? r < 0 : r !== -ENODATA) {
      store.fopFailed(`possible overwrite from internal client, gfid=${gfidText(fd.inode.gfid)}`, EBUSY);
      throw failure(EBUSY);
    }
  }
}
