/** One fop in progress, with the caller's credentials. Ends when its reply is sent. */
import { assert } from '../../native/assert.js';
import type { Client, Fd, Inode } from './inode.js';

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

export class Call {
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

const NO_GROUPS: readonly number[] = Object.freeze([]);
