/** Counts the open files of a brick, and remembers the maximum. */
import { formatTime } from '../../../../mux/base/time-text.js';

export class OpenFileCount {
  current = 0;
  most = 0;
  #mostAt = 0;

  opened(): void {
    if (++this.current <= this.most) return;
    this.most = this.current;
    this.#mostAt = Date.now();
  }

  released(): void {
    this.current--;
  }

  /** The maximum is counted again, from the next file that is opened. */
  clear(): void {
    this.most = 0;
    this.#mostAt = 0;
  }

  /** When the most files were open. */
  get mostTime(): string {
    return this.#mostAt === 0 ? 'N/A' : formatTime(this.#mostAt * 1000, false);
  }
}
