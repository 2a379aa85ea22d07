/** A ring of the last lines of a trace. */

/** However long a volfile wants it: some hundred bytes a line. */
const MAX_HISTORY = 1 << 16;

interface Event {
  timeUs: number;
  text: string;
}

export class History {
  readonly #size: number;
  readonly #events: Event[] = [];
  /** Where the oldest is, once it is full. */
  #oldest = 0;

  constructor(size: number) {
    this.#size = Math.min(Math.max(size, 1), MAX_HISTORY);
  }

  add(timeUs: number, text: string): void {
    if (this.#events.length < this.#size) {
      this.#events.push({ timeUs, text });
      return;
    }
    this.#events[this.#oldest] = { timeUs, text };
    this.#oldest = (this.#oldest + 1) % this.#size;
  }

  /** Oldest first. */
  *events(): Generator<Event> {
    yield* this.#events.slice(this.#oldest);
    yield* this.#events.slice(0, this.#oldest);
  }

  clear(): void {
    this.#events.length = 0;
    this.#oldest = 0;
  }
}
