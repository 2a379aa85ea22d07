/** Inodes, open files and clients, as translators see them. The tables that hold them are in mux/brick. */
import { assert, defined } from '../../native/assert.js';
import type { Gfid } from './gfid.js';

let lastLane = 0;

export class Inode {
  readonly gfid: Gfid;
  /** Byte string of the gfid: the key of every table. */
  readonly key: string;
  /** S_IFMT bits, 0 while unknown. */
  type = 0;
  /** Order of disk work on this inode: batches of the same lane run in turn (native/batch.ts). Never 0. */
  readonly lane: number;
  /** Translators' own state, by {@link Translator.slot}. */
  readonly ctx: unknown[] = [];
  /** A name by which the inode is known: its last linked dentry. Null parent: the root, or no name known. */
  parent: Inode | null = null;
  name = '';
  /** Further dentries (hard links): null while there is none. */
  aliases: { parent: Inode; name: string }[] | null = null;
  /** Children that are known by name (directories only); null while there is none. */
  children: Map<string, Inode> | null = null;
  /**
   * The root of the namespace that the inode belongs to, as far as it is known: itself, or the nearest directory above that
   * is one, or else the volume's root. Null throughout where the volume has no namespaces. Read it by
   * {@link BrickContext.namespaceOf}.
   */
  namespace: Inode | null = null;
  /** Fds open by clients (anonymous ones not counted). */
  fdCount = 0;
  /** Used since the last sweep of the table. */
  touched = true;
  #refs = 0;

  constructor(gfid: Gfid, key: string) {
    this.gfid = gfid;
    this.key = key;
    lastLane = lastLane >= 0x3fffffff ? 1 : lastLane + 1;
    this.lane = lastLane;
  }

  /** Uses that forbid eviction: calls in progress, open fds, locks. */
  get refs(): number {
    return this.#refs;
  }
  ref(): void {
    this.#refs++;
  }
  unref(): void {
    assert(this.#refs > 0, 'no more uses of an inode end than have begun');
    this.#refs--;
  }

  get isRoot(): boolean {
    return this.key === ROOT;
  }
}

const ROOT = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01';

/** Closed: the client closed it or disconnected; calls in progress may still use it. Released: translators have dropped their state. */
export type FdState = 'open' | 'closed' | 'released';

/** An open file or directory of a client; number -2 on the wire names an anonymous one, which lives for a single call. */
export class Fd {
  readonly inode: Inode;
  /** Open flags as Linux has them. */
  readonly flags: number;
  readonly client: Client;
  readonly pid: number;
  readonly anonymous: boolean;
  /** Index in the client's table (-2: anonymous). */
  number = -2;
  #refs = 0;
  #state: FdState;
  /** Translators' own state, by slot. */
  readonly ctx: unknown[] = [];

  constructor(inode: Inode, flags: number, client: Client, pid: number, anonymous = false) {
    this.inode = inode;
    this.flags = flags;
    this.client = client;
    this.pid = pid;
    this.anonymous = anonymous;
    // Not in the client's table: it ends with its call.
    this.#state = anonymous ? 'closed' : 'open';
  }

  get state(): FdState {
    return this.#state;
  }

  /** Calls in progress that use it: it is released after the last of them. */
  get refs(): number {
    return this.#refs;
  }
  ref(): void {
    assert(this.#state !== 'released', 'no call uses an fd that is released');
    this.#refs++;
  }
  /** A call uses it no longer. True: it was the last one, and the client has closed it: release it. */
  unref(): boolean {
    assert(this.#refs > 0, 'no more uses of an fd end than have begun');
    return --this.#refs === 0 && this.#state === 'closed';
  }

  /** Marks it as removed from the client's fd table. */
  close(): void {
    assert(this.#state === 'open', 'an fd is closed once');
    this.#state = 'closed';
  }

  /** Marks it as released. For the brick only. */
  release(): void {
    assert(this.#state !== 'released' && this.#refs === 0, 'an fd is released once, when no call uses it');
    this.#state = 'released';
  }
}

/** Counts the memory that a client's requests hold; a client over its limit is not read until it holds less. */
export interface MemoryAccount {
  take(bytes: number): void;
  give(bytes: number): void;
}

/** A client process as one brick knows it: all its connections with the same process-uuid. */
export interface Client {
  /** Small number, unique in the process for its lifetime. */
  readonly id: number;
  /** process-uuid of the handshake. */
  readonly uid: string;
  readonly opVersion: number;
  readonly processName: string;
  /** Peer address "ip:port" of its first connection. */
  readonly peer: string;
  /** False once its last connection is gone: no lock may be granted to it any more. */
  readonly alive: boolean;
  /** State of translators, by slot. */
  readonly ctx: unknown[];
  /** Null for clients that are not remote. */
  readonly memory: MemoryAccount | null;
}

/** Where an entry or inode is: what a fop works on. For inode fops only `inode` counts; for entry fops parent and name. */
export interface Loc {
  /** The file; null when it is not known yet (lookup of a new name, creation). */
  inode: Inode | null;
  /** The directory of the entry; null for nameless operations. */
  parent: Inode | null;
  /** Basename as a byte string; '' for nameless operations. */
  name: string;
}

/** The directory of the entry that an entry fop works on. */
export const directoryOf = (loc: Loc): Inode => defined(loc.parent, 'an entry fop names a directory');
