/** Numbers of Linux that this level of the program needs and Node does not name, and the xattr names of the on-disk contract. */
import { constants } from 'node:fs';

export const OpenFlag = {
  rdonly: 0,
  wronly: constants.O_WRONLY,
  rdwr: constants.O_RDWR,
  creat: constants.O_CREAT,
  excl: constants.O_EXCL,
  trunc: constants.O_TRUNC,
  append: constants.O_APPEND,
  direct: constants.O_DIRECT,
  directory: constants.O_DIRECTORY,
  nofollow: constants.O_NOFOLLOW,
  path: 0o10000000,
} as const;

/** RESOLVE_* of openat2. `cached`: EAGAIN instead of waiting for the disk. */
export const Resolve = { noSymlinks: 4, beneath: 8, cached: 0x20 } as const;

export const AT_REMOVEDIR = 0x200;
export const XATTR_CREATE = 1;

export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;

export const GFID_KEY = 'trusted.gfid';
export const VOLUME_ID_KEY = 'trusted.glusterfs.volume-id';
export const GFID2PATH_PREFIX = 'trusted.gfid2path.';
export const PGFID_PREFIX = 'trusted.pgfid.';
export const LINKTO_KEY = 'trusted.glusterfs.dht.linkto';
