/** Options of user/qos: what they come to, and what becomes of bad ones. */
import t from 'tap';
import { qosRules } from '../../../brickd/translators/user/qos/settings.js';

const rules = (options: Record<string, string>, before: ReturnType<typeof qosRules> | null = null) =>
  qosRules(new Map(Object.entries(options)), before);
const tenant = (r: ReturnType<typeof qosRules>, name: string) => r.tenants.find((x) => x.name === name);

t.test('without options background yields and nothing is capped', async (t) => {
  const r = rules({});
  t.ok(r.enabled);
  t.equal(r.total, null);
  t.equal(r.maxDelayMs, 5000);
  t.ok(r.tenants.every((x) => x.limits === null && x.floor === 0));
  t.ok(r.tenants.filter((x) => x.kind === 'background').every((x) => x.weight < tenant(r, 'volume')!.weight));
  t.equal(r.tenants.at(-1)!.name, 'volume', 'the last one takes everything');
});

t.test('values', async (t) => {
  const r = rules({
    limit: 'ops=500,read-bytes=10MB/s,burst=2s',
    'limit-total': 'bytes=1GB',
    'limit-self-heal': 'ops=0.5',
    'match-gold': 'client=10.0.0.0/8',
    'weight-gold': '400',
    'floor-gold': 'ops=200/s',
    weight: '300',
    'max-delay': '500ms',
    'weight-rebalance': '20',
  });
  t.same(r.bad, []);
  t.same(tenant(r, 'volume')!.limits, { rates: { ops: 500, 'read-bytes': 10 << 20 }, burstSec: 2 });
  t.same(r.total!.rates, { bytes: 1 << 30 });
  t.same(tenant(r, 'self-heal')!.limits!.rates, { ops: 0.5 });
  t.match(tenant(r, 'gold'), { weight: 400, floor: 200, kind: 'rule' });
  t.equal(tenant(r, 'rebalance')!.weight, 20);
  t.equal(r.weight, 300);
  t.equal(r.maxDelayMs, 500);
  t.equal(tenant(rules({ limit: 'none' }), 'volume')!.limits, null);
  t.equal(rules({ 'max-delay': 'none' }).maxDelayMs, 0);
  t.equal(rules({ enable: 'off' }).enabled, false);
});

t.test('what is bad is told of, and has no effect', async (t) => {
  for (const [option, value, why] of [
    ['limit', 'ops', /where NAME=VALUE belongs/],
    ['limit', 'ops=', /where NAME=VALUE belongs/],
    ['limit', 'ops=0', /above 0/],
    ['limit', 'ops=-5', /above 0/],
    ['limit', 'ops=1e9', /above 0/],
    ['limit', 'iops=5', /none of ops/],
    ['limit', 'bytes=10XB', /not a size/],
    ['limit', 'bytes=0', /not from 1 byte/],
    ['limit', 'burst=2s', /sets no rate/],
    ['limit', 'ops=5,burst=2h', /for a time/],
    ['limit', 'ops=5,burst=0', /burst/],
    ['weight', '0', /from 1 to 10000/],
    ['weight', 'heavy', /from 1 to 10000/],
    ['max-delay', '1ms', /not from 10 ms/],
    ['match-a', 'client=10.0.0.0/33', /network/],
    ['match-a', 'client=somewhere', /network/],
    ['match-a', 'uid=root', /a number/],
    ['match-a', 'uid=', /NAME=VALUE/],
    ['match-a', 'dir=a/b', /top-level/],
    ['match-a', 'colour=red', /none of client/],
    ['match-self-heal', 'uid=0', /goes by pid/],
    ['match-total', 'uid=0', /can't name a tenant/],
    ['match-a b', 'uid=0', /can't name a tenant/],
    ['limit-nobody', 'ops=5', /no match-nobody/],
    ['order', 'nobody', /no match-nobody/],
    ['enable', 'perhaps', /not a boolean/],
    ['speed', 'fast', /belongs to no option/],
    ['', 'x', /belongs to no option/],
  ] as const) {
    const r = rules({ [option]: value });
    t.equal(r.bad.length, 1, `${option} ${value}`);
    t.match(r.bad[0], { option, value, reason: why }, `${option} ${value}`);
    t.same(r.tenants, rules({}).tenants, 'as if it were not set');
  }
});

t.test('a floor above a limit', async (t) => {
  const r = rules({
    'match-a': 'uid=0',
    'limit-a': 'ops=100',
    'floor-a': 'ops=200',
    'limit-total': 'ops=500',
    floor: 'ops=501',
  });
  t.match(r.bad, [
    { option: 'floor-a', reason: /above the limit of 100/ },
    { option: 'floor', reason: /above the limit of 500/ },
  ]);
  t.ok(r.tenants.every((x) => x.floor === 0));
});

t.test('the last good setting stays', async (t) => {
  const good = rules({ limit: 'ops=500', weight: '7' });
  const bad = rules({ limit: 'ops=lots', weight: '7' }, good);
  t.same(tenant(bad, 'volume')!.limits!.rates, { ops: 500 });
  t.match(bad.bad, [{ option: 'limit', instead: 'the value before: ops=500' }]);
  const worse = rules({ limit: 'nonsense', weight: '8' }, bad);
  t.same(tenant(worse, 'volume')!.limits!.rates, { ops: 500 }, 'again and again');
  t.equal(worse.weight, 8);
  t.same(rules({ weight: '8' }, worse).tenants.at(-1)!.limits, null, 'until the option is gone');
});
