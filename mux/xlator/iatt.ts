/**
 * Attributes of an inode (Gluster's iatt), as every fop reports them: the fields of gfx_iattx that mean something on a
 * brick.
 */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../native/linux.js';
import { type Gfid, NULL_GFID } from './gfid.js';

/** Bits by which a setattr says what it sets: GF_SET_ATTR_*. */
export const SetAttr = { mode: 1, uid: 2, gid: 4, atime: 0x10, mtime: 0x20, ctime: 0x40 } as const;

export class Iatt {
  gfid: Gfid = NULL_GFID;
  /** st_dev as makedev gives it. */
  dev = 0;
  /** Full st_mode, type bits included; 0 means that the whole structure is absent. */
  mode = 0;
  /** Links that clients see: the handle's hard link is not counted. */
  nlink = 0;
  uid = 0;
  gid = 0;
  /** Linux encoding, as st_rdev. */
  rdev = 0;
  size = 0;
  blksize = 0;
  /** 512-byte blocks, clipped to the size for regular files. */
  blocks = 0;
  /** Times: seconds since the epoch and nanoseconds. */
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  btime = 0;
  btimeNsec = 0;

  get type(): number {
    return this.mode & S_IFMT;
  }
  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  get isLink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
}

/** The absent structure: all zero. Never written to. */
export const NO_IATT: Iatt = Object.freeze(new Iatt());
