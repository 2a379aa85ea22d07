/** Timers of a brick's translators, cancelled when the brick ends. */
import { ticker } from '../base/ticker.js';

/** The longest delay of setTimeout: it treats longer ones as 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

export class BrickTimers {
  readonly #cancels = new Set<() => void>();

  /** Runs `callback` after `delayMs`, or at that interval. It must not throw. Returns a function that cancels it. */
  add(delayMs: number, repeat: boolean, callback: () => void): () => void {
    const stop = repeat ? this.#repeating(delayMs, callback) : this.#once(delayMs, () => cancel(), callback);
    const cancel = (): void => {
      stop();
      this.#cancels.delete(cancel);
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  #once(delayMs: number, forget: () => void, callback: () => void): () => void {
    const handle = setTimeout(
      () => {
        forget();
        callback();
      },
      Math.min(delayMs, LONGEST_MS),
    );
    return () => clearTimeout(handle);
  }

  /** Whole seconds are counted by the thread's ticker: all bricks wake it together. */
  #repeating(delayMs: number, callback: () => void): () => void {
    if (delayMs >= 1000) return ticker.every(Math.round(delayMs / 1000), callback);
    const handle = setInterval(callback, delayMs);
    return () => clearInterval(handle);
  }

  cancelAll(): void {
    for (const cancel of [...this.#cancels]) cancel();
  }
}
