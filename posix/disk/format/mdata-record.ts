/**
 * The time record of a file, `trusted.glusterfs.mdata`: atime, mtime and ctime by the clock of the clients, so that all
 * bricks of a replica report the same. On disk 57 bytes, big-endian, packed: u8 version (1), u64 flags (0), then ctime,
 * mtime, atime, each {u64 seconds, u64 nanoseconds}.
 */

import { TimeFlag } from '../../../mux/xlator/call.js';
import { nanosecondsInRange, secondsInRange } from '../../../mux/xlator/time-range.js';

export const MDATA_KEY = 'trusted.glusterfs.mdata';
const MDATA_BYTES = 57;

const CTIME_AT = 9;
const MTIME_AT = 25;
const ATIME_AT = 41;
const HIGH = 0x100000000;

/**
 * A time that lies further ahead of the brick's clock comes from a clock that was wrong, or was set by utimes: it must not
 * hide later changes. Less is what clocks of good machines differ by, and a time never goes back by that.
 */
const AHEAD_S = 300;

/** Times in seconds since the epoch and nanoseconds, in the range of contract/time-range. */
export class Mdata {
  atime = 0;
  atimeNsec = 0;
  mtime = 0;
  mtimeNsec = 0;
  ctime = 0;
  ctimeNsec = 0;
  /** In a record that a fop plans: the times that the fop sets (bits of {@link TimeFlag}); the others are as they were. */
  sets = 0;

  /** A record with all three times the same. */
  static at(sec: number, nsec: number): Mdata {
    const m = new Mdata();
    m.atime = m.mtime = m.ctime = sec;
    m.atimeNsec = m.mtimeNsec = m.ctimeNsec = nsec;
    m.sets = TimeFlag.ctime | TimeFlag.mtime | TimeFlag.atime;
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

  /** A fop sets times (bits of {@link TimeFlag}) to its client's clock. None goes back, but for mtime and ctime from well ahead. */
  advance(flags: number, sec: number, nsec: number): void {
    this.sets |= flags;
    if ((flags & TimeFlag.ctime) !== 0) this.#advanceCtime(sec, nsec);
    if ((flags & TimeFlag.mtime) !== 0) this.#advanceMtime(sec, nsec);
    if ((flags & TimeFlag.atime) !== 0) this.#advanceAtime(sec, nsec);
  }
  /** Takes over the times that a fop has set in its planned record. */
  take(planned: Mdata): void {
    const { sets } = planned;
    if ((sets & TimeFlag.ctime) !== 0) this.#advanceCtime(planned.ctime, planned.ctimeNsec);
    if ((sets & TimeFlag.mtime) !== 0) this.#advanceMtime(planned.mtime, planned.mtimeNsec);
    if ((sets & TimeFlag.atime) !== 0) this.#advanceAtime(planned.atime, planned.atimeNsec);
  }

  /** Never back: applications set it ahead on purpose, as WORM does, whose files are retained until it has come. */
  #advanceAtime(sec: number, nsec: number): void {
    if (later(sec, nsec, this.atime, this.atimeNsec)) {
      this.atime = sec;
      this.atimeNsec = nsec;
    }
  }
  #advanceMtime(sec: number, nsec: number): void {
    if (replaces(sec, nsec, this.mtime, this.mtimeNsec)) {
      this.mtime = sec;
      this.mtimeNsec = nsec;
    }
  }
  #advanceCtime(sec: number, nsec: number): void {
    if (replaces(sec, nsec, this.ctime, this.ctimeNsec)) {
      this.ctime = sec;
      this.ctimeNsec = nsec;
    }
  }

  /** Each time becomes the later of both records'. */
  raise(o: Mdata): void {
    if (later(o.atime, o.atimeNsec, this.atime, this.atimeNsec)) {
      this.atime = o.atime;
      this.atimeNsec = o.atimeNsec;
    }
    if (later(o.mtime, o.mtimeNsec, this.mtime, this.mtimeNsec)) {
      this.mtime = o.mtime;
      this.mtimeNsec = o.mtimeNsec;
    }
    if (later(o.ctime, o.ctimeNsec, this.ctime, this.ctimeNsec)) {
      this.ctime = o.ctime;
      this.ctimeNsec = o.ctimeNsec;
    }
  }
}

/** Whether a time of a fop replaces the one that is there. The clock is asked only where the fop's is much earlier. */
function replaces(sec: number, nsec: number, setSec: number, setNsec: number): boolean {
  if (later(sec, nsec, setSec, setNsec)) return true;
  return setSec - sec > AHEAD_S && setSec - Date.now() / 1000 > AHEAD_S;
}

function later(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}

function seconds(b: Buffer, at: number): number {
  return secondsInRange(b.readInt32BE(at) * HIGH + b.readUInt32BE(at + 4));
}

function nanoseconds(b: Buffer, at: number): number {
  return nanosecondsInRange(b.readUInt32BE(at + 12));
}

/** The record in `length` bytes at `at`; null when they are too few to be one. */
export function decodeMdata(b: Buffer, at: number, length: number): Mdata | null {
  if (length < MDATA_BYTES) return null;
  const m = new Mdata();
  m.ctime = seconds(b, at + CTIME_AT);
  m.ctimeNsec = nanoseconds(b, at + CTIME_AT);
  m.mtime = seconds(b, at + MTIME_AT);
  m.mtimeNsec = nanoseconds(b, at + MTIME_AT);
  m.atime = seconds(b, at + ATIME_AT);
  m.atimeNsec = nanoseconds(b, at + ATIME_AT);
  return m;
}

/** Never throws: the caller has already changed the record in memory. */
function put(b: Buffer, at: number, sec: number, nsec: number): void {
  b.writeInt32BE(Math.floor(sec / HIGH) | 0, at);
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
