/**
 * What a file's xattr `trusted.reten_state` says: `<bits>/<retention>/<auto-commit>`, bits 1 WORM, 2 retained, 4 legal hold,
 * 8 enterprise mode, the periods in seconds. When the retention ends is not in it: that is the file's access time.
 */

export interface Retention {
  worm: boolean;
  /** Neither changed nor removed before the file's access time has come. */
  retained: boolean;
  legalHold: boolean;
  /** The end of the retention may be put off, but not brought forward. */
  enterprise: boolean;
  periodSec: number;
  autoCommitSec: number;
}

const Bit = { worm: 1, retained: 2, legalHold: 4, enterprise: 8 } as const;

/** Null for an invalid text. */
export function parseRetention(text: string): Retention | null {
  const match = /^(\d{1,9})\/(-?\d{1,15})\/(-?\d{1,15})$/.exec(text);
  if (match === null) return null;
  const bits = Number(match[1]);
  return {
    worm: (bits & Bit.worm) !== 0,
    retained: (bits & Bit.retained) !== 0,
    legalHold: (bits & Bit.legalHold) !== 0,
    enterprise: (bits & Bit.enterprise) !== 0,
    periodSec: Number(match[2]),
    autoCommitSec: Number(match[3]),
  };
}

export function retentionText(r: Retention): string {
  let bits = 0;
  if (r.worm) bits |= Bit.worm;
  if (r.retained) bits |= Bit.retained;
  if (r.legalHold) bits |= Bit.legalHold;
  if (r.enterprise) bits |= Bit.enterprise;
  return `${bits}/${r.periodSec}/${r.autoCommitSec}`;
}
