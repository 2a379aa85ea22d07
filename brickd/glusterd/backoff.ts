/** Growing pauses between retries, with jitter, so that hundreds of bricks do not reconnect at the same instant. */

export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #nextMs: number;

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#nextMs = firstMs;
  }

  /** Pause before the next try: between half and the whole of a length that doubles up to the bound. */
  next(): number {
    const length = this.#nextMs;
    this.#nextMs = Math.min(length * 2, this.#maxMs);
    return length / 2 + (Math.random() * length) / 2;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}

/** keepAlive: the process does not end while it waits. */
export const pause = (ms: number, keepAlive = true): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    if (!keepAlive) timer.unref();
  });
