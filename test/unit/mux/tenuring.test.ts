/**
 * What comes and goes with each fop must not be kept alive by what came before it. A Map or Set that is changed that often does
 * it: its outgrown tables lead to their successors, and one that a full collection has tenured keeps them all, and what
 * was in them, until the next full collection.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { InFlightFops, type ListedFop } from '../../../mux/brick/in-flight.js';
import { Call } from '../../../mux/xlator/call.js';
import type { Client } from '../../../mux/xlator/inode.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const oldBytes = (): number => getHeapSpaceStatistics().find((s) => s.space_name === 'old_space')!.space_used_size;
const ROUNDS = 100_000;
const UNDER_WAY = 8;
/** One in four of the fops kept would be more. */
const LIMIT = 4 << 20;

t.test('calls that wait', async (t) => {
  const inFlight = new InFlightFops();
  const client = {} as Client;
  const waiting: ListedFop[] = [];
  const one = (): void => {
    const call = new Call(client, 13);
    call.groups = new Array(20).fill(1.5);
    const fop = { call, xid: 1, cameMs: 0, listedAt: -1, slowNumber: 0, report: () => ({}) as never };
    inFlight.list(fop);
    waiting.push(fop);
    if (waiting.length > UNDER_WAY) inFlight.unlist(waiting.shift()!);
  };
  one();
  collect();
  const before = oldBytes();
  for (let i = 0; i < ROUNDS; i++) one();
  t.ok(oldBytes() - before < LIMIT, `old space grew by ${oldBytes() - before} bytes`);
});
