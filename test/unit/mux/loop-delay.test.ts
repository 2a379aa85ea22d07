/** How late an event loop is gets noticed, once somebody has asked. */
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { latencyOf } from '../../../mux/stats/fop-stats.js';
import { loopDelay } from '../../../mux/stats/loop-delay.js';

t.test('a blocked loop shows', async (t) => {
  t.equal(latencyOf(0, loopDelay.row()).count, 0);
  await pause(350);
  const calm = latencyOf(0, loopDelay.row());
  t.ok(calm.count >= 2, 'it is measured from then on');
  const end = Date.now() + 700;
  while (Date.now() < end);
  await pause(150);
  const { count, sumSec, buckets } = latencyOf(0, loopDelay.row());
  t.ok(count > calm.count);
  t.ok(sumSec - calm.sumSec > 0.5, 'for as long as it was blocked');
  t.ok(buckets.slice(-5).reduce((a, b) => a + b) >= 1, 'in a bucket above half a second');
});
