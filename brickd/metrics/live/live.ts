/**
 * The status page's data as a stream (server-sent events). One collector serves all viewers and runs only while there
 * are any. Every viewer gets the event `frame` and, for the brick that it has selected, the event `detail`.
 */
import type { ServerResponse } from 'node:http';
import { background, describeThrown } from '../../../mux/base/fault.js';
import { loggerFor } from '../../../mux/base/log.js';
import type { StatsSource } from '../families/registry.js';
import { Frames } from './frames.js';

const log = loggerFor('metrics');
/** Who comes later is turned away. */
export const MOST_VIEWERS = 32;
const PERIOD_MS = 1000;
/** Gathering takes no more than this share of the time: with very many bricks frames come less often. */
const SHARE = 0.1;
/** A viewer that is further behind than this gets no more until it has caught up. */
const BEHIND_BYTES = 1 << 20;
/** After how long the browser is to try again when the stream has ended. */
const RETRY_MS = 2000;

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

export class Live {
  readonly #source: StatsSource;
  readonly #viewers = new Map<ServerResponse, string>();
  #frames = new Frames();
  #timer: NodeJS.Timeout | undefined;
  #gathering = false;

  constructor(source: StatsSource) {
    this.#source = source;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Streams to one more viewer until it goes. brick: the one to tell more of, '' for all. False if there are too many already. */
  add(response: ServerResponse, brick: string): boolean {
    if (this.#viewers.size >= MOST_VIEWERS) return false;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies are not to gather it up.
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#viewers.set(response, brick);
    response.on('close', () => this.#remove(response));
    if (this.#viewers.size === 1) {
      this.#frames = new Frames();
      this.#next(0);
    }
    return true;
  }

  #remove(response: ServerResponse): void {
    this.#viewers.delete(response);
    if (this.#viewers.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #next(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => background(this.#gather(), log, 'status page'), ms);
    this.#timer.unref();
  }

  async #gather(): Promise<void> {
    // The one under way for viewers that have gone serves those that have come since.
    if (this.#gathering) return;
    this.#gathering = true;
    const start = performance.now();
    try {
      const workers = await this.#source.stats();
      const frame = this.#frames.next(workers, this.#source.state(), (performance.now() - start) / 1000);
      this.#send(event('frame', frame));
    } catch (error) {
      log.warning(0, `status page: ${describeThrown(error)}`);
    } finally {
      this.#gathering = false;
      const took = performance.now() - start;
      if (this.#viewers.size > 0) this.#next(Math.max(PERIOD_MS - took, took / SHARE - took, 0));
    }
  }

  #send(frame: string): void {
    const details = new Map<string, string>();
    for (const [response, brick] of this.#viewers) {
      if (response.writableLength > BEHIND_BYTES) continue;
      let detail = details.get(brick);
      if (detail === undefined) details.set(brick, (detail = event('detail', this.#frames.detail(brick))));
      response.write(frame + detail);
    }
  }
}
