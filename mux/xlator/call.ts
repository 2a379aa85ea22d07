/** One fop in progress, with the caller's credentials. Ends when its reply is sent. */
import { assert } from '../../native/assert.js';
import type { BatchTimes, BatchWaiter } from '../../native/batch-times.js';
import type { Client, Fd, Inode } from './inode.js';
import { addWait, LONG_WAIT_MS, Wait, type Waited, type WaitPlace, waitsOfBatch } from './waits.js';

/** Bits of {@link Call.timeFlags}: which times the client wants set (MDATA_* of Gluster). */
export const TimeFlag = { ctime: 1, mtime: 2, atime: 4, parentCtime: 8, parentMtime: 16, parentAtime: 32 } as const;

/** Process ids by which Gluster's own clients are known (negative: internal). */
export const ClientPid = {
  gsyncd: -1,
  hadoop: -2,
  defrag: -3,
  noRootSquash: -4,
  quotaMount: -5,
  selfHeald: -6,
  glfsHeal: -7,
  bitd: -8,
  scrub: -9,
  tier: -10,
  trash: -11,
  addReplicaMount: -12,
  setUtime: -13,
  quotaHelper: -14,
} as const;

export class Call implements BatchWaiter {
  readonly client: Client;
  /** Wire number of the fop (program 1298437). */
  fop: number;
  uid = 0;
  gid = 0;
  /** The caller's process; negative for Gluster's internal clients. Claimed by the client, never proof of anything. */
  pid = 0;
  /**
   * The caller is root or one of Gluster's own. Squashing takes that from those without a login only: `gluster volume clear-locks` comes
   * as root with a login, and is squashed.
   */
  privileged = true;
  groups: readonly number[] = NO_GROUPS;
  /** Lock owner as a byte string. */
  lkOwner = '';
  timeFlags = 0;
  /** The client's clock at the fop. */
  timeSec = 0;
  timeNsec = 0;
  /** Bytes charged to the client's account until the call ends. */
  #charged = 0;
  #ended = false;

  #inode: Inode | null = null;
  #inodes: Inode[] | null = null;
  #fd: Fd | null = null;
  #fds: Fd[] | null = null;

  /** What it waits for now, and where it has waited for long. */
  #wait: Wait | null = null;
  #batch: (() => BatchTimes) | null = null;
  #waited: Waited[] | null = null;

  constructor(client: Client, fop: number) {
    this.client = client;
    this.fop = fop;
  }

  get charged(): number {
    return this.#charged;
  }

  /** Charges memory that the call holds until its end to its client. */
  charge(bytes: number): void {
    this.#charged += bytes;
    this.client.memory?.take(bytes);
  }

  /** Keeps an inode in the table until the call ends. */
  hold(inode: Inode): void {
    inode.ref();
    inode.touched = true;
    if (this.#inode === null) this.#inode = inode;
    else (this.#inodes ??= []).push(inode);
  }

  /** Keeps an fd (and with it its descriptor) until the call ends. */
  holdFd(fd: Fd): void {
    fd.ref();
    if (this.#fd === null) this.#fd = fd;
    else (this.#fds ??= []).push(fd);
  }

  // --- where its time goes ------------------------------------------------------------------------------------------

  /** It waits until `over` has settled. whom: for whom, as in {@link Wait}. Returns `over`. */
  awaits<R>(place: WaitPlace, whom: () => string, over: Promise<R>): Promise<R> {
    const wait = new Wait(place, whom);
    this.#wait = wait;
    const ended = (): void => {
      if (this.#wait === wait) this.#wait = null;
      const waited = wait.over();
      if (waited !== null) this.noteWait(waited);
    };
    over.then(ended, ended);
    return over;
  }

  waitsForBatch(times: (() => BatchTimes) | null): void {
    this.#batch = times;
  }

  batchTookLong(times: BatchTimes): void {
    for (const wait of waitsOfBatch(times)) this.noteWait(wait);
  }

  /** Keeps a wait that is over, if it was long. */
  noteWait(waited: Waited): void {
    if (waited.ms >= LONG_WAIT_MS) addWait((this.#waited ??= []), waited);
  }

  /** Where it has waited for long until now. */
  longWaits(): Waited[] {
    const waits = (this.#waited ?? []).map((w) => ({ ...w }));
    for (const wait of this.#batch === null ? [] : waitsOfBatch(this.#batch())) addWait(waits, wait);
    if (this.#wait !== null) addWait(waits, this.#wait.now());
    return waits;
  }

  /** The file or directory that it is about, as far as that is known; null once it has ended. */
  get subject(): Inode | null {
    return this.#inode ?? this.#fd?.inode ?? null;
  }

  /** Releases everything held. `released` gets each fd that was closed meanwhile and is no longer in use. */
  end(released: (fd: Fd) => void): void {
    assert(!this.#ended, 'a call ends once');
    this.#ended = true;
    if (this.#charged !== 0) {
      this.client.memory?.give(this.#charged);
      this.#charged = 0;
    }
    if (this.#inode !== null) {
      this.#inode.unref();
      this.#inode = null;
      if (this.#inodes !== null) {
        for (const inode of this.#inodes) inode.unref();
        this.#inodes = null;
      }
    }
    if (this.#fd !== null) {
      const fd = this.#fd;
      this.#fd = null;
      if (fd.unref()) released(fd);
      if (this.#fds !== null) {
        for (const other of this.#fds) if (other.unref()) released(other);
        this.#fds = null;
      }
    }
  }
}

/** Whose fop is being sent down right now: what it hands to the pool in the same turn is waited for by this call. */
export const winding: { call: Call | null } = { call: null };

const NO_GROUPS: readonly number[] = Object.freeze([]);
