/**
 * Metrics of a process as its settings want them, now and whenever they are read again: they are switched on, moved and switched off
 * while bricks run.
 */
import { textLoggerFor } from '../../mux/base/log.js';
import type { StatsSource } from './families/registry.js';
import { type RunningMetrics, settingsFor, startMetricsOf } from './start.js';

const log = textLoggerFor('metrics');

export class ProcessMetrics {
  readonly #source: StatsSource;
  readonly #option: string | undefined;
  #running: RunningMetrics | undefined;
  /** Settings in force, as text: what has not changed is left alone. */
  #inForce: string | undefined;
  /** Reloads run one after the other. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  /** option: value of --metrics. */
  constructor(source: StatsSource, option: string | undefined) {
    this.#source = source;
    this.#option = option;
  }

  /** Reads the settings and brings them into force. Bad ones leave those in force that are. */
  reload(): Promise<void> {
    this.#last = this.#last.then(() => this.#load());
    return this.#last;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#running?.close();
  }

  async #load(): Promise<void> {
    if (this.#closed) return;
    let wanted = '';
    try {
      wanted = JSON.stringify(await settingsFor(this.#option)) ?? '';
    } catch (error) {
      // The first time the start itself tells of it.
      if (this.#inForce !== undefined) {
        for (const line of (error as Error).message.split('\n')) log.error(0, `metrics stay as they are: ${line}`);
        return;
      }
    }
    if (wanted === this.#inForce) return;
    await this.#running?.close();
    this.#running = this.#closed ? undefined : await startMetricsOf(this.#source, this.#option);
    this.#inForce = wanted;
  }
}
