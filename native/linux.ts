/**
 * Linux constants by their own names, read from the addon: flags of system calls, mode bits, file system magic numbers.
 * errno values are in native/errno.ts. Flags on the wire are those of x86-64, see mux/fops/open-flags.ts.
 */
import { constant } from './addon.js';

export const O_RDONLY = constant('O_RDONLY');
export const O_WRONLY = constant('O_WRONLY');
export const O_RDWR = constant('O_RDWR');
export const O_ACCMODE = constant('O_ACCMODE');
export const O_CREAT = constant('O_CREAT');
export const O_EXCL = constant('O_EXCL');
export const O_NOCTTY = constant('O_NOCTTY');
export const O_TRUNC = constant('O_TRUNC');
export const O_APPEND = constant('O_APPEND');
export const O_NONBLOCK = constant('O_NONBLOCK');
export const O_DSYNC = constant('O_DSYNC');
/** Includes the bit of O_DSYNC. */
export const O_SYNC = constant('O_SYNC');
export const O_DIRECT = constant('O_DIRECT');
export const O_DIRECTORY = constant('O_DIRECTORY');
export const O_NOFOLLOW = constant('O_NOFOLLOW');
export const O_NOATIME = constant('O_NOATIME');
export const O_PATH = constant('O_PATH');
/** Includes the bit of O_DIRECTORY. */
export const O_TMPFILE = constant('O_TMPFILE');
/** Among the open flags inside the kernel, and on the wire of its clients: the file is opened to be executed. */
export const FMODE_EXEC = constant('FMODE_EXEC');

/** Of openat2. */
export const RESOLVE_NO_SYMLINKS = constant('RESOLVE_NO_SYMLINKS');
export const RESOLVE_BENEATH = constant('RESOLVE_BENEATH');
/** EAGAIN instead of waiting for the disk. */
export const RESOLVE_CACHED = constant('RESOLVE_CACHED');

export const AT_FDCWD = constant('AT_FDCWD');
export const AT_REMOVEDIR = constant('AT_REMOVEDIR');

export const RENAME_NOREPLACE = constant('RENAME_NOREPLACE');

/** EAGAIN instead of waiting for the disk. */
export const RWF_NOWAIT = constant('RWF_NOWAIT');

export const FALLOC_FL_KEEP_SIZE = constant('FALLOC_FL_KEEP_SIZE');
export const FALLOC_FL_PUNCH_HOLE = constant('FALLOC_FL_PUNCH_HOLE');
export const FALLOC_FL_ZERO_RANGE = constant('FALLOC_FL_ZERO_RANGE');

export const SEEK_DATA = constant('SEEK_DATA');
export const SEEK_HOLE = constant('SEEK_HOLE');

export const XATTR_CREATE = constant('XATTR_CREATE');

export const UTIME_OMIT = constant('UTIME_OMIT');

/** Type of a file, in its mode. */
export const S_IFMT = constant('S_IFMT');
export const S_IFSOCK = constant('S_IFSOCK');
export const S_IFLNK = constant('S_IFLNK');
export const S_IFREG = constant('S_IFREG');
export const S_IFBLK = constant('S_IFBLK');
export const S_IFDIR = constant('S_IFDIR');
export const S_IFCHR = constant('S_IFCHR');
export const S_IFIFO = constant('S_IFIFO');

export const S_ISUID = constant('S_ISUID');
export const S_ISGID = constant('S_ISGID');
export const S_ISVTX = constant('S_ISVTX');
export const S_IWGRP = constant('S_IWGRP');
export const S_IWOTH = constant('S_IWOTH');
/** Everybody's right to execute. */
export const S_IXUGO = constant('S_IXUSR') | constant('S_IXGRP') | constant('S_IXOTH');
/** Everybody's rights. */
export const S_IRWXUGO = constant('S_IRWXU') | constant('S_IRWXG') | constant('S_IRWXO');
/** All of a mode but the type: what chmod sets. */
export const S_IALLUGO = S_ISUID | S_ISGID | S_ISVTX | S_IRWXUGO;

/** Type of a directory's entry: of file systems that don't tell, DT_UNKNOWN. */
export const DT_UNKNOWN = constant('DT_UNKNOWN');
export const DT_DIR = constant('DT_DIR');

/** Flag of statvfs: mounted read-only. */
export const ST_RDONLY = constant('ST_RDONLY');

/** f_type of statfs. */
export const XFS_SUPER_MAGIC = constant('XFS_SUPER_MAGIC');
/** ext2 and ext3 as well. */
export const EXT4_SUPER_MAGIC = constant('EXT4_SUPER_MAGIC');
export const BTRFS_SUPER_MAGIC = constant('BTRFS_SUPER_MAGIC');
export const ZFS_SUPER_MAGIC = constant('ZFS_SUPER_MAGIC');
export const F2FS_SUPER_MAGIC = constant('F2FS_SUPER_MAGIC');
export const TMPFS_MAGIC = constant('TMPFS_MAGIC');

export const SOL_SOCKET = constant('SOL_SOCKET');
export const SO_SNDBUF = constant('SO_SNDBUF');
export const SO_RCVBUF = constant('SO_RCVBUF');
export const SO_KEEPALIVE = constant('SO_KEEPALIVE');
export const IPPROTO_TCP = constant('IPPROTO_TCP');
export const TCP_NODELAY = constant('TCP_NODELAY');
export const TCP_KEEPIDLE = constant('TCP_KEEPIDLE');
export const TCP_KEEPINTVL = constant('TCP_KEEPINTVL');
export const TCP_KEEPCNT = constant('TCP_KEEPCNT');
export const TCP_USER_TIMEOUT = constant('TCP_USER_TIMEOUT');
