/** Whether files await healing: how many entries the xattrop index has, as far as that is known. */
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError, nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise, Xdata } from '../../../../mux/xlator/fops.js';
import type { IndexStore } from './index-store.js';

export class PendingCount {
  readonly #store: IndexStore;
  /** Negative: not known. */
  #count = -1;
  #counting: Promise<number> | null = null;

  constructor(store: IndexStore) {
    this.#store = store;
  }

  /** Negative: not known. */
  get value(): number {
    return this.#count;
  }

  async read(): Promise<void> {
    this.#count = await this.#read();
  }

  async #read(): Promise<number> {
    return (await this.#store.linkCount('xattrop').catch(nullOnFailure)) ?? -1;
  }

  /** The first entry after none makes the count unknown, until it is asked for. */
  addedOne(): void {
    if (this.#count === 0) this.#count = -1;
  }
  removedOne(): void {
    if (this.#count > 0 && --this.#count === 0) this.#count = -1;
  }

  /** Puts into a fop's reply, failing ones included, whether the index has entries. */
  async tell<R extends Xdata>(wind: () => MaybePromise<R>): Promise<R> {
    try {
      const r = await wind();
      return { ...r, xdata: await this.#into(r.xdata) };
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      throw new FopError(error.errno, await this.#into(error.xdata), error.postparent);
    }
  }

  async #into(xdata: Dict | null): Promise<Dict> {
    if (this.#count < 0) {
      this.#counting ??= this.#read().finally(() => {
        this.#counting = null;
      });
      this.#count = await this.#counting;
    }
    return (xdata ?? new Dict()).setInt('link-count', this.#count === 0 ? 0 : 1);
  }
}
