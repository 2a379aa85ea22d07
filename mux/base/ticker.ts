/**
 * Shared periodic timers (periods of seconds) of a thread: one event-loop timer for all of them, with the callbacks of
 * one period spread evenly over it. A thousand health checks must not wake the thread a thousand times, nor hit the
 * disks all at once.
 */

import { assert, defined } from '../../native/assert.js';
import { contain } from './fault.js';
import { loggerFor } from './log.js';

const log = loggerFor('ticker');

interface Recurring {
  readonly run: () => void;
}
type Slot = Set<Recurring>;

/** The callbacks of one period, in seconds: slot k has those that run in seconds that are k modulo the period. */
class Wheel {
  readonly period: number;
  readonly #slots: readonly Slot[];
  count = 0;

  constructor(period: number) {
    this.period = period;
    this.#slots = Array.from({ length: period }, () => new Set<Recurring>());
  }

  /** The callbacks of a second. */
  at(second: number): Slot {
    return defined(this.#slots[second % this.period], 'a wheel has a slot for every second');
  }
}

export class Ticker {
  readonly #wheels = new Map<number, Wheel>();
  readonly #seconds: () => number;
  #timer: NodeJS.Timeout | null = null;
  /** The second up to which everything has run. */
  #done = 0;

  /** seconds: a clock that never goes back. */
  constructor(seconds: () => number = () => Math.floor(performance.now() / 1000)) {
    this.#seconds = seconds;
  }

  /**
   * Runs `run` every `period` seconds, for the first time after one period at most: earlier where that spreads the load
   * better. Returns what ends it.
   */
  every(period: number, run: () => void): () => void {
    let wheel = this.#wheels.get(period);
    if (wheel === undefined) {
      wheel = new Wheel(period);
      this.#wheels.set(period, wheel);
    }
    const entry = { run };
    const slot = this.#emptiest(wheel);
    slot.add(entry);
    wheel.count++;
    this.#start();
    const own = wheel;
    return () => {
      if (!slot.delete(entry)) return;
      own.count--;
      assert(own.count >= 0, 'a wheel counts what is on it');
      if (own.count === 0) this.#wheels.delete(period);
      if (this.#wheels.size === 0) this.#stop();
    };
  }

  /** The slot with the fewest entries; among equals the one that runs last. */
  #emptiest(wheel: Wheel): Slot {
    const now = this.#seconds();
    let best = wheel.at(now);
    for (let ahead = wheel.period - 1; ahead > 0 && best.size > 0; ahead--) {
      const slot = wheel.at(now + ahead);
      if (slot.size < best.size) best = slot;
    }
    return best;
  }

  #start(): void {
    if (this.#timer !== null) return;
    this.#done = this.#seconds();
    this.#timer = setInterval(() => this.tick(), 1000);
    this.#timer.unref();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Runs the callbacks that have become due since the last time, each once. */
  tick(): void {
    const now = this.#seconds();
    const from = this.#done + 1;
    this.#done = now;
    for (const wheel of [...this.#wheels.values()]) {
      for (let second = Math.max(from, now - wheel.period + 1); second <= now; second++) {
        // Callbacks that a running callback adds wait for the next tick.
        for (const entry of [...wheel.at(second)]) contain(log, 'a timer has failed', entry.run);
      }
    }
  }
}

/** The ticker of this thread. */
export const ticker = new Ticker();
