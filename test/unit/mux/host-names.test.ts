/** Look-ups of host names for the rules of who may connect. */
import t from 'tap';
import { HostNames } from '../../../mux/base/host-names.js';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

t.test('concurrent callers share a look-up, and answers are kept for a moment', async (t) => {
  let asked = 0;
  const names = new HostNames(async () => {
    asked++;
    return ['10.0.0.1'];
  });
  const all = await Promise.all([1, 2, 3].map(() => names.addresses('a')));
  t.same(all, Array(3).fill({ addresses: ['10.0.0.1'], problem: '' }));
  t.same((await names.addresses('a')).addresses, ['10.0.0.1']);
  t.equal(asked, 1);
  await names.addresses('b');
  t.equal(asked, 2);
});

t.test('an outage of the name service leaves the last answer, a name that is gone does not', async (t) => {
  let code = '';
  let asked = 0;
  const names = new HostNames(async () => {
    asked++;
    if (code !== '') throw failure(code);
    return ['10.0.0.1'];
  });
  const system = Date.now;
  let now = 1_000_000;
  Date.now = () => now;
  t.teardown(() => {
    Date.now = system;
  });
  t.same((await names.addresses('a')).addresses, ['10.0.0.1']);
  now += 10_000;
  code = 'EAI_AGAIN';
  t.same(await names.addresses('a'), { addresses: ['10.0.0.1'], problem: 'EAI_AGAIN' });
  code = 'ENOTFOUND';
  t.same(await names.addresses('a'), { addresses: [], problem: 'ENOTFOUND' });
  code = 'EAI_AGAIN';
  t.same(await names.addresses('a'), { addresses: [], problem: 'EAI_AGAIN' });
  t.equal(asked, 4);
});

t.test('a name service that does not answer is not waited for', async (t) => {
  let answer: (addresses: string[]) => void = () => {};
  let asked = 0;
  const names = new HostNames(() => {
    asked++;
    return new Promise((resolve) => {
      answer = resolve;
    });
  }, 20);
  const none = await names.addresses('a');
  t.same(none.addresses, []);
  t.match(none.problem, /no answer within/);
  await names.addresses('a');
  t.equal(asked, 1, 'one look-up is under way');
  answer(['10.0.0.1']);
  await new Promise(setImmediate);
  t.same(await names.addresses('a'), { addresses: ['10.0.0.1'], problem: '' });
});
