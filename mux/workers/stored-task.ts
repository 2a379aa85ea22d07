/**
 * The last task of a brick, kept for a restart of its worker. The volfile is compressed, because there may be a
 * thousand tasks that are never needed.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { BrickTask } from './worker-protocol.js';

export class StoredTask {
  readonly #rest: Omit<BrickTask, 'volfile'>;
  readonly #packed: Buffer;

  constructor(task: BrickTask) {
    const { volfile, ...rest } = task;
    this.#rest = rest;
    this.#packed = deflateRawSync(Buffer.from(volfile, 'latin1'));
  }

  get task(): BrickTask {
    return { ...this.#rest, volfile: inflateRawSync(this.#packed).latin1Slice() };
  }
}
