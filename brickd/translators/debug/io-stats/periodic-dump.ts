/**
 * Writes the counters into a file every so many seconds (option `ios-dump-interval`), and what was sampled into another. Each
 * time a new interval begins. Files appear under their names only when they are complete.
 */

import { background, describeThrown } from '../../../../mux/base/fault.js';
import { loggerFor } from '../../../../mux/base/log.js';
import { makeOwnDirectoryLater, PUBLIC_MODE, replaceOwnFileLater } from '../../../../mux/base/own-files.js';
import { Call } from '../../../../mux/xlator/call.js';
import { fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { bytesOfLatin1, bytesOfText } from '../../../../native/bytes.js';
import type { Options } from './options.js';
import { CallerNames, type Samples, sampleLines } from './samples.js';
import type { Statistics } from './statistics.js';
import { statsJson, statsText } from './stats-text.js';

/** Where Gluster keeps them. */
const PLACES = { stats: '/var/lib/glusterd/stats', samples: '/var/log/glusterfs/samples' };

const NOBODY: Client = {
  id: 0,
  uid: 'io-stats',
  opVersion: 0,
  processName: 'io-stats',
  peer: '',
  alive: true,
  ctx: [],
  memory: null,
};

/** The translator whose counters are written. */
interface Counting extends Translator<Options> {
  readonly statistics: Statistics;
  readonly samples: Samples | null;
}

export class PeriodicDump {
  readonly #t: Counting;
  readonly #places: typeof PLACES;
  readonly #hosts = new CallerNames();
  #seconds = 0;
  #cancel: (() => void) | null = null;
  #busy = false;
  /** The last failure, which is logged once. */
  #fault = '';

  constructor(t: Counting, places = PLACES) {
    this.#t = t;
    this.#places = places;
  }

  /** Starts, changes or (0) stops the writing. */
  every(seconds: number): void {
    if (seconds === this.#seconds) return;
    this.stop();
    this.#seconds = seconds;
    if (seconds === 0) return;
    const log = loggerFor(this.#t.name);
    this.#cancel = this.#t.brick.timer(seconds * 1000, true, () =>
      background(this.write(), log, 'could not write the statistics'),
    );
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#seconds = 0;
  }

  /** Writes both files now. Never rejects: what fails is logged. */
  async write(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { options, samples } = this.#t;
      const id = options['unique-id'];
      const name = `glusterfsd_${id.replaceAll('/', '_')}`;
      const format = options['ios-dump-format'];
      if (format === 'json' || format === 'text') {
        await put(this.#places.stats, `${name}.dump`, await this.#stats(id, format));
      }
      const lines = await sampleLines(samples?.take() ?? [], id, this.#hosts, options['ios-dnscache-ttl-sec']);
      await put(this.#places.samples, `${name}.samp`, lines);
      this.#fault = '';
    } catch (error) {
      const fault =
        (error as NodeJS.ErrnoException).code === undefined ? describeThrown(error) : (error as Error).message;
      if (fault !== this.#fault) loggerFor(this.#t.name).error(0, `could not write the statistics: ${fault}`);
      this.#fault = fault;
    } finally {
      this.#busy = false;
    }
  }

  async #stats(id: string, format: 'json' | 'text'): Promise<string> {
    const { statistics } = this.#t;
    const queues = format === 'json' ? await this.#queues() : [];
    const text = [-1, statistics.increment].map((interval) => {
      const block = { counters: interval === -1 ? statistics.cumulative : statistics.interval, interval };
      return format === 'json' ? statsJson(statistics, id, queues, block) : statsText(statistics, block);
    });
    statistics.nextInterval();
    return text.join('');
  }

  /** What io-threads says of its queues. */
  async #queues(): Promise<[string, number][]> {
    const inode = this.#t.brick.root;
    const call = new Call(NOBODY, 0);
    try {
      const { dict } = await this.#t.next.getxattr(call, { inode, name: 'io-thread-queue-size', xdata: null });
      return [...(dict?.map.keys() ?? [])].map((key) => [key, dict?.number(key) ?? 0]);
    } catch (thrown) {
      fopErrorOf(thrown);
      return []; // No io-threads in this brick.
    }
  }
}

async function put(directory: string, name: string, text: string): Promise<void> {
  await makeOwnDirectoryLater(bytesOfText(directory));
  await replaceOwnFileLater(bytesOfLatin1(`${bytesOfText(directory)}/${name}`), bytesOfLatin1(text), PUBLIC_MODE);
}
