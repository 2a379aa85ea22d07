import t from 'tap';
import { Rest } from '../../../mux/workers/idle-trim.js';

t.test('a thread that comes to rest is tidied in the first quiet round, and once', async (t) => {
  const rest = new Rest();
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
    rounds.map(([busy, shed]) => rest.round(busy, shed)),
    [false, false, false, true, false, false, true],
  );
});

t.test('what it sheds later is collected when nothing more comes', async (t) => {
  const rest = new Rest();
  const rounds: [boolean, number][] = [
    [true, 0],
    [false, 4096],
    [false, 4096],
    [false, 10],
    [false, 0],
    [false, 0],
  ];
  t.same(
    rounds.map(([busy, shed]) => rest.round(busy, shed)),
    [false, true, false, false, true, false],
  );
});

t.test('work that comes amid shedding', async (t) => {
  const rest = new Rest();
  rest.round(true, 0);
  t.equal(rest.round(false, 4096), true);
  t.equal(rest.round(true, 12), false);
  t.equal(rest.round(false, 0), true);
  t.equal(rest.round(false, 0), false);
});
