/** Which tenant a fop belongs to. */
import t from 'tap';
import { qosRules } from '../../../../brickd/translators/user/qos/settings.js';
import { Classifier } from '../../../../mux/qos/tenants.js';

const client = {
  address: '10.1.2.3',
  uid: 'CTX_ID:1-HOST:h1-PC_NAME:v-client-0',
  processName: 'fuse',
  user: undefined,
  subdir: '/',
};
const caller = { pid: 4711, uid: 1000, gid: 100 };

function tenantOf(
  options: Record<string, string>,
  who: Partial<typeof client> = {},
  as: Partial<typeof caller> = {},
  dir: string | null = null,
) {
  const rules = qosRules(new Map(Object.entries(options)), null);
  t.same(rules.bad, []);
  const found = new Classifier(rules.tenants).forClient({ ...client, ...who }).tenant({ ...caller, ...as }, () => dir);
  return rules.tenants[found]!.name;
}

t.test('background classes go by pid, before any rule', async (t) => {
  const rules = { 'match-all': 'client=0.0.0.0/0' };
  for (const [pid, name] of [
    [-1, 'gsyncd'],
    [-3, 'rebalance'],
    [-6, 'self-heal'],
    [-7, 'glfsheal'],
    [-8, 'bitd'],
    [-9, 'scrubber'],
    [-14, 'quota'],
  ] as const) {
    t.equal(tenantOf(rules, {}, { pid }), name);
  }
  t.equal(tenantOf(rules, {}, { pid: -4 }), 'all', '-4 is not background');
  t.equal(tenantOf({}, {}, { pid: -4 }), 'volume');
});

t.test('conditions', async (t) => {
  t.equal(tenantOf({ 'match-a': 'client=10.1.0.0/16' }), 'a');
  t.equal(tenantOf({ 'match-a': 'client=10.2.0.0/16|10.1.2.3' }), 'a');
  t.equal(tenantOf({ 'match-a': 'client=10.2.0.0/16' }), 'volume');
  t.equal(tenantOf({ 'match-a': 'client=fe80::/10' }, { address: 'fe80::1' }), 'a');
  t.equal(tenantOf({ 'match-a': 'process=*HOST:h1-*' }), 'a');
  t.equal(tenantOf({ 'match-a': 'process=fuse' }), 'a');
  t.equal(tenantOf({ 'match-a': 'process=gfapi*' }), 'volume');
  t.equal(tenantOf({ 'match-a': 'user=bob' }, { user: 'bob' } as never), 'a');
  t.equal(tenantOf({ 'match-a': 'user=bob' }), 'volume');
  t.equal(tenantOf({ 'match-a': 'uid=1|1000' }), 'a');
  t.equal(tenantOf({ 'match-a': 'gid=101' }), 'volume');
  t.equal(tenantOf({ 'match-a': 'uid=1000,gid=101' }), 'volume', 'all conditions must hold');
  t.equal(tenantOf({ 'match-a': 'subdir=/x/y' }, { subdir: 'x/y/' }), 'a');
  t.equal(tenantOf({ 'match-a': 'dir=/home' }, {}, {}, 'home'), 'a');
  t.equal(tenantOf({ 'match-a': 'dir=home' }, {}, {}, null), 'volume');
  t.equal(tenantOf({ 'match-a': 'none' }), 'volume');
});

t.test('the first match wins: by order, then by name', async (t) => {
  const rules = { 'match-b': 'uid=1000', 'match-a': 'gid=100', 'match-c': 'client=10.0.0.0/8' };
  t.equal(tenantOf(rules), 'a');
  t.equal(tenantOf({ ...rules, order: 'c,b' }), 'c');
  t.equal(tenantOf({ ...rules, order: 'c,b' }, { address: '11.0.0.1' }), 'b');
});

t.test('another caller of the same connection', async (t) => {
  const rules = qosRules(new Map([['match-a', 'uid=7']]), null);
  const c = new Classifier(rules.tenants).forClient(client);
  const name = (uid: number) => rules.tenants[c.tenant({ ...caller, uid }, () => null)]!.name;
  t.same([name(7), name(8), name(7)], ['a', 'volume', 'a']);
});
