/** Where settings of metrics come from, and what is said of bad ones. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listenAddress } from '../../../brickd/metrics/http/address.js';
import { YamlFile } from '../../../brickd/metrics/http/yaml-file.js';
import { metricsSettings, settingsOf, TARGET_FILE } from '../../../brickd/metrics/settings.js';

const of = (text: string) => settingsOf(new YamlFile('/etc/brickd/brickd.yaml', text));
const tcp = (host: string, first: number, last: number) => ({ kind: 'tcp', host, first, last });

t.test('addresses', async (t) => {
  t.same(listenAddress('127.0.0.1:9100'), tcp('127.0.0.1', 9100, 9100));
  t.same(listenAddress('[::1]:9100-9110'), tcp('::1', 9100, 9110));
  t.same(listenAddress('9100-9110'), tcp('127.0.0.1', 9100, 9110), 'loopback by default');
  t.same(listenAddress(':9100'), tcp('127.0.0.1', 9100, 9100));
  t.same(listenAddress('*:9100'), tcp('0.0.0.0', 9100, 9100));
  t.same(listenAddress('unix:/run/brickd/{pid}.sock'), { kind: 'unix', path: `/run/brickd/${process.pid}.sock` });
  for (const bad of [
    '',
    'host',
    'host:',
    'host:0',
    'host:70000',
    'host:20-10',
    'a b:9100',
    'unix:',
    'unix:run',
    `unix:/${'x'.repeat(107)}`,
  ]) {
    t.equal(listenAddress(bad), undefined, bad);
  }
});

t.test('a configuration file', async (t) => {
  const s = of(`
# everything
metrics:
  listen: [127.0.0.1:9721-9730, "unix:/run/brickd.sock"]
  file_sd: targets.json
  advertise: node1.example.org
  web_config_file: web.yaml
  cluster_id: c1
  labels: { rack: 12, zone: a }
`);
  t.same(s.listen, [tcp('127.0.0.1', 9721, 9730), { kind: 'unix', path: '/run/brickd.sock' }]);
  t.equal(s.targetFile, '/etc/brickd/targets.json', 'paths are relative to the file');
  t.equal(s.advertise, 'node1.example.org');
  t.equal(s.webConfigFile, '/etc/brickd/web.yaml');
  t.equal(s.clusterId, 'c1');
  t.same(s.labels, { rack: '12', zone: 'a' });
  for (const nothing of ['', '# nothing\n', 'metrics:\n', 'metrics:\n  listen: none\n']) {
    t.same(of(nothing).listen, [], JSON.stringify(nothing));
    t.equal(of(nothing).targetFile, TARGET_FILE);
  }
  t.equal(of('metrics:\n  file_sd: none\n').targetFile, '');
});

t.test('what is wrong is told with its line, all at once', async (t) => {
  const message = (text: string): string => {
    try {
      of(text);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  };
  const file = '/etc/brickd/brickd.yaml';
  t.equal(
    message('metrics:\n  lisen: 9100\n  listen:\n    - 9100\n    - nowhere\n  labels:\n    a-b: c\nqos: {}\n'),
    [
      `${file}:2: metrics.lisen: no such setting; there are listen, file_sd, advertise, hosts, labels, web_config_file, cluster_id`,
      `${file}:5: metrics.listen: nowhere is not of the form [HOST:]PORT[-LAST] or unix:/PATH`,
      `${file}:7: metrics.labels.a-b: not a name for a label`,
      `${file}:8: qos: no such setting; there are metrics, node, process, slow_fops`,
    ].join('\n'),
  );
  t.match(message('metrics:\n  listen: [9100\n'), new RegExp(`^${file}:[23]: `));
  t.match(message('metrics:\n  listen: 9100\n  listen: 9101\n'), `${file}:3: Map keys must be unique`);
  t.equal(message('metrics: 9100\n'), `${file}:1: metrics: keys and values are expected`);
  t.equal(message('- a\n'), `${file}:1: keys and values are expected`);
  t.equal(message('metrics:\n  listen: {a: b}\n'), `${file}:2: metrics.listen: text is expected`);
});

t.test('option, environment and file, in this order', async (t) => {
  const file = join(t.testdir(), 'brickd.yaml');
  writeFileSync(file, 'metrics:\n  listen: 9001\n  cluster_id: c\n');
  const first = (option: string | undefined, env: NodeJS.ProcessEnv) => metricsSettings(option, env).listen;
  const env = { BRICKD_CONFIG: file };
  t.same(first(undefined, env), [tcp('127.0.0.1', 9001, 9001)]);
  t.same(first(undefined, { ...env, BRICKD_METRICS: 'h:9002' }), [tcp('h', 9002, 9002)]);
  t.same(first('h:9003,unix:/s', { ...env, BRICKD_METRICS: 'h:9002' }), [
    tcp('h', 9003, 9003),
    { kind: 'unix', path: '/s' },
  ]);
  t.same(first('none', env), []);
  t.same(first(undefined, { ...env, BRICKD_METRICS: 'none' }), []);
  t.equal(metricsSettings(undefined, { ...env, BRICKD_METRICS: 'h:9002' }).clusterId, 'c', 'the rest is of the file');
  t.throws(
    () => first('9', { BRICKD_CONFIG: `${file}.not` }),
    { message: /ENOENT/ },
    'a file that is named must be there',
  );
  t.throws(() => first('nowhere', {}), {
    message: '--metrics=nowhere is not of the form [HOST:]PORT[-LAST] or unix:/PATH',
  });
});

t.test('the threshold of slow fops', async (t) => {
  t.equal(of('').slowFopMs, 1000);
  t.equal(of('slow_fops:\n  threshold: 0.25\n').slowFopMs, 250);
  for (const wrong of ['0', '-1', 'soon', '1e9', '0.001']) {
    t.throws(() => of(`slow_fops:\n  threshold: ${wrong}\n`), /slow_fops.threshold: .* is no number of seconds/, wrong);
  }
  t.throws(() => of('slow_fops:\n  limit: 1\n'), /slow_fops.limit: no such setting; there are threshold/);
});
