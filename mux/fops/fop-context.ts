/**
 * What handlers need of the brick and of the client that they work for. An interface, because bricks and sessions are
 * in higher layers; a session implements it.
 */
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import type { Fops, MaybePromise } from '../xlator/fops.js';
import type { Gfid } from '../xlator/gfid.js';
import type { Iatt } from '../xlator/iatt.js';
import type { Client, Fd, Inode } from '../xlator/inode.js';

/** The inodes that the brick knows, by gfid and by name: see InodeTable. */
export interface KnownInodes {
  readonly root: Inode;
  /** Whether inodes of the volume belong to namespaces. */
  readonly tracksNamespaces: boolean;
  get(key: string): Inode | undefined;
  child(parent: Inode, name: string): Inode | undefined;
  intern(gfid: Gfid, mode: number): Inode;
  link(parent: Inode, name: string, gfid: Gfid, mode: number): Inode;
  unlink(parent: Inode, name: string): Inode | undefined;
  unlinkAll(inode: Inode): void;
  drop(inode: Inode): void;
  markNamespace(inode: Inode): void;
}

/** The brick's open fds and namespaces. */
export interface FopBrick {
  readonly name: ByteString;
  readonly log: Logger;
  /** Files and directories that clients have open. */
  readonly openFds: number;
  /** An fd now belongs to a client's table. */
  fdOpened(fd: Fd): void;
  /** Ends an fd: every translator releases its state of it. */
  releaseFd(fd: Fd): void;
  namespaceOf(inode: Inode): MaybePromise<Inode>;
}

/** The client that asks: its fd table, and the directory that it has mounted. */
export interface FopClient extends Client {
  readonly openFds: number;
  fd(number: number): Fd | null;
  /** Puts an fd into the lowest free slot; -1 when the table is full. */
  addFd(fd: Fd): number;
  removeFd(number: number): Fd | null;
  /** A client that mounted a subdirectory means that directory when it says root. */
  mapRoot(key: string): string;
  /** And it is shown that directory as the root. */
  showRoot(stat: Iatt): Iatt;
}

export interface FopContext {
  /** Top of the brick's stack. */
  readonly top: Fops;
  readonly table: KnownInodes;
  readonly brick: FopBrick;
  readonly client: FopClient;
}
