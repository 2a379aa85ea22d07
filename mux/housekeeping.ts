/**
 * What a worker gives back while nobody needs it: inodes of bricks that have gone quiet, and, once the whole worker has, free
 * buffers, garbage and the free pages of the heap.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { addon } from '../native/addon.js';
import { trimRegions } from '../native/memory.js';
import type { Brick } from './brick.js';
import { ticker } from './ticker.js';

/** Between two rounds; a brick without a fop since the last one is idle. */
const PERIOD_SEC = 10;

/**
 * Collects garbage now. The engine lets a heap grow to a multiple of what lives in it before it does that by itself, and a
 * worker that is idle never gets there; it is also the time when nobody waits for the milliseconds that it takes.
 */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}

/** Starts keeping house for the bricks of this thread; they are asked for anew each time. Returns what ends it. */
export function keepHouse(bricks: () => Iterable<Brick>): () => void {
  let tidy = true;
  return ticker.every(PERIOD_SEC, () => {
    let busy = 0;
    let shed = 0;
    for (const brick of bricks()) {
      if (brick.takeBusy()) busy++;
      else shed += brick.table.shed();
    }
    if (busy > 0 || shed > 0) {
      tidy = false;
      return;
    }
    if (tidy) return;
    tidy = true;
    trimRegions();
    collectGarbage();
    addon.mallocTrim();
  });
}
