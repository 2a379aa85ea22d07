/** Counters of a brick's fops since its start: calls, payload bytes, latencies and errors. */
import type { ByteString } from '../../native/bytes.js';
import { errnoName } from '../../native/errno.js';
import type { Logger } from '../base/log.js';
import { FopStats } from '../stats/fop-stats.js';
import type { Call } from '../xlator/call.js';
import { FailureLog } from '../xlator/failure-log.js';
import { FOP_NUMBERS, type FopEntry } from '../xlator/fop-table.js';

/** The brick that is counted. */
interface TrafficHost {
  readonly name: ByteString;
  readonly log: Logger;
}

export class BrickTraffic {
  readonly #brick: TrafficHost;
  readonly #failureLog = new FailureLog();
  /** Fops since the start, and those of them that failed, by procedure number. */
  readonly hits = new Float64Array(FOP_NUMBERS);
  readonly failures = new Float64Array(FOP_NUMBERS);
  /** Latencies and errors of fops. */
  readonly fopStats = new FopStats();
  /** Payload bytes of reads and writes. */
  bytesRead = 0;
  bytesWritten = 0;

  constructor(brick: TrafficHost) {
    this.#brick = brick;
  }

  /** A fop has arrived. */
  arrived(number: number): void {
    // biome-ignore lint/style/noNonNullAssertion: numbers of fops that are served lie below FOP_NUMBERS
    this.hits[number] = this.hits[number]! + 1;
  }

  /** A fop has ended, that many milliseconds after it came. */
  ended(number: number, ms: number): void {
    this.fopStats.recordLatency(number, ms);
  }

  /** Counts a failed fop, and logs it if it is more than an ordinary error reply. */
  failed(fop: FopEntry, call: Call, errno: number): void {
    // biome-ignore lint/style/noNonNullAssertion: numbers of fops that are served lie below FOP_NUMBERS
    this.failures[fop.number] = this.failures[fop.number]! + 1;
    this.fopStats.recordFailure(fop.number, errno);
    const { name, log } = this.#brick;
    const loud = this.#failureLog.deservesLine(errno);
    if (!loud && log.debugs === false) return;
    const text = `${fop.display} failed [{client=${call.client.uid}}, {error-xlator=${name}}, {errno=${errno}}, {error=${errnoName(errno)}}]`;
    if (loud) log.info(115000, text);
    else log.debug(115000, text);
  }
}
