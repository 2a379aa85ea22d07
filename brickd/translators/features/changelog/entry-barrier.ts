/** Blocks changes of entries while a snapshot is taken, so that it contains none that its journals lack. */
import { assert } from '../../../../native/assert.js';

export class EntryBarrier {
  #up = false;
  #waiting: (() => void)[] = [];

  get up(): boolean {
    return this.#up;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  raise(): void {
    assert(!this.#up && this.#waiting.length === 0, 'a barrier is raised while it is down and holds nothing');
    this.#up = true;
  }

  /** Lets all held fops continue, in order. */
  lift(): void {
    this.#up = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  lifted(): Promise<void> {
    assert(this.#up, 'only a barrier that is up holds changes back');
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
