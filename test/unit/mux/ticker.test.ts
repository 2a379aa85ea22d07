/** Timers that many bricks share: when each runs, and that they do not run all at once. */
import t from 'tap';
import { Ticker } from '../../../mux/base/ticker.js';

/** A ticker whose clock is turned by hand. */
function clockwork() {
  let now = 100;
  const ticker = new Ticker(() => now);
  const pass = (seconds: number): void => {
    for (let i = 0; i < seconds; i++) {
      now++;
      ticker.tick();
    }
  };
  return { ticker, pass, jump: (seconds: number) => (now += seconds) };
}

t.test('one timer alone runs after its period, and again', async (t) => {
  const { ticker, pass } = clockwork();
  let runs = 0;
  const end = ticker.every(5, () => runs++);
  pass(4);
  t.equal(runs, 0);
  pass(1);
  t.equal(runs, 1);
  pass(10);
  t.equal(runs, 3);
  end();
  pass(20);
  t.equal(runs, 3);
  end();
});

t.test('many are spread over the period, each keeping its own', async (t) => {
  const { ticker, pass } = clockwork();
  let now = 0;
  const seen = Array.from({ length: 300 }, () => [] as number[]);
  const ends = seen.map((times) => ticker.every(30, () => times.push(now)));
  for (now = 1; now <= 90; now++) pass(1);
  t.ok(seen.every((times) => times.length === 3 && times[1]! - times[0]! === 30 && times[2]! - times[1]! === 30));
  const perSecond = new Map<number, number>();
  for (const times of seen) for (const at of times) perSecond.set(at, (perSecond.get(at) ?? 0) + 1);
  t.equal(Math.max(...perSecond.values()), 10, 'three hundred of thirty seconds are ten a second');
  for (const end of ends) end();
});

t.test('places that became free are taken first', async (t) => {
  const { ticker, pass } = clockwork();
  let runs = 0;
  const ends = Array.from({ length: 4 }, () => ticker.every(2, () => runs++));
  ends[0]!();
  ends[2]!();
  ends.push(...Array.from({ length: 2 }, () => ticker.every(2, () => runs++)));
  pass(1);
  t.equal(runs, 2);
  pass(1);
  t.equal(runs, 4);
  for (const end of ends) end();
});

t.test('a thread that was held up runs each one once', async (t) => {
  const { ticker, pass, jump } = clockwork();
  const runs = [0, 0];
  const ends = [ticker.every(3, () => runs[0]!++), ticker.every(60, () => runs[1]!++)];
  jump(40);
  pass(1);
  t.same(runs, [1, 0]);
  pass(60);
  t.equal(runs[1], 1);
  for (const end of ends) end();
});

t.test('one that ends itself while it runs, or starts another', async (t) => {
  const { ticker, pass } = clockwork();
  let inner = 0;
  const ends: (() => void)[] = [];
  const end = ticker.every(1, () => {
    end();
    ends.push(ticker.every(1, () => inner++));
  });
  pass(1);
  t.equal(inner, 0, 'not within the same second');
  pass(2);
  t.equal(inner, 2);
  for (const e of ends) e();
});
