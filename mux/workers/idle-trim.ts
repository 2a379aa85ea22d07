/**
 * Releases memory of idle threads: inodes of idle bricks, and, once the whole thread is idle, free buffers, garbage and the free
 * pages of the heap.
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
 * Decides when the memory of an idle thread is trimmed: at once, since somebody may look at its memory; and again when the rounds
 * after that have shed all inodes that there were to shed.
 */
export class IdleTracker {
  /** Nothing worth a collection has been done since the last one. */
  #trimmed = true;
  #shedding = false;

  /** One round: whether anything was done since the last one, and how many inodes it has shed. Returns whether to trim. */
  round(busy: boolean, shed: number): boolean {
    if (busy) {
      this.#trimmed = false;
      return false;
    }
    const last = this.#shedding && shed === 0;
    this.#shedding = shed > 0;
    if (this.#trimmed && !last) return false;
    this.#trimmed = true;
    return true;
  }
}

function trimMemory(): void {
  trimRegions();
  trimPipes();
  collectGarbage();
  addon.mallocTrim();
}

/** Trims this thread whenever its bricks are idle; they are asked for anew each time. Returns what ends it. */
export function startIdleTrim(bricks: () => readonly Brick[]): () => void {
  const idle = new IdleTracker();
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
    if (idle.round(busy, shed)) trimMemory();
  });
}

/** The same for the main thread, which has no bricks: it is idle when its event loop is. Returns what ends it. */
export function startMainThreadTrim(): () => void {
  const idle = new IdleTracker();
  let before = performance.eventLoopUtilization();
  return ticker.every(PERIOD_SEC, () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    if (idle.round(utilization > QUIET_UTILIZATION, 0)) trimMemory();
  });
}
