/** A client process as one brick knows it: its connections, its table of open fds, its identity. */

import { type Gfid, gfidKey, ROOT_GFID, ROOT_KEY } from '../posix/contract/gfid.js';
import { Iatt } from '../posix/contract/iatt.js';
import type { Client, Fd } from '../posix/contract/inode.js';
import type { AuthRequest } from './auth.js';
import { ClientPlace } from './client-places.js';

let lastId = 0;

export interface ClientIdentity {
  uid: string;
  opVersion: number;
  processName: string;
  peer: string;
  version: string;
  /** Logged in with the volume's generated user and password. */
  trusted: boolean;
  /** Mounted sub-directory ("/dir"), or '' or '/' for the whole volume. */
  subdir: string;
  /** What it was let in for: asked again when the rules change. */
  auth: AuthRequest;
}

/** Upper bound of one client's fd table: numbers stay small integers, and a leaking client is stopped. */
const MAX_FDS = 1 << 20;

export class ClientState implements Client {
  readonly id: number;
  readonly uid: string;
  readonly opVersion: number;
  readonly processName: string;
  readonly peer: string;
  readonly version: string;
  readonly trusted: boolean;
  readonly subdir: string;
  readonly auth: AuthRequest;
  readonly ctx: unknown[] = [];
  alive = true;
  /** Connections bound to this client: the last one to go takes its fds and locks along. */
  connections = 0;
  /** Fops that it has called. */
  fops = 0;
  /** How the metrics tell of it: see client-places. */
  readonly place = new ClientPlace();
  readonly #fds: (Fd | null)[] = [];
  #firstFree = 0;
  #openFds = 0;

  constructor(identity: ClientIdentity) {
    this.id = ++lastId;
    this.uid = identity.uid;
    this.opVersion = identity.opVersion;
    this.processName = identity.processName;
    this.peer = identity.peer;
    this.version = identity.version;
    this.trusted = identity.trusted;
    this.subdir = identity.subdir;
    this.auth = identity.auth;
  }

  #subdirKey: string | null = null;

  /** Sets the directory that this client has mounted as its root. */
  mountAt(gfid: Gfid): void {
    this.#subdirKey = gfidKey(gfid);
  }

  /** A client that mounted a sub-directory means that directory when it says root. */
  mapRoot(key: string): string {
    return this.#subdirKey !== null && key === ROOT_KEY ? this.#subdirKey : key;
  }

  /** And it is shown that directory as the root. */
  showRoot(stat: Iatt): Iatt {
    if (this.#subdirKey === null || gfidKey(stat.gfid) !== this.#subdirKey) return stat;
    const shown = Object.assign(new Iatt(), stat);
    shown.gfid = ROOT_GFID;
    return shown;
  }

  get openFds(): number {
    return this.#openFds;
  }

  fd(number: number): Fd | null {
    return this.#fds[number] ?? null;
  }

  /** Puts an fd into the lowest free slot; -1 when the table is full. */
  addFd(fd: Fd): number {
    const fds = this.#fds;
    let i = this.#firstFree;
    while (i < fds.length && fds[i] !== null) i++;
    if (i >= MAX_FDS) return -1;
    fds[i] = fd;
    this.#openFds++;
    fd.number = i;
    this.#firstFree = i + 1;
    return i;
  }

  removeFd(number: number): Fd | null {
    const fd = this.#fds[number] ?? null;
    if (fd === null) return null;
    this.#fds[number] = null;
    this.#openFds--;
    if (number < this.#firstFree) this.#firstFree = number;
    return fd;
  }

  /** Every open fd. */
  openFiles(): Fd[] {
    return this.#fds.filter((fd) => fd !== null);
  }

  /** Every open fd, removed from the table. */
  takeFds(): Fd[] {
    const all = this.#fds.filter((fd) => fd !== null);
    this.#fds.length = 0;
    this.#openFds = 0;
    this.#firstFree = 0;
    return all;
  }
}
