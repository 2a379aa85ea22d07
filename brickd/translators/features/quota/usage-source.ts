/** Where a brick learns the usage of directories in the whole volume: quotad. Loaded only when quota is on. */
import { failure } from '../../../../mux/xlator/fop-error.js';
import { ENOTCONN } from '../../../../native/errno.js';
import type { TreeUsage } from './quota-xattrs.js';
import type { Quotad } from './quotad.js';

interface Loaded {
  quotad: Quotad;
  release(): void;
}

async function load(): Promise<Loaded> {
  const { acquireQuotad, releaseQuotad } = await import('./quotad.js');
  return { quotad: acquireQuotad(), release: releaseQuotad };
}

export class UsageSource {
  readonly #volume: string;
  #loading: Promise<Loaded> | null = null;
  #ending = false;
  /** Requests to quotad, and those of them that failed. */
  questions = 0;
  failures = 0;

  constructor(volume: string) {
    this.#volume = volume;
  }

  start(): void {
    this.#ending = false;
    this.#loading ??= load();
  }

  /** Nobody waits for answers any longer. */
  end(): void {
    this.#ending = true;
  }

  async stop(): Promise<void> {
    this.#ending = true;
    const loading = this.#loading;
    this.#loading = null;
    if (loading !== null) (await loading).release();
  }

  /** What a directory uses. Fails with a FopError. */
  async usage(gfidKey: string): Promise<TreeUsage> {
    if (this.#loading === null || this.#ending) throw failure(ENOTCONN);
    this.questions++;
    try {
      const { quotad } = await this.#loading;
      return await quotad.usage(this.#volume, gfidKey, () => this.#ending);
    } catch (thrown) {
      this.failures++;
      throw thrown;
    }
  }
}
