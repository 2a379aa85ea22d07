/**
 * Serializes changes of the same name. Otherwise changes that end together might be recorded in another order than they
 * were made in, and consumers would lose a name that was removed and created again.
 */
import type { Inode } from '../../../../mux/xlator/inode.js';

/** The change of one name, or of two. */
export class NameUse {
  readonly #names: NamesInUse;
  readonly #keys: readonly string[];
  /** Changes of the same names that began earlier; null: there are none. */
  readonly before: Promise<unknown> | null;
  #ended: Promise<void> | null = null;
  #onEnd: (() => void) | null = null;

  constructor(names: NamesInUse, keys: readonly string[], before: Promise<unknown> | null) {
    this.#names = names;
    this.#keys = keys;
    this.before = before;
  }

  /** Resolves when the change is recorded, or was not made. */
  ended(): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      this.#onEnd = resolve;
    });
    return this.#ended;
  }

  end(): void {
    this.#names.forget(this.#keys, this);
    this.#onEnd?.();
  }
}

const keyOf = (parent: Inode | null, name: string): string => `${parent?.lane ?? 0}/${name}`;

export class NamesInUse {
  readonly #last = new Map<string, NameUse>();

  /** Of a change that comes now. It may be made when {@link NameUse.before} has resolved. */
  begin(parent: Inode | null, name: string, otherParent: Inode | null, otherName: string): NameUse {
    const key = keyOf(parent, name);
    const keys = otherName === '' ? [key] : [key, keyOf(otherParent, otherName)];
    let before: Promise<unknown> | null = null;
    for (const one of keys) {
      const earlier = this.#last.get(one);
      if (earlier !== undefined) before = before === null ? earlier.ended() : Promise.all([before, earlier.ended()]);
    }
    const use = new NameUse(this, keys, before);
    for (const one of keys) this.#last.set(one, use);
    return use;
  }

  forget(keys: readonly string[], use: NameUse): void {
    for (const key of keys) if (this.#last.get(key) === use) this.#last.delete(key);
  }
}
