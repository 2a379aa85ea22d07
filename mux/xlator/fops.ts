/**
 * The interface of all fops between translators: arguments and replies. A fop returns its reply, or a promise of it; it
 * fails by throwing a FopError. The structures of the wire are in mux/wire; handlers (mux/fops) convert.
 */
import type { Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import type { Call } from './call.js';
import type { Dict } from './dict.js';
import type { Gfid } from './gfid.js';
import type { Iatt } from './iatt.js';
import type { Fd, Inode, Loc } from './inode.js';

export type MaybePromise<T> = T | Promise<T>;

export interface Xdata {
  xdata: Dict | null;
}
export interface LocArgs extends Xdata {
  loc: Loc;
}
/** Arguments of fops by inode: `loc.inode` is set. */
export interface InodeArgs extends Xdata {
  inode: Inode;
}
export interface FdArgs extends Xdata {
  fd: Fd;
}

export interface LookupArgs extends LocArgs {
  /** gfid to look up when there is no name (nameless lookup); else null. */
  gfid: Gfid | null;
}
export interface MknodArgs extends LocArgs {
  mode: number;
  /** Linux encoding. */
  rdev: number;
  umask: number;
}
export interface MkdirArgs extends LocArgs {
  mode: number;
  umask: number;
}
export interface UnlinkArgs extends LocArgs {
  xflags: number;
}
export interface RmdirArgs extends LocArgs {
  flags: number;
}
export interface SymlinkArgs extends LocArgs {
  target: string;
  umask: number;
}
export interface RenameArgs extends Xdata {
  oldLoc: Loc;
  newLoc: Loc;
}
export interface LinkArgs extends Xdata {
  inode: Inode;
  newLoc: Loc;
}
export interface CreateArgs extends LocArgs {
  flags: number;
  mode: number;
  umask: number;
  /** The fd to open: made by the server, bound to an inode once the reply names it. */
  pid: number;
  /**
   * Told that the name exists, before the file is opened or cut: its attributes and its access ACL (binary; null: none). Throws to refuse.
   * A layer that checks permissions sets it, and calls the one that it was given; without, an existing file is opened for whoever may
   * make entries.
   */
  admit?: (stat: Iatt, acl: Uint8Array | null) => void;
}
export interface OpenArgs extends InodeArgs {
  fd: Fd;
  flags: number;
}
export interface OpendirArgs extends InodeArgs {
  fd: Fd;
}
export interface ReadlinkArgs extends InodeArgs {
  size: number;
}
export interface TruncateArgs extends InodeArgs {
  offset: number;
}
export interface FtruncateArgs extends FdArgs {
  offset: number;
}
export interface ReadArgs extends FdArgs {
  offset: number;
  size: number;
  flags: number;
  /** A layer above works on the bytes: the reply holds no pipe. */
  inMemory?: boolean;
}
export interface WriteArgs extends FdArgs {
  offset: number;
  size: number;
  flags: number;
  /** The data: bytes [start, start + size) of a region that stays valid until the fop has settled. */
  region: Region;
  start: number;
}
export interface FsyncArgs extends FdArgs {
  datasync: boolean;
}
export interface SetxattrArgs extends InodeArgs {
  dict: Dict;
  flags: number;
}
export interface FsetxattrArgs extends FdArgs {
  dict: Dict;
  flags: number;
}
/** An empty name asks for all. */
export interface GetxattrArgs extends InodeArgs {
  name: string;
}
export interface FgetxattrArgs extends FdArgs {
  name: string;
}
export type RemovexattrArgs = GetxattrArgs;
export type FremovexattrArgs = FgetxattrArgs;
export interface AccessArgs extends InodeArgs {
  mask: number;
}
export interface SetattrArgs extends InodeArgs {
  stat: Iatt;
  /** Bits of SetAttr (iatt.ts). */
  valid: number;
}
export interface FsetattrArgs extends FdArgs {
  stat: Iatt;
  valid: number;
}
export interface ReaddirArgs extends FdArgs {
  /** Position as an earlier entry gave it; 0n: the start. */
  offset: bigint;
  /** Bytes of reply that the client has room for, counted as Gluster counts entries. */
  size: number;
}
export interface XattropArgs extends InodeArgs {
  op: number;
  dict: Dict;
}
export interface FxattropArgs extends FdArgs {
  op: number;
  dict: Dict;
}
export interface RchecksumArgs extends FdArgs {
  offset: number;
  length: number;
}
export interface FallocateArgs extends FdArgs {
  /** Request flag: non-zero keeps the size. */
  flags: number;
  offset: number;
  length: number;
}
export interface RangeArgs extends FdArgs {
  offset: number;
  length: number;
}
export interface SeekArgs extends FdArgs {
  offset: number;
  /** 0 data, 1 hole. */
  what: number;
}
export interface CopyFileRangeArgs extends Xdata {
  fdIn: Fd;
  offsetIn: number;
  fdOut: Fd;
  offsetOut: number;
  size: number;
  flags: number;
}
export interface IpcArgs extends Xdata {
  op: number;
}
export interface IcreateArgs extends Xdata {
  gfid: Gfid;
  mode: number;
}
export interface NamelinkArgs extends LocArgs {}

/** Lock ranges use all 64 bits. */
export interface Flock {
  /** RDLCK 0, WRLCK 1, UNLCK 2. */
  type: number;
  whence: number;
  start: bigint;
  /** 0n: to the end of the file. */
  len: bigint;
  pid: number;
  /** Byte string. */
  owner: string;
}
/** cmd numbers are the wire's: GETLK 0, SETLK 1, SETLKW 2, RESLK_LCK 3, RESLK_LCKW 4, RESLK_UNLCK 5, GETLK_FD 6. */
export interface LkArgs extends FdArgs {
  cmd: number;
  flock: Flock;
}
export interface InodelkArgs extends InodeArgs {
  domain: string;
  cmd: number;
  flock: Flock;
}
export interface FinodelkArgs extends FdArgs {
  domain: string;
  cmd: number;
  flock: Flock;
}
/** cmd: LOCK 0, UNLOCK 1, LOCK_NB 2; an empty name locks the whole directory. */
export interface EntrylkArgs extends InodeArgs {
  domain: string;
  name: string;
  cmd: number;
  type: number;
}
export interface FentrylkArgs extends FdArgs {
  domain: string;
  name: string;
  cmd: number;
  type: number;
}
export interface LeaseArgs extends InodeArgs {
  cmd: number;
  leaseType: number;
  leaseId: Uint8Array;
  leaseFlags: number;
}
export interface ActiveLock {
  flock: Flock;
  clientUid: string;
  flags: number;
}
export interface SetactivelkArgs extends InodeArgs {
  locks: ActiveLock[];
}

export interface StatReply extends Xdata {
  stat: Iatt;
}
export interface PrePostReply extends Xdata {
  pre: Iatt;
  post: Iatt;
}
export interface LookupReply extends Xdata {
  stat: Iatt;
  postparent: Iatt;
}
/** A new entry: attributes of the file, and of its directory before and after. */
export interface EntryReply extends Xdata {
  stat: Iatt;
  preparent: Iatt;
  postparent: Iatt;
}
export interface CreateReply extends EntryReply {
  /**
   * Binds the open descriptor to the fd that the server has made for the inode in the reply. Called exactly once, either
   * this or {@link abandon} (the client has gone).
   */
  bind(fd: Fd): void;
  abandon(): void;
}
export interface RemoveReply extends Xdata {
  preparent: Iatt;
  postparent: Iatt;
}
export interface RenameReply extends Xdata {
  stat: Iatt;
  preOldParent: Iatt;
  postOldParent: Iatt;
  preNewParent: Iatt;
  postNewParent: Iatt;
}
export interface ReadlinkReply extends Xdata {
  target: string;
  stat: Iatt;
}
export interface ReadReply extends Xdata {
  /** Bytes read: [0, count) of the region, or all of the pipe. */
  count: number;
  /** ENOENT marks the end of the file in a successful reply. */
  errno: number;
  stat: Iatt;
  /** Owned by the holder of the reply, and released after sending. A pipe holds just these bytes. Null when nothing was read. */
  region: Region | Pipe | null;
}
export interface WriteReply extends PrePostReply {
  count: number;
}
export interface DictReply extends Xdata {
  /** op_ret: the size of the value, as Gluster counts it. */
  ret: number;
  dict: Dict | null;
}
export interface StatfsReply extends Xdata {
  bsize: number;
  frsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  favail: number;
  fsid: number;
  flag: number;
  namemax: number;
}
export interface DirEntry {
  name: string;
  ino: bigint;
  /** Position after this entry. */
  offset: bigint;
  /** DT_*. */
  type: number;
  /** readdirp only; NO_IATT when the entry could not be read. */
  stat: Iatt;
  /** readdirp only. */
  dict: Dict | null;
}
export interface ReaddirReply extends Xdata {
  entries: DirEntry[];
  /** ENOENT at the end of the directory, else 0. */
  errno: number;
}
export interface RchecksumReply extends Xdata {
  weak: number;
  /** 32 bytes. */
  strong: Uint8Array;
  /** 1: strong is SHA-256. */
  flags: number;
}
export interface SeekReply extends Xdata {
  offset: number;
}
export interface CopyFileRangeReply extends Xdata {
  count: number;
  stat: Iatt;
  pre: Iatt;
  post: Iatt;
}
export interface LkReply extends Xdata {
  flock: Flock;
}
export interface LeaseReply extends Xdata {
  cmd: number;
  leaseType: number;
  leaseId: Uint8Array;
  leaseFlags: number;
}
export interface GetactivelkReply extends Xdata {
  locks: ActiveLock[];
}

/** Every fop, by Gluster's name. A translator implements those that it changes or watches. */
export interface Fops {
  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply>;
  stat(call: Call, args: InodeArgs): MaybePromise<StatReply>;
  fstat(call: Call, args: FdArgs): MaybePromise<StatReply>;
  readlink(call: Call, args: ReadlinkArgs): MaybePromise<ReadlinkReply>;
  mknod(call: Call, args: MknodArgs): MaybePromise<EntryReply>;
  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply>;
  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply>;
  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply>;
  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply>;
  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply>;
  link(call: Call, args: LinkArgs): MaybePromise<EntryReply>;
  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply>;
  ftruncate(call: Call, args: FtruncateArgs): MaybePromise<PrePostReply>;
  open(call: Call, args: OpenArgs): MaybePromise<Xdata>;
  create(call: Call, args: CreateArgs): MaybePromise<CreateReply>;
  readv(call: Call, args: ReadArgs): MaybePromise<ReadReply>;
  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply>;
  statfs(call: Call, args: InodeArgs): MaybePromise<StatfsReply>;
  flush(call: Call, args: FdArgs): MaybePromise<Xdata>;
  fsync(call: Call, args: FsyncArgs): MaybePromise<PrePostReply>;
  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata>;
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata>;
  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply>;
  fgetxattr(call: Call, args: FgetxattrArgs): MaybePromise<DictReply>;
  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata>;
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata>;
  opendir(call: Call, args: OpendirArgs): MaybePromise<Xdata>;
  fsyncdir(call: Call, args: FsyncArgs): MaybePromise<Xdata>;
  access(call: Call, args: AccessArgs): MaybePromise<AccessReply>;
  lk(call: Call, args: LkArgs): MaybePromise<LkReply>;
  inodelk(call: Call, args: InodelkArgs): MaybePromise<Xdata>;
  finodelk(call: Call, args: FinodelkArgs): MaybePromise<Xdata>;
  entrylk(call: Call, args: EntrylkArgs): MaybePromise<Xdata>;
  fentrylk(call: Call, args: FentrylkArgs): MaybePromise<Xdata>;
  readdir(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply>;
  readdirp(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply>;
  xattrop(call: Call, args: XattropArgs): MaybePromise<DictReply>;
  fxattrop(call: Call, args: FxattropArgs): MaybePromise<DictReply>;
  rchecksum(call: Call, args: RchecksumArgs): MaybePromise<RchecksumReply>;
  setattr(call: Call, args: SetattrArgs): MaybePromise<PrePostReply>;
  fsetattr(call: Call, args: FsetattrArgs): MaybePromise<PrePostReply>;
  fallocate(call: Call, args: FallocateArgs): MaybePromise<PrePostReply>;
  discard(call: Call, args: RangeArgs): MaybePromise<PrePostReply>;
  zerofill(call: Call, args: RangeArgs): MaybePromise<PrePostReply>;
  ipc(call: Call, args: IpcArgs): MaybePromise<Xdata>;
  seek(call: Call, args: SeekArgs): MaybePromise<SeekReply>;
  lease(call: Call, args: LeaseArgs): MaybePromise<LeaseReply>;
  getactivelk(call: Call, args: InodeArgs): MaybePromise<GetactivelkReply>;
  setactivelk(call: Call, args: SetactivelkArgs): MaybePromise<Xdata>;
  icreate(call: Call, args: IcreateArgs): MaybePromise<StatReply>;
  namelink(call: Call, args: NamelinkArgs): MaybePromise<RemoveReply>;
  copyFileRange(call: Call, args: CopyFileRangeArgs): MaybePromise<CopyFileRangeReply>;
}

export interface AccessReply extends Xdata {
  /** Usually 0; gNFS callers get the permitted bits here in a successful reply. */
  errno: number;
}

export type FopName = keyof Fops;
