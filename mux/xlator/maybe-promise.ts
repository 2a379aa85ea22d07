/** Helpers for values that may be promises. */
import type { MaybePromise } from './fops.js';

/** Applies `next` to a value: at once, or when its promise resolves. */
export function then<A, B>(value: MaybePromise<A>, next: (value: A) => MaybePromise<B>): MaybePromise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs something and applies `done` to its result or `failed` to its exception: at once, or when its promise settles. */
export function attempt<A, B>(
  run: () => MaybePromise<A>,
  done: (value: A) => B,
  failed: (thrown: unknown) => B,
): MaybePromise<B> {
  let value: MaybePromise<A>;
  try {
    value = run();
  } catch (thrown) {
    return failed(thrown);
  }
  return value instanceof Promise ? value.then(done, failed) : done(value);
}
