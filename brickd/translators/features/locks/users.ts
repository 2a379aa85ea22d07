/**
 * Who has locks, or waits for them, on an inode: keeps the inode in its table while anyone does, and lets everything of a
 * client be found when it goes.
 */
import type { Client, Inode } from '../../../../posix/contract/inode.js';

export class Users<T> {
  readonly #inode: Inode;
  readonly #slot: number;
  readonly #of: T;
  readonly #all: Set<T>;
  readonly #counts = new Map<Client, number>();

  /** of: what a client's set (at `slot` of its ctx) and the set of all get while there is a user. */
  constructor(inode: Inode, slot: number, of: T, all: Set<T>) {
    this.#inode = inode;
    this.#slot = slot;
    this.#of = of;
    this.#all = all;
  }

  get some(): boolean {
    return this.#counts.size > 0;
  }

  add(client: Client): void {
    const count = this.#counts.get(client);
    if (count !== undefined) {
      this.#counts.set(client, count + 1);
      return;
    }
    if (this.#counts.size === 0) {
      this.#inode.refs++;
      this.#all.add(this.#of);
    }
    this.#counts.set(client, 1);
    ((client.ctx[this.#slot] ??= new Set()) as Set<T>).add(this.#of);
  }

  remove(client: Client): void {
    const count = this.#counts.get(client)!;
    if (count > 1) {
      this.#counts.set(client, count - 1);
      return;
    }
    this.#counts.delete(client);
    (client.ctx[this.#slot] as Set<T>).delete(this.#of);
    if (this.#counts.size === 0) {
      this.#all.delete(this.#of);
      this.#inode.refs--;
    }
  }
}
