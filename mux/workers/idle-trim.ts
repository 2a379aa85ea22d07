/**
 * What a thread gives back while nobody needs it: inodes of bricks that have gone quiet, and, once the whole thread has, free
 * buffers, garbage and the free pages of the heap.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { addon } from '../../native/addon.js';
import { trimRegions } from '../../native/memory.js';
import { trimPipes } from '../../native/pipe.js';
import { ticker } from '../base/ticker.js';
import type { Brick } from '../brick/brick.js';

/** Between two rounds; a brick without a fop since the last one is idle. */
const PERIOD_SEC = 10;
/** Share of the time up to which a thread without bricks is at rest: glusterd's questions and a scrape stay below it. */
const QUIET_UTILIZATION = 0.01;

/**
 * Collects garbage now. The engine lets a heap grow to a multiple of what lives in it before it does that by itself, and a
 * worker that is idle never gets there; it is also the time when nobody waits for the milliseconds that it takes.
 */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}

/**
 * When a thread that has come to rest is to be tidied: at once, since somebody may look at its memory; and again when the
 * rounds after that have found all there was to shed.
 */
export class Rest {
  /** What has been done since is not worth a collection. */
  #tidy = true;
  #shedding = false;

  /** One round: whether anything was done since the last one, and how many inodes it has shed. Returns whether to tidy up. */
  round(busy: boolean, shed: number): boolean {
    if (busy) {
      this.#tidy = false;
      return false;
    }
    const last = this.#shedding && shed === 0;
    this.#shedding = shed > 0;
    if (this.#tidy && !last) return false;
    this.#tidy = true;
    return true;
  }
}

function tidyUp(): void {
  trimRegions();
  trimPipes();
  collectGarbage();
  addon.mallocTrim();
}

/** Starts keeping house for the bricks of this thread; they are asked for anew each time. Returns what ends it. */
export function keepHouse(bricks: () => readonly Brick[]): () => void {
  const rest = new Rest();
  let known = 0;
  return ticker.every(PERIOD_SEC, () => {
    const all = bricks();
    // Attaching and detaching leave more garbage than a second of fops.
    let busy = all.length !== known;
    known = all.length;
    let shed = 0;
    for (const brick of all) {
      if (brick.inFlight.takeBusy()) busy = true;
      else shed += brick.table.shed();
    }
    if (rest.round(busy, shed)) tidyUp();
  });
}

/** The same for a thread without bricks: it is at rest when its event loop is. Returns what ends it. */
export function keepQuiet(): () => void {
  const rest = new Rest();
  let before = performance.eventLoopUtilization();
  return ticker.every(PERIOD_SEC, () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (rest.round(utilization > QUIET_UTILIZATION, 0)) tidyUp();
  });
}
