/**
 * Attributes on the wire: gfx_iattx (4.x, 148 bytes) and gf_iatt (3.x, 100 bytes). Both give `ino` as the last half of the
 * gfid, and device numbers of special files as major << 32 | minor.
 */
import { Iatt, NO_IATT } from '../xlator/iatt.js';
import { custom } from './schema.js';
import { byteAt, copyBytes, getSeconds, getU64, setU64, type XdrReader, type XdrWriter } from './xdr.js';

const IATTX_BYTES = 148;
const IATT3_BYTES = 100;

/**
 * Which fields are valid, as a brick says of its files (IATT_* bits): type, mode, nlink, uid, gid, atime, mtime, ctime,
 * ino, size, blocks, and gfid; not the time of birth.
 */
const STAT_FLAGS = 0x17ff;
/** The same without ino: for entries whose gfid is not known, as ".." of the root. */
const NO_INO_FLAGS = 0x16ff;

const TWO32 = 4294967296;

/** Linux's dev_t from major << 32 | minor. */
function devFromWire(major: number, minor: number): number {
  if (major === 0 && minor === 0) return 0;
  const low = (((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12)) >>> 0;
  const high = (major & 0xfffff000) + (minor >>> 20);
  return high * TWO32 + low;
}

function majorOf(dev: number): number {
  return ((dev >>> 8) & 0xfff) | (Math.floor(dev / TWO32) & 0xfffff000);
}

function minorOf(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00) | ((Math.floor(dev / TWO32) & 0xfff) << 20);
}

/** Nanoseconds stay as they are: those of a setattr may be UTIME_NOW or UTIME_OMIT. */
export function readIattx(r: XdrReader): Iatt {
  const at = r.skip(IATTX_BYTES);
  const v = r.view;
  const stat = new Iatt();
  stat.gfid = copyBytes(r.bytes, at, 16);
  stat.dev = getU64(v, at + 32);
  stat.rdev = devFromWire(v.getUint32(at + 40), v.getUint32(at + 44));
  stat.size = getU64(v, at + 48);
  stat.blocks = getU64(v, at + 56);
  stat.atime = getSeconds(v, at + 80);
  stat.mtime = getSeconds(v, at + 88);
  stat.ctime = getSeconds(v, at + 96);
  stat.btime = getSeconds(v, at + 104);
  stat.atimeNsec = v.getUint32(at + 112);
  stat.mtimeNsec = v.getUint32(at + 116);
  stat.ctimeNsec = v.getUint32(at + 120);
  stat.btimeNsec = v.getUint32(at + 124);
  stat.nlink = v.getUint32(at + 128);
  stat.uid = v.getUint32(at + 132);
  stat.gid = v.getUint32(at + 136);
  stat.blksize = v.getUint32(at + 140);
  stat.mode = v.getUint32(at + 144);
  return stat;
}

export function writeIattx(w: XdrWriter, stat: Iatt): void {
  const at = w.take(IATTX_BYTES);
  const b = w.bytes;
  if (stat === NO_IATT) {
    b.fill(0, at, at + IATTX_BYTES);
    return;
  }
  const v = w.view;
  const gfid = stat.gfid;
  let some = 0;
  for (let i = 0; i < 16; i++) some |= b[at + i] = byteAt(gfid, i);
  v.setUint32(at + 16, 0);
  if (some !== 0 || stat.mode === 0) {
    v.setUint32(at + 20, stat.mode === 0 ? 0 : STAT_FLAGS);
    for (let i = 0; i < 8; i++) b[at + 24 + i] = byteAt(gfid, 8 + i);
  } else {
    v.setUint32(at + 20, NO_INO_FLAGS);
    v.setInt32(at + 24, -1);
    v.setInt32(at + 28, -1);
  }
  setU64(v, at + 32, stat.dev);
  const rdev = stat.rdev;
  v.setUint32(at + 40, rdev === 0 ? 0 : majorOf(rdev));
  v.setUint32(at + 44, rdev === 0 ? 0 : minorOf(rdev));
  setU64(v, at + 48, stat.size);
  setU64(v, at + 56, stat.blocks);
  // Attributes and their mask (chattr): never filled in by bricks.
  v.setFloat64(at + 64, 0);
  v.setFloat64(at + 72, 0);
  setU64(v, at + 80, stat.atime);
  setU64(v, at + 88, stat.mtime);
  setU64(v, at + 96, stat.ctime);
  setU64(v, at + 104, stat.btime);
  v.setUint32(at + 112, stat.atimeNsec);
  v.setUint32(at + 116, stat.mtimeNsec);
  v.setUint32(at + 120, stat.ctimeNsec);
  v.setUint32(at + 124, stat.btimeNsec);
  v.setUint32(at + 128, stat.nlink);
  v.setUint32(at + 132, stat.uid);
  v.setUint32(at + 136, stat.gid);
  v.setUint32(at + 140, stat.blksize);
  v.setUint32(at + 144, stat.mode);
}

function readIatt3(r: XdrReader): Iatt {
  const at = r.skip(IATT3_BYTES);
  const v = r.view;
  const stat = new Iatt();
  stat.gfid = copyBytes(r.bytes, at, 16);
  stat.dev = getU64(v, at + 24);
  stat.mode = v.getUint32(at + 32);
  stat.nlink = v.getUint32(at + 36);
  stat.uid = v.getUint32(at + 40);
  stat.gid = v.getUint32(at + 44);
  stat.rdev = devFromWire(v.getUint32(at + 48), v.getUint32(at + 52));
  stat.size = getU64(v, at + 56);
  stat.blksize = v.getUint32(at + 64);
  stat.blocks = getU64(v, at + 68);
  stat.atime = v.getUint32(at + 76);
  stat.atimeNsec = v.getUint32(at + 80);
  stat.mtime = v.getUint32(at + 84);
  stat.mtimeNsec = v.getUint32(at + 88);
  stat.ctime = v.getUint32(at + 92);
  stat.ctimeNsec = v.getUint32(at + 96);
  return stat;
}

function writeIatt3(w: XdrWriter, stat: Iatt): void {
  const at = w.take(IATT3_BYTES);
  const v = w.view;
  const gfid = stat.gfid;
  w.bytes.set(gfid, at);
  for (let i = 0; i < 8; i++) w.bytes[at + 16 + i] = byteAt(gfid, 8 + i);
  setU64(v, at + 24, stat.dev);
  v.setUint32(at + 32, stat.mode);
  v.setUint32(at + 36, stat.nlink);
  v.setUint32(at + 40, stat.uid);
  v.setUint32(at + 44, stat.gid);
  v.setUint32(at + 48, majorOf(stat.rdev));
  v.setUint32(at + 52, minorOf(stat.rdev));
  setU64(v, at + 56, stat.size);
  v.setUint32(at + 64, stat.blksize);
  setU64(v, at + 68, stat.blocks);
  v.setUint32(at + 76, stat.atime);
  v.setUint32(at + 80, stat.atimeNsec);
  v.setUint32(at + 84, stat.mtime);
  v.setUint32(at + 88, stat.mtimeNsec);
  v.setUint32(at + 92, stat.ctime);
  v.setUint32(at + 96, stat.ctimeNsec);
}

/** gfx_iattx. */
export const iattx = custom(readIattx, writeIattx);
/** gf_iatt: times are 32 bits, there is no time of birth. */
export const iatt3 = custom(readIatt3, writeIatt3);
