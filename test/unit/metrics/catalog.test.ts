/** The list of metrics in the README is that of the code, and all of them keep Prometheus's conventions. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { BRICK_FAMILIES } from '../../../brickd/metrics/families/brick-families.js';
import { PROCESS_FAMILIES } from '../../../brickd/metrics/families/process-families.js';
import { Metrics } from '../../../brickd/metrics/families/registry.js';
import { standardMetrics } from '../../../brickd/metrics/families/standard.js';
import { NODE_FAMILIES } from '../../../brickd/metrics/node/node-families.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, qos, state, worker } from './fake-stats.js';

const README = fileURLToPath(new URL('../../../../brickd/metrics/README.md', import.meta.url));

interface Row {
  name: string;
  type: string;
  labels: string;
  help: string;
}

/** All metrics as rows of a table, in the order in which they are told. */
function rows(): Row[] {
  const standard = standardMetrics().getMetricsAsArray() as unknown as { name: string; help: string }[];
  return [
    ...standard.map(({ name, help }) => ({
      name,
      help,
      type: name.endsWith('_total') ? 'counter' : 'gauge',
      labels: '',
    })),
    ...PROCESS_FAMILIES,
    ...BRICK_FAMILIES,
  ];
}

t.test('the README lists every metric', async (t) => {
  const node = NODE_FAMILIES.filter((f) => !f.name.startsWith('gluster_'));
  const table = [...rows(), ...node].map((r) => `| \`${r.name}\` | ${r.type} | ${r.labels} | ${r.help} |`);
  const there = readFileSync(README, 'utf8')
    .split('\n')
    .filter((l) => /^\| `/.test(l));
  t.same(there, table, 'its table is that of the code');
});

t.test('names', async (t) => {
  const names = rows().map((r) => r.name);
  t.equal(new Set(names).size, names.length, 'no name comes twice');
  for (const { name, type, help } of rows()) {
    t.match(name, /^(brickd|gluster|process)_[a-z0-9_]+$/);
    t.ok(help.endsWith('.'), `${name} is explained`);
    if (type === 'counter') t.match(name, /_total$/);
    else if (type !== 'untyped') t.notMatch(name, /_total$/);
  }
});

t.test('samples have the labels that are told of', async (t) => {
  const b = brick('/d/a', true);
  b.qos = qos(31);
  const c = brick('/d/c', false);
  const source = {
    stats: async () => [worker([b, c])],
    bricks: () => ['/d/a', '/d/c'].map(bytesOfText),
    state: () => {
      const { bricks, ...rest } = state([b, c]);
      const unapplied = [{ volume: 'v-worm', option: 'worm', value: 'on', reason: 'not there', guards: true }];
      return {
        ...rest,
        bricks: bricks.map((one) => ({ ...one, unapplied })),
        glusterdConnected: true,
        addresses: [{ address: '127.0.0.1:1-2', listening: false }],
      };
    },
  };
  const glusterd = t.testdir({ vols: { vol: { info: 'replica_count=1\nbrick-0=node-1:-d-a\n' } } });
  const text = await new Metrics(source, { glusterd }).text();
  const seen = new Map<string, string>();
  for (const line of text.split('\n')) {
    const m = /^([a-z0-9_]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (m === null) continue;
    const found = [...(m[2] ?? '').matchAll(/([a-z_]+)="(?:[^"\\]|\\.)*"/g)].map((l) => l[1]).filter((l) => l !== 'le');
    seen.set(m[1]!.replace(/_(bucket|sum|count)$/, ''), found.join(', '));
  }
  for (const { name, labels } of rows()) t.equal(seen.get(name), labels, name);
});

t.test('tenants beyond a bound are one sum', async (t) => {
  const b = brick('/d/a', true);
  b.qos = qos(33);
  const source = { stats: async () => [worker([b])], bricks: () => ['/d/a'].map(bytesOfText), state: () => state([b]) };
  const text = await new Metrics(source).text();
  const own = 'volume="vol",brick_path="/d/a"';
  t.match(text, `brickd_qos_fops_total{${own},tenant="t29",kind="rule"} 10\n`);
  t.match(text, `brickd_qos_fops_total{${own},tenant="other",kind="rule"} 30\n`);
  t.notMatch(text, 'tenant="t30"');
  t.match(text, `brickd_qos_delay_seconds_bucket{${own},tenant="other",kind="rule",le="0.001"} 6\n`);
  t.match(text, `brickd_qos_delay_seconds_count{${own},tenant="other",kind="rule"} 9\n`);
  t.match(text, `brickd_qos_tokens{${own},tenant="t0",kind="rule",ceiling="ops"} -3\n`);
  t.match(text, `brickd_qos_bad_option{${own},option="limit-\\"x\\""} 1\n`);
});
