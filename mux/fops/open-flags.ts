/** Converts open flags: on the wire they are those of Linux on x86-64, whatever the machine. */
import {
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_SYNC,
  O_TRUNC,
} from '../../native/linux.js';

export const WIRE_O_EXCL = 0o200;

const PAIRS: readonly (readonly [wire: number, local: number])[] = [
  [0o100, O_CREAT],
  [WIRE_O_EXCL, O_EXCL],
  [0o400, O_NOCTTY],
  [0o1000, O_TRUNC],
  [0o2000, O_APPEND],
  [0o4000, O_NONBLOCK],
  [0o10000, O_DSYNC],
  [0o4010000, O_SYNC],
  [0o40000, O_DIRECT],
  [0o200000, O_DIRECTORY],
  [0o400000, O_NOFOLLOW],
  [0o1000000, O_NOATIME],
];

const same = PAIRS.every(([wire, local]) => wire === local);

/** Open flags of the wire as this machine has them. */
export function openFlag(wire: number): number {
  if (same) return wire;
  let local = wire & 3;
  for (const [from, to] of PAIRS) if ((wire & from) === from) local |= to;
  return local;
}
