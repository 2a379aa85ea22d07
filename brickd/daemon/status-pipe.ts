/** Reports the result of the start to the process that waits for it (launch.ts). */
import { closeSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { STATUS_FD } from './launch.js';

export class StatusPipe {
  #fd: number;

  /** attached: this process was started by a waiting one. */
  constructor(attached: boolean) {
    this.#fd = attached ? STATUS_FD : -1;
  }

  /** True once a status has been given (or nobody waits for one). */
  get released(): boolean {
    return this.#fd < 0;
  }

  /** Releases the waiting process with a status; later calls do nothing. 0: the brick serves. */
  release(status: number): void {
    if (this.#fd < 0) return;
    const int = Buffer.alloc(4);
    if (endianness() === 'LE') int.writeInt32LE(status);
    else int.writeInt32BE(status);
    try {
      writeSync(this.#fd, int);
      closeSync(this.#fd);
    } catch {
      // it no longer waits
    }
    this.#fd = -1;
  }
}
