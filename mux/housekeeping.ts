/**
 * What a worker gives back while nobody needs it: inodes of bricks that have gone quiet, and, once the whole worker has, free
 * buffers and the free pages of the heap.
 */
import { addon } from '../native/addon.js';
import { trimRegions } from '../native/memory.js';
import type { Brick } from './brick.js';
import { ticker } from './ticker.js';

/** Between two rounds; a brick without a fop since the last one is idle. */
const PERIOD_SEC = 15;

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
    addon.mallocTrim();
  });
}
