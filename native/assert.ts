/**
 * Assertions of invariants, always on. A failed one is a bug: it takes the brick concerned, or at most its worker, out
 * of service.
 */

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** what: the invariant that does not hold, as a constant text: it must cost nothing where it holds. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(`assertion failed: ${what}`);
}

/** A value that is there by construction. what: why it is. */
export function defined<T>(value: T | null | undefined, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`assertion failed: ${what}`);
  return value;
}
