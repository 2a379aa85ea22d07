/**
 * Limits times to a range that can be computed with, encoded and stored. A client whose clock is far off works like any
 * other.
 */

/** Exact as a number; any file system's own bounds lie far inside. */
const MAX_SECONDS = Number.MAX_SAFE_INTEGER;
const MAX_NANOSECONDS = 999_999_999;

/** Seconds since the epoch, at most {@link MAX_SECONDS} before or after it. */
export function secondsInRange(sec: number): number {
  return sec > MAX_SECONDS ? MAX_SECONDS : sec < -MAX_SECONDS ? -MAX_SECONDS : sec;
}

/** nsec: not negative. */
export function nanosecondsInRange(nsec: number): number {
  return nsec > MAX_NANOSECONDS ? MAX_NANOSECONDS : nsec;
}
