/**
 * The time record of a file, `trusted.glusterfs.mdata`: atime, mtime and ctime by the clock of the clients, so that all
 * bricks of a replica report the same. On disk 57 bytes, big-endian, packed: u8 version (1), u64 flags (0), then ctime,
 * mtime, atime, each {u64 seconds, u64 nanoseconds}.
 */

export const MDATA_KEY = 'trusted.glusterfs.mdata';
export const MDATA_BYTES = 57;

const CTIME_AT = 9;
const MTIME_AT = 25;
const ATIME_AT = 41;
const HIGH = 0x100000000;

/** Times in seconds since the epoch and nanoseconds. */
export class Mdata {
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;

  /** A record with all three times the same. */
  static at(sec: number, nsec: number): Mdata {
    const m = new Mdata();
    m.atime = m.mtime = m.ctime = sec;
    m.atimeNsec = m.mtimeNsec = m.ctimeNsec = nsec;
    return m;
  }

  copy(): Mdata {
    const m = new Mdata();
    m.atime = this.atime;
    m.atimeNsec = this.atimeNsec;
    m.mtime = this.mtime;
    m.mtimeNsec = this.mtimeNsec;
    m.ctime = this.ctime;
    m.ctimeNsec = this.ctimeNsec;
    return m;
  }

  equals(o: Mdata): boolean {
    return (
      this.ctime === o.ctime &&
      this.ctimeNsec === o.ctimeNsec &&
      this.mtime === o.mtime &&
      this.mtimeNsec === o.mtimeNsec &&
      this.atime === o.atime &&
      this.atimeNsec === o.atimeNsec
    );
  }

  raiseAtime(sec: number, nsec: number): void {
    if (later(sec, nsec, this.atime, this.atimeNsec)) {
      this.atime = sec;
      this.atimeNsec = nsec;
    }
  }
  raiseMtime(sec: number, nsec: number): void {
    if (later(sec, nsec, this.mtime, this.mtimeNsec)) {
      this.mtime = sec;
      this.mtimeNsec = nsec;
    }
  }
  raiseCtime(sec: number, nsec: number): void {
    if (later(sec, nsec, this.ctime, this.ctimeNsec)) {
      this.ctime = sec;
      this.ctimeNsec = nsec;
    }
  }
  /** Each time becomes the later of both records'. */
  raise(o: Mdata): void {
    this.raiseAtime(o.atime, o.atimeNsec);
    this.raiseMtime(o.mtime, o.mtimeNsec);
    this.raiseCtime(o.ctime, o.ctimeNsec);
  }
}

function later(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}

function seconds(b: Buffer, at: number): number {
  return b.readInt32BE(at) * HIGH + b.readUInt32BE(at + 4);
}

/** The record in `length` bytes at `at`; null when they are too few to be one. */
export function decodeMdata(b: Buffer, at: number, length: number): Mdata | null {
  if (length < MDATA_BYTES) return null;
  const m = new Mdata();
  m.ctime = seconds(b, at + CTIME_AT);
  m.ctimeNsec = b.readUInt32BE(at + CTIME_AT + 12);
  m.mtime = seconds(b, at + MTIME_AT);
  m.mtimeNsec = b.readUInt32BE(at + MTIME_AT + 12);
  m.atime = seconds(b, at + ATIME_AT);
  m.atimeNsec = b.readUInt32BE(at + ATIME_AT + 12);
  return m;
}

function put(b: Buffer, at: number, sec: number, nsec: number): void {
  b.writeInt32BE(Math.floor(sec / HIGH), at);
  b.writeUInt32BE(sec >>> 0, at + 4);
  b.writeUInt32BE(0, at + 8);
  b.writeUInt32BE(nsec >>> 0, at + 12);
}

const scratch = Buffer.alloc(MDATA_BYTES);
scratch[0] = 1;

/** The record's bytes, in a buffer that the next call overwrites. */
export function encodeMdata(m: Mdata): Buffer {
  put(scratch, CTIME_AT, m.ctime, m.ctimeNsec);
  put(scratch, MTIME_AT, m.mtime, m.mtimeNsec);
  put(scratch, ATIME_AT, m.atime, m.atimeNsec);
  return scratch;
}
