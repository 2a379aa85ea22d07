/** Bits of a cache invalidation: what has changed (UP_* of Gluster, libglusterfs/src/glusterfs/upcall-utils.h). */
export const Up = {
  nlink: 0x1,
  mode: 0x2,
  own: 0x4,
  size: 0x8,
  times: 0x10,
  atime: 0x20,
  perm: 0x40,
  rename: 0x80,
  forget: 0x100,
  parentTimes: 0x200,
  xattr: 0x400,
  xattrRemoved: 0x800,
} as const;

/** Data changed. */
export const UP_WRITE = Up.size | Up.times;
/** Attributes changed. */
export const UP_ATTR = Up.size | Up.times | Up.own | Up.mode | Up.perm;
/** A name of it was made or removed. */
export const UP_NLINK = Up.nlink | Up.times | Up.parentTimes;
/** It has another name now. */
export const UP_RENAME = Up.rename | Up.parentTimes;
