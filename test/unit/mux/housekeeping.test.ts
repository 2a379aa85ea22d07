import t from 'tap';
import { IdleTracker } from '../../../mux/workers/idle-trim.js';

t.test('a thread that comes to rest is tidied in the first quiet round, and once', async (t) => {
  const idle = new IdleTracker();
  const rounds: [boolean, number][] = [
    [false, 0],
    [true, 0],
    [true, 0],
    [false, 0],
    [false, 0],
    [true, 0],
    [false, 0],
  ];
  t.same(
    rounds.map(([busy, shed]) => idle.round(busy, shed)),
    [false, false, false, true, false, false, true],
  );
});

t.test('what it sheds later is collected when nothing more comes', async (t) => {
  const idle = new IdleTracker();
  const rounds: [boolean, number][] = [
    [true, 0],
    [false, 4096],
    [false, 4096],
    [false, 10],
    [false, 0],
    [false, 0],
  ];
  t.same(
    rounds.map(([busy, shed]) => idle.round(busy, shed)),
    [false, true, false, false, true, false],
  );
});

t.test('work that comes amid shedding', async (t) => {
  const idle = new IdleTracker();
  idle.round(true, 0);
  t.equal(idle.round(false, 4096), true);
  t.equal(idle.round(true, 12), false);
  t.equal(idle.round(false, 0), true);
  t.equal(idle.round(false, 0), false);
});
