/** errno values of Linux, by name: what fops fail with and what goes on the wire unchanged. */
import { constants } from 'node:os';
import { constant } from './addon.js';

const e = constants.errno;

export const EPERM = e.EPERM;
export const ENOENT = e.ENOENT;
export const EINTR = e.EINTR;
export const EIO = e.EIO;
export const ENXIO = e.ENXIO;
export const E2BIG = e.E2BIG;
export const EBADF = e.EBADF;
export const EAGAIN = e.EAGAIN;
export const ENOMEM = e.ENOMEM;
export const EACCES = e.EACCES;
export const EBUSY = e.EBUSY;
export const EEXIST = e.EEXIST;
export const EXDEV = e.EXDEV;
export const ENODEV = e.ENODEV;
export const ENOTDIR = e.ENOTDIR;
export const EISDIR = e.EISDIR;
export const EINVAL = e.EINVAL;
export const EMFILE = e.EMFILE;
export const ENFILE = e.ENFILE;
export const ENOBUFS = e.ENOBUFS;
export const ECONNABORTED = e.ECONNABORTED;
export const EPROTO = e.EPROTO;
export const ETXTBSY = e.ETXTBSY;
export const EFBIG = e.EFBIG;
export const ENOSPC = e.ENOSPC;
export const EROFS = e.EROFS;
export const EMLINK = e.EMLINK;
export const ERANGE = e.ERANGE;
export const EDEADLK = e.EDEADLK;
export const ENAMETOOLONG = e.ENAMETOOLONG;
export const ENOSYS = e.ENOSYS;
export const ENOTEMPTY = e.ENOTEMPTY;
export const ELOOP = e.ELOOP;
export const ENODATA = e.ENODATA;
export const ENOLCK = e.ENOLCK;
export const EOVERFLOW = e.EOVERFLOW;
export const EOPNOTSUPP = e.EOPNOTSUPP;
export const ENOTSUP = e.EOPNOTSUPP;
export const EADDRINUSE = e.EADDRINUSE;
export const ENOTCONN = e.ENOTCONN;
export const ETIMEDOUT = e.ETIMEDOUT;
export const ESTALE = e.ESTALE;
export const EDQUOT = e.EDQUOT;
export const ECANCELED = e.ECANCELED;
/** Not among Node's constants. */
export const EUCLEAN = constant('EUCLEAN');
export const EREMOTE = constant('EREMOTE');

const names = new Map<number, string>(Object.entries(e).map(([name, n]) => [n, name]));

/** Symbolic name of an errno ("ENOENT"), or the number as text. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? String(errno);
}
