/** One client process as a brick knows it: its identity, connections and fd table. */

import type { CallHeader } from '../wire/rpc.js';
import { gfidKey, ROOT_GFID, ROOT_KEY } from '../xlator/gfid.js';
import { Iatt } from '../xlator/iatt.js';
import type { Client, Fd, Inode } from '../xlator/inode.js';
import type { AuthRequest } from './auth.js';
import { ClientMemory } from './client-memory.js';
import { ClientPlace, FileSamples } from './top-clients.js';

let lastId = 0;

export interface ClientIdentity {
  uid: string;
  opVersion: number;
  processName: string;
  peer: string;
  version: string;
  /** Logged in with the volume's generated user and password. */
  trusted: boolean;
  /** Mounted subdirectory ("/dir"), or '' or '/' for the whole volume. */
  subdir: string;
  /** RPC credential of the handshake, as {@link credentialText} has it. */
  credential: string;
  /** Its authorization request, checked again when the rules change. */
  auth: AuthRequest;
}

/** The credential of a request in one comparable text. */
export function credentialText(h: CallHeader): string {
  return JSON.stringify([h.flavor, h.pid, h.uid, h.gid, h.groups, h.lkOwner]);
}

/**
 * What makes two connections those of one client, which share fds, locks and root: all that the handshake proves or claims. The
 * process-uuid alone proves nothing: anybody who saw it in a log can send it. Stock compares it and the RPC credential. Its clients
 * send a new process-uuid with each connection, so they never share.
 */
export function clientKey(identity: ClientIdentity): string {
  const { uid, credential, trusted, subdir, auth } = identity;
  return JSON.stringify([uid, credential, auth.peerAddress, trusted, auth.username ?? null, auth.tlsName, subdir]);
}

/** Upper bound of one client's fd table: numbers stay small integers, and a leaking client is stopped. */
const MAX_FDS = 1 << 20;

export class ClientState implements Client {
  readonly id: number;
  /** See {@link clientKey}. */
  readonly key: string;
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
  /** Connections bound to this client, or about to be. When the last one closes, its fds and locks are released. */
  connections = 0;
  /** Resolves when the subdirectory that it mounts has been found; null: it mounts none. */
  mounted: Promise<void> | null = null;
  /** Fops that it has called. */
  fops = 0;
  /** How metrics report it: see top-clients.ts. */
  readonly place = new ClientPlace();
  /** The files that it works on, by samples. */
  readonly files = new FileSamples();
  /** What its requests and connections hold in memory. */
  readonly memory = new ClientMemory();
  readonly #fds: (Fd | null)[] = [];
  #firstFree = 0;
  #openFds = 0;

  constructor(identity: ClientIdentity) {
    this.id = ++lastId;
    this.key = clientKey(identity);
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
  #mount: Inode | null = null;

  /** Sets the directory that this client has mounted as its root. It stays in the table until {@link unmount}: every request may name it. */
  mountAt(directory: Inode): void {
    directory.ref();
    this.#mount = directory;
    this.#subdirKey = directory.key;
  }

  /** Releases the mounted directory and returns it; null when there is none. */
  unmount(): Inode | null {
    const directory = this.#mount;
    this.#mount = null;
    if (directory !== null) directory.unref();
    return directory;
  }

  /** A client that mounted a subdirectory means that directory when it says root. */
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

/** The brick itself, as the client of its own calls. */
export class OwnClient implements Client {
  readonly id = ++lastId;
  readonly uid = 'brick';
  readonly opVersion = 100000;
  readonly processName = 'brickd';
  readonly peer = '';
  readonly alive = true;
  readonly ctx: unknown[] = [];
  readonly memory = null;
}
