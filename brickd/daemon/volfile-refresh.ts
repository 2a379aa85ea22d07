/**
 * Keeps the volfiles of all bricks up to date: on a notice of glusterd every volfile is fetched again, a few at a time,
 * and those that changed are applied. Rounds never overlap; notices that come during a round cause one more. So a burst
 * of them (each volume that starts sends one) does not overload glusterd.
 */
import { event, loggerFor } from '../../mux/base/log.js';
import { pause } from '../glusterd/backoff.js';
import { VolfileRefused } from '../glusterd/management.js';
import { digestOf, type StoredVolfile } from '../glusterd/volfile-store.js';
import { eachLimited } from './brick-serializer.js';

const log = loggerFor('glusterfsd-mgmt');
/** Fetches in progress at once. */
const FETCHES = 8;
/** After a round in which glusterd owed an answer, the next one starts by itself. */
const AGAIN_MS = 30_000;
/** Pause between two rounds at most; it is as long as the round before took. */
const PAUSE_MAX_MS = 5_000;

export interface RefreshSource {
  /** Text of a volfile, asked for with some patience. Rejects with VolfileRefused, or what kept glusterd from answering. */
  fetch(stored: StoredVolfile): Promise<string>;
  /** False: fetching is hopeless, and there will be a notice when that changes. */
  reachable(): boolean;
  /** What is served now. */
  all(): StoredVolfile[];
  /** A text that differs from what is served. Never rejects; not waited for, so that no brick waits for another. */
  apply(stored: StoredVolfile, text: string): void;
}

export class VolfileRefresh {
  readonly #source: RefreshSource;
  #wanted = false;
  #running: Promise<void> | null = null;
  #again: NodeJS.Timeout | undefined;

  constructor(source: RefreshSource) {
    this.#source = source;
  }

  /** Volfiles may have changed. */
  notice(): void {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Resolves when no round is in progress. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      // Notices of one turn are one.
      await Promise.resolve();
      this.#wanted = false;
      const began = performance.now();
      await this.#round();
      if (this.#wanted) await pause(Math.min(performance.now() - began, PAUSE_MAX_MS));
    }
  }

  async #round(): Promise<void> {
    clearTimeout(this.#again);
    let unchanged = 0;
    let owed = 0;
    await eachLimited(this.#source.all(), FETCHES, async (stored) => {
      if (!this.#source.reachable()) {
        owed++;
        return;
      }
      try {
        const text = await this.#source.fetch(stored);
        if (digestOf(text) === stored.digest) unchanged++;
        else this.#source.apply(stored, text);
      } catch (error) {
        if (!(error instanceof VolfileRefused)) owed++;
        const reason = error instanceof Error ? error.message : String(error);
        const { brick, id } = stored;
        log.error(
          0,
          event('fetching the changed volfile failed, the brick continues with the previous one', {
            brick,
            'volfile-id': id,
            reason,
          }),
        );
      }
    });
    if (unchanged > 0)
      log.info(0, event('No change in volfile,continuing', unchanged > 1 ? { volfiles: unchanged } : {}));
    if (owed === 0) return;
    this.#again = setTimeout(() => this.notice(), AGAIN_MS);
    this.#again.unref();
  }
}
