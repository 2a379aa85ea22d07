/** Statistics of one open file, logged when it is closed while the option `dump-fd-stats` is on. */

import type { Logger } from '../../../../mux/base/log.js';
import type { Fd } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { add } from './cells.js';
import { BUCKETS, log2 } from './counters.js';

export class FdStats {
  readonly #openedAt = performance.now();
  #read = 0;
  #written = 0;
  readonly #reads = new Float64Array(BUCKETS);
  readonly #writes = new Float64Array(BUCKETS);

  read(bytes: number): void {
    this.#read += bytes;
    add(this.#reads, log2(bytes), 1);
  }
  wrote(bytes: number): void {
    this.#written += bytes;
    add(this.#writes, log2(bytes), 1);
  }

  /** The lines of the log. */
  lines(fd: Fd): string[] {
    const lines = ['--- fd stats ---', `      Filename : ${pathOf(fd.inode)}`];
    lines.push(`      Lifetime : ${((performance.now() - this.#openedAt) / 1000).toFixed(6)} secs`);
    if (this.#read > 0) lines.push(`     BytesRead : ${this.#read} bytes`);
    if (this.#written > 0) lines.push(`  BytesWritten : ${this.#written} bytes`);
    const size = (k: number): string => `${String(2 ** k).padStart(6, '0')}b+ :`;
    for (const [k, n] of this.#reads.entries()) if (n > 0) lines.push(` Read ${size(k)}${n}`);
    for (const [k, n] of this.#writes.entries()) if (n > 0) lines.push(`Write ${size(k)}${n}`);
    return lines;
  }

  log(fd: Fd, log: Logger): void {
    for (const line of this.lines(fd)) log.info(0, line);
  }
}
