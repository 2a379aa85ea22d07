/** Open flags on the wire are Linux's of x86-64, whatever the machine. */
import { constants } from 'node:fs';

/** FMODE_EXEC: a kernel client opens a file to execute it. */
export const WIRE_FMODE_EXEC = 0o40;

const PAIRS: readonly (readonly [wire: number, local: number])[] = [
  [0o100, constants.O_CREAT],
  [0o200, constants.O_EXCL],
  [0o400, constants.O_NOCTTY],
  [0o1000, constants.O_TRUNC],
  [0o2000, constants.O_APPEND],
  [0o4000, constants.O_NONBLOCK],
  [0o10000, constants.O_DSYNC],
  [0o4010000, constants.O_SYNC],
  [0o40000, constants.O_DIRECT],
  [0o200000, constants.O_DIRECTORY],
  [0o400000, constants.O_NOFOLLOW],
  [0o1000000, constants.O_NOATIME],
];

const same = PAIRS.every(([wire, local]) => wire === local);

/** Open flags of the wire as this machine has them. */
export function openFlag(wire: number): number {
  if (same) return wire;
  let local = wire & 3;
  for (const [from, to] of PAIRS) if ((wire & from) === from) local |= to;
  return local;
}
