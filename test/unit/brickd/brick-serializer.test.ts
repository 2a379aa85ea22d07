import t from 'tap';
import { BrickSerializer, eachLimited, Slots, within } from '../../../brickd/daemon/brick-serializer.js';
import { bytesOfText } from '../../../native/bytes.js';

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

t.test('work of one brick keeps its order, bricks do not wait for each other', async (t) => {
  const serializer = new BrickSerializer();
  const done: string[] = [];
  let release: () => void = () => {};
  const hung = new Promise<void>((resolve) => {
    release = resolve;
  });
  void serializer.run(bytesOfText('a'), () => hung.then(() => void done.push('a1')));
  const failing = serializer.run(bytesOfText('a'), async () => {
    done.push('a2');
    throw new Error('no');
  });
  const last = serializer.run(bytesOfText('a'), async () => done.push('a3'));
  await serializer.run(bytesOfText('b'), async () => done.push('b1'));
  t.same(done, ['b1']);
  release();
  await t.rejects(failing, { message: 'no' });
  await last;
  t.same(done, ['b1', 'a1', 'a2', 'a3'], 'a failure does not stop the lane');
  await serializer.idle();
});

t.test('slots bound what is under way', async (t) => {
  const slots = new Slots(2);
  let now = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 9 }, async () => {
      await slots.take();
      most = Math.max(most, ++now);
      await after(1);
      now--;
      slots.give();
    }),
  );
  t.equal(most, 2);
});

t.test('eachLimited', async (t) => {
  let now = 0;
  let most = 0;
  const seen: number[] = [];
  const work = async (n: number) => {
    most = Math.max(most, ++now);
    await after(1);
    now--;
    seen.push(n);
    if (n === 3) throw new Error('three');
  };
  await t.rejects(eachLimited([1, 2, 3, 4, 5], 2, work), { message: 'three' });
  t.equal(most, 2);
  t.same(seen.sort(), [1, 2, 3, 4, 5], 'the rest is done all the same');
});

t.test('within', async (t) => {
  t.equal(await within(1000, Promise.resolve('in time'), () => 'late'), 'in time');
  t.equal(
    await within(
      5,
      after(50).then(() => 'in time'),
      () => 'late',
    ),
    'late',
  );
  await t.rejects(
    within(5, after(50), () => {
      throw new Error('late');
    }),
    { message: 'late' },
  );
  await t.rejects(
    within(1000, Promise.reject(new Error('failed')), () => {}),
    { message: 'failed' },
  );
});
