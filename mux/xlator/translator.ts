/** The base class of all translators, and the interface that a brick offers to them. */
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import type { Call } from './call.js';
import type { Dict } from './dict.js';
import type { Flock, FopName, Fops, MaybePromise } from './fops.js';
import type { Gfid } from './gfid.js';
import type { Iatt } from './iatt.js';
import type { Client, Fd, Inode } from './inode.js';

/** Messages to clients that no request asked for (callback program 52743234). */
export type Upcall =
  | { kind: 'inodelk-contention'; inode: Inode; flock: Flock; pid: number; domain: string }
  | { kind: 'entrylk-contention'; inode: Inode; name: string; type: number; pid: number; domain: string }
  | { kind: 'lease-recall'; inode: Inode; leaseType: number }
  | CacheInvalidation;

/** A file that the client may have in a cache has changed. */
export interface CacheInvalidation {
  kind: 'cache-invalidation';
  /** Gfid key of the file. */
  key: string;
  /** UP_* bits: what has changed. */
  flags: number;
  /** How long clients may keep what they have in their caches. */
  expireSec: number;
  /** Attributes of the file and of the directories of its new and old name after the change; NO_IATT where they don't matter. */
  stat: Iatt;
  parent: Iatt;
  oldParent: Iatt;
  xattrs: Dict | null;
}

/** The interface that a brick offers to its translators. */
export interface BrickContext {
  /** The brick's name: its absolute path, as clients and glusterd call it. */
  readonly name: ByteString;
  readonly log: Logger;
  /** Root directory's inode; always known. */
  readonly root: Inode;
  /** Whether a translator of that type is part of the brick. */
  hasLayer(type: string): boolean;
  /** The inode of a gfid (latin1 key) if the table holds it. */
  findInode(key: string): Inode | undefined;
  /** The child that the inode table knows under a name, if any. */
  findChild(parent: Inode, name: string): Inode | undefined;
  /** The inode of a gfid; created if the table has none. */
  adoptInode(gfid: Gfid, mode: number): Inode;
  /** Adds a name that was read from disk to the table, as a lookup does. Returns the inode of that gfid. */
  learnName(parent: Inode, name: string, gfid: Gfid, mode: number): Inode;
  /**
   * The root of the namespace that an inode belongs to; the volume's root where there are none. Looked for on disk if the
   * table does not know it.
   */
  namespaceOf(inode: Inode): MaybePromise<Inode>;
  /** Runs work of the brick itself as a fop in progress: as root, on behalf of nobody. inode: stays in the table until it has ended. */
  byItself<T>(work: (call: Call) => Promise<T>, inode?: Inode): Promise<T>;
  /** The fops of storage/posix, for changes by the brick itself that no other translator may see, refuse or count. */
  readonly storage: Fops;
  /** Sends a callback to one client (all of its connections decide which). */
  upcall(client: Client, message: Upcall): void;
  /**
   * Throws when the volume is protected from changes by this caller: for translators that change files of the brick which no
   * fop reaches the protecting translator for.
   */
  guardChange(call: Call): void;
  /** Takes the whole brick out of service: its disk or identity is gone. Never returns to service by itself. */
  fail(reason: string): void;
  /** The brick lies on the file system with that device number. */
  onDevice(device: number): void;
  /** The brick's disk has stopped answering, or answers again. */
  diskHangs(hangs: boolean): void;
  /** Tells the translators how many blocking calls of the brick may run at a time. */
  limitCalls(limit: number): void;
  /** Starts a timer that is cancelled when the brick ends. Returns the cancel function. */
  timer(delayMs: number, repeat: boolean, run: () => void): () => void;
}

export interface TranslatorInit<O> {
  /** Volume name in the volfile, e.g. "vol-locks". */
  name: string;
  type: string;
  options: O;
  brick: BrickContext;
  /** Index of this translator's state in `ctx` of inodes, fds and clients. */
  slot: number;
}

/** A directory with limits of quota. Numbers are of the whole volume, as far as the brick knows; limits of 0: none. */
export interface LimitedDirectory {
  path: string;
  bytes: number;
  objects: number;
  bytesLimit: number;
  objectsLimit: number;
}

/** Numbers of quota enforcement on a brick. */
export interface QuotaNumbers {
  /** Fops that were refused or cut short. */
  refused: number;
  /** Questions to quotad, and those of them that failed. */
  questions: number;
  failures: number;
  /** Directories with limits that the brick knows, and those next to their limits. */
  limited: number;
  directories: LimitedDirectory[];
}

/** Numbers of the changelog for metrics. */
export interface ChangelogNumbers {
  records: number;
  bytes: number;
  rollovers: number;
  /** Duration of the last rollover. */
  rolloverSec: number;
  /** The disk refuses records. */
  failing: boolean;
  consumers: number;
  /** Age of the oldest event that a consumer has not taken. */
  lagSec: number;
}

/** Numbers that translators report for a brick's metrics. */
export interface LayerNumbers {
  /** Locks of every kind that clients hold, and requests for them that wait. */
  locksHeld: number;
  locksWaiting: number;
  /** Batches of blocking system calls: waiting for a thread, and running. */
  batchesQueued: number;
  batchesRunning: number;
  /** Age in seconds of the oldest system call on the disk, by what it does; 0: none has been running for more than a second. */
  oldestCallSec: { reads: number; changes: number; syncs: number };
  /** Files that wait for healing, as the index of xattrop has them. Null: there is no index, or it has not been counted yet. */
  healBacklog: number | null;
  /** Health checks that have ended, those of them that failed, and when the last good one ended (seconds since the epoch; 0: none yet). */
  healthChecks: number;
  healthFailures: number;
  healthyAtSec: number;
  /** Null: quota is off. */
  quota: QuotaNumbers | null;
  /** Null while changes are not recorded. */
  changelog: ChangelogNumbers | null;
  /** Files whose contents do not match their signatures. Null: bit-rot detection is off. */
  badFiles: number | null;
}

/** Answer to a request of `volume profile` or `volume top`. */
export type ProfileValues = Map<string, string | number | bigint>;

/** A section of a statedump: name and key=value lines. */
export interface DumpSection {
  title: string;
  lines: string[];
  /** The inode that it describes. */
  inode?: Inode;
}

/**
 * A translator implements, as methods, the fops that it changes or watches (a Partial of {@link Fops}); the stack links past it
 * for the others. It passes a fop on by calling `this.next.<fop>(call, args)`: the nearest lower translator that implements and
 * wants the fop.
 */
export abstract class Translator<O = unknown> {
  readonly name: string;
  readonly type: string;
  options: O;
  readonly brick: BrickContext;
  readonly slot: number;
  /** Set by the stack, and set again whenever links change. */
  next!: Fops;

  constructor(init: TranslatorInit<O>) {
    this.name = init.name;
    this.type = init.type;
    this.options = init.options;
    this.brick = init.brick;
    this.slot = init.slot;
  }

  /** Brings the translator up, after the one below. Throws an Error with a message for the log when it can't serve. */
  async init(): Promise<void> {}
  /** New options on a live graph. Throws an Error to refuse them (the old ones stay). */
  async reconfigure(options: O): Promise<void> {
    this.options = options;
  }
  /** The brick ends, its clients are gone: calls that the translator keeps waiting must go on. */
  closing(): void {}
  /** Ends it: no call is in progress any more. */
  async fini(): Promise<void> {}
  /** False links past an implemented fop under the present options. Asked at each (re)linking. */
  wants(_fop: FopName): boolean {
    return true;
  }
  /** The table drops an inode: free its state. */
  forget(_inode: Inode): void {}
  /** The last reference of an fd has gone (RELEASE, disconnect, or the end of an anonymous fd's call). */
  release(_fd: Fd): void {}
  /** As {@link release}, for directories. */
  releasedir(_fd: Fd): void {}
  /** The last connection of a client has gone; its fds are flushed and released right after. */
  clientGone(_client: Client): void {}
  /** Throws when it protects the volume from changes by this caller. */
  guardChange(_call: Call): void {}
  /** How many blocking calls of the brick may run at a time from now on. */
  limitCalls(_limit: number): void {}
  /** The brick sends a callback to a client. */
  upcallSent(_message: Upcall): void {}
  /** Adds its numbers to those of its brick, for metrics. */
  count(_numbers: LayerNumbers): void {}
  /** Answers a request of `volume profile` or `volume top`. Only a translator that counts for them has it. */
  profile?(input: ReadonlyMap<string, string>): ProfileValues;
  /** Raises or lifts a barrier. Throws, or rejects with, a BrickError if it is up, or down, already. Only barriers have it. */
  setBarrier?(enable: boolean): void | Promise<void>;
  /** Sections for a statedump. */
  dump(): DumpSection[] {
    return [];
  }
}
