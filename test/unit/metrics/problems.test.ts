/** What the status page tells as problems. */
import t from 'tap';
import { Frames } from '../../../brickd/metrics/live/frames.js';
import { ofSlow } from '../../../brickd/metrics/live/problems.js';
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { fopByName } from '../../../mux/xlator/fop-table.js';
import { EIO, ENOENT } from '../../../native/errno.js';
import { brick, slowFop, state, worker } from './fake-stats.js';

const LOOKUP = fopByName('lookup').number;

/** The second of two frames, a moment apart, of a brick that `change` has changed meanwhile. */
async function after(change: (b: BrickStats) => void, up = true) {
  const b = brick('/d/one', up);
  b.topClients.push({ ...b.topClients[0]!, uid: 'CTX_ID:2', name: 'batch', peer: '10.0.0.9:1001', file: '/queue' });
  const frames = new Frames();
  frames.next([worker([{ ...b }])], state([b]), 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  change(b);
  const frame = frames.next([worker([b])], state([b]), 0);
  return { frame, detail: frames.detail('/d/one') };
}

t.test('nothing happens', async (t) => {
  t.same((await after(() => {})).frame.problems, []);
});

t.test('a brick that does not serve', async (t) => {
  t.match((await after(() => {}, false)).frame.problems, [{ text: /^\/d\/one: /, brick: '/d/one', part: 'bricks' }]);
});

t.test('a client that hammers, with its file', async (t) => {
  const { frame, detail } = await after((b) => {
    b.hits = b.hits.slice();
    b.hits[LOOKUP] = b.hits[LOOKUP]! + 1000;
    b.topClients = b.topClients.map((c) => ({ ...c, fops: c.fops + (c.uid === 'CTX_ID:2' ? 900 : 100) }));
  });
  t.match(frame.problems, [
    {
      text: /^\/d\/one: client batch \(10.0.0.9:1001\) makes 90 % of its fops, \d+\/s, mostly on \/queue$/,
      part: 'clients',
    },
  ]);
  t.match(detail.clients.find((c) => c.name === 'batch')?.file, '/queue');
});

t.test('failures, but for those of every day', async (t) => {
  const { frame } = await after((b) => {
    b.errors = Float64Array.of(LOOKUP, ENOENT, 5000, LOOKUP, EIO, 100);
  });
  t.match(frame.problems, [{ text: /^\/d\/one: LOOKUP fails with EIO, \d+\/s$/, part: 'fops' }]);
});

t.test('slow fops', async (t) => {
  const { frame, detail } = await after((b) => {
    b.slow = [slowFop('/locked', 'web'), { ...slowFop('/other', 'web'), number: 6, underWay: false, ms: 1100 }];
  });
  t.match(frame.problems, [
    {
      text: '/d/one: slow LK /locked in progress for 4.2 s: 4.20 s for a lock held by client fuse (10.0.0.1:1023), pid 12, owner 01; 1 more',
      brick: '/d/one',
      part: 'slow',
    },
  ]);
  t.match(detail.slow, [
    { path: '/locked', underWay: true, client: 'web' },
    { path: '/other', underWay: false },
  ]);
  t.same(
    ofSlow(
      detail.slow.filter((s) => !s.underWay),
      Date.now() + 3_600_000,
    ),
    [],
    'what is long over is none',
  );
});
