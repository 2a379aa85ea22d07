/** Steps at the end of a turn: once for each collector, in order, whatever one of them throws. */
import t from 'tap';
import { endOfTurn, TurnStep } from '../../../native/turn.js';

t.test('writes, then batches; promises of the turn come before the batches', async (t) => {
  const order: string[] = [];
  const collector = (name: string) => ({ endOfTurn: () => void order.push(name) });
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      endOfTurn.replies.add(collector('replies'));
      endOfTurn.batches.add(collector('batches'));
      endOfTurn.writes.add({
        endOfTurn: () => {
          order.push('writes');
          endOfTurn.batches.add(collector('batches of writes'));
        },
      });
      Promise.resolve().then(() => order.push('promise'));
      setImmediate(resolve);
    });
  });
  t.same(
    order.filter((name) => name !== 'replies'),
    ['writes', 'promise', 'batches', 'batches of writes'],
  );
  t.ok(order.includes('replies'));
});

t.test('one that throws keeps none from its end of the turn', async (t) => {
  const scheduled: (() => void)[] = [];
  const step = new TurnStep((run) => scheduled.push(run));
  const ended: number[] = [];
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
  step.add({
    endOfTurn: () => {
      throw new Error('mine');
    },
  });
  const again = { endOfTurn: () => void (ended.push(ended.length) < 2 && step.add(again)) };
  step.add(again);
  t.equal(scheduled.length, 1, 'scheduled once for all');
  scheduled[0]?.();
  t.same(ended, [0]);
  t.equal(scheduled.length, 2, 'one that collects again waits for the next end');
  scheduled[1]?.();
  t.same(ended, [0, 1]);
  t.match(await thrown, { message: 'mine' });
});
