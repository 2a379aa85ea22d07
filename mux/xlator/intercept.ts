/** Gives a translator one method for many fops that it treats alike. */
import { assert } from '../../native/assert.js';
import type { Call } from './call.js';
import type { FopName, Fops, MaybePromise } from './fops.js';
import type { Translator } from './translator.js';

export type FopArgs = { [F in FopName]: Parameters<Fops[F]>[1] };
export type FopReplies = { [F in FopName]: Awaited<ReturnType<Fops[F]>> };

/** A fop as the translator above calls it. */
export type NextFop<F extends FopName> = (call: Call, args: FopArgs[F]) => MaybePromise<FopReplies[F]>;

/** A fop as a method of a translator. */
export type FopMethod<T, F extends FopName> = (this: T, call: Call, args: FopArgs[F]) => MaybePromise<FopReplies[F]>;

/**
 * Gives a translator class the fops of `names`, each by the method that `method` returns for it:
 *
 *   intercept(ReadOnlyTranslator, CHANGING, (name) => function (call, args) {
 *     refuse(call);
 *     return below(this, name)(call, args);
 *   });
 *
 * Its arguments have what all of these fops have. `method` runs once a fop; what it returns becomes the method itself: a call costs no more than one that is written in the class.
 */
export function intercept<T extends Translator, N extends FopName>(
  type: { readonly prototype: T },
  names: readonly N[],
  method: (name: N) => FopMethod<T, N>,
): void {
  for (const name of names) {
    assert(!Object.hasOwn(type.prototype, name), 'a translator has one method for a fop');
    Object.defineProperty(type.prototype, name, { value: method(name), writable: true, configurable: true });
  }
}

/** The fop of that name of the translator below. Links are bound: it can be called by itself. */
export const below = <F extends FopName>(translator: Translator, name: F): NextFop<F> =>
  translator.next[name] as unknown as NextFop<F>;

/** The fops that a table has rows for. */
export const fopsIn = <N extends FopName>(table: { readonly [F in N]: unknown }): N[] => Object.keys(table) as N[];
