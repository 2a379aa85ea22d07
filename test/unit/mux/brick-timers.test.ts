/** The timers of a brick. */
import t from 'tap';
import { BrickTimers } from '../../../mux/brick/brick-timers.js';
import { pause } from '../../support/until.js';

t.test('a timer runs after its time, once', async (t) => {
  const timers = new BrickTimers();
  let runs = 0;
  timers.add(5, false, () => runs++);
  const cancel = timers.add(5, false, () => (runs += 10));
  cancel();
  await pause(60);
  t.equal(runs, 1);
});

t.test('years are not over at once', async (t) => {
  const timers = new BrickTimers();
  let runs = 0;
  timers.add(3_000_000 * 1000, false, () => runs++);
  await pause(60);
  t.equal(runs, 0);
  timers.cancelAll();
});
