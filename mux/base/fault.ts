/**
 * Handling of bugs: exceptions that are not the failure of a fop. They are logged with their stack and cost the client
 * or brick concerned, as far as that is safe. The thread, which serves other bricks too, goes on.
 */
import { inspect } from 'node:util';
import { AssertionError } from '../../native/assert.js';
import { errnoName } from '../../native/errno.js';
import type { Logger } from './log.js';

/** Failures are thrown without a stack, as objects with an errno. */
function isFailure(thrown: unknown): thrown is { errno: number } {
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return false;
  return typeof (thrown as { errno?: unknown }).errno === 'number';
}

/** A thrown value as text for one log line; an exception with its stack. */
export function describeThrown(thrown: unknown): string {
  if (isFailure(thrown)) return errnoName(thrown.errno);
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : `thrown: ${inspect(thrown)}`;
  return text.replace(/\n\s*/g, ' | ');
}

/** Whether only a bug throws this: errors of the engine, failed assertions, anything that is not an Error. */
export function isProgramFault(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return !isFailure(thrown);
  return (
    thrown instanceof TypeError ||
    thrown instanceof RangeError ||
    thrown instanceof ReferenceError ||
    thrown instanceof AssertionError
  );
}

/** Runs work in the background. what: what failed, for the log line if it rejects. */
export function background(work: Promise<unknown>, log: Logger, what: string): void {
  work.catch((thrown: unknown) => log.error(0, `${what}: ${describeThrown(thrown)}`));
}

/** Runs a callback whose exceptions must not reach the caller: they are logged. */
export function contain(log: Logger, what: string, run: () => void): void {
  try {
    run();
  } catch (thrown) {
    log.error(0, `${what}: ${describeThrown(thrown)}`);
  }
}
