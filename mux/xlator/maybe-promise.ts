/** Values that may have to be waited for. */
import type { MaybePromise } from './fops.js';

/** Applies `next` to a value, at once when it is there. */
export function then<A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
