/** Which names requests may call the machine by, and that no request's target makes the endpoint fail. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Endpoint } from '../../../brickd/metrics/http/endpoint.js';
import { targetOf } from '../../../brickd/metrics/http/http.js';
import { hostOf, machineNames, OwnHosts } from '../../../brickd/metrics/http/own-hosts.js';
import { YamlFile } from '../../../brickd/metrics/http/yaml-file.js';
import { settingsOf } from '../../../brickd/metrics/settings.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, state, worker } from './fake-stats.js';

t.test('hosts of headers', async (t) => {
  t.equal(hostOf('Example.org:9721'), 'example.org');
  t.equal(hostOf('example.org.'), 'example.org');
  t.equal(hostOf('[::1]:9721'), '::1');
  t.equal(hostOf('127.0.0.1'), '127.0.0.1');
  for (const bad of ['', ':1', 'a b', 'a:b', '[::1', '::1', 'a:1:2']) t.equal(hostOf(bad), undefined, bad);
});

t.test('names of this machine', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'brickd-hosts-'));
  const files = { hosts: join(folder, 'hosts'), resolv: join(folder, 'resolv.conf') };
  writeFileSync(files.hosts, '127.0.1.1 node1.example.org node1 # us\n192.0.2.77 other.example.org\n');
  writeFileSync(files.resolv, 'nameserver 192.0.2.1\nsearch lab.example.org example.net\n');
  const names = machineNames(files);
  const short = hostname().split('.')[0];
  for (const name of ['localhost', hostname(), 'node1', 'node1.example.org', `${short}.example.net`])
    t.ok(names.includes(name), name);
  t.notOk(names.includes('other.example.org'), 'a name of another machine');
  t.ok(machineNames({ hosts: '/none', resolv: '/none' }).includes('localhost'));
  const hosts = new OwnHosts(['metrics.example.org']);
  for (const good of [
    undefined,
    'localhost:1',
    'LOCALHOST',
    '10.0.0.1:9721',
    '[fe80::1]',
    hostname(),
    'Metrics.Example.Org.:80',
  ]) {
    t.ok(hosts.has(good), String(good));
  }
  for (const bad of ['evil.example.com', 'localhost.evil.com', '127.0.0.1.evil.com', '', 'a b'])
    t.notOk(hosts.has(bad), bad);
  const s = settingsOf(new YamlFile('/x.yaml', 'metrics: { hosts: [a.example.org, b] }\n'));
  t.same(s.hosts, ['a.example.org', 'b']);
  t.throws(() => settingsOf(new YamlFile('/x.yaml', 'metrics: { hosts: ["a:1"] }\n')), /not a host name/);
});

t.test('targets of requests', async (t) => {
  const path = (url: string) => targetOf(url).path;
  t.equal(path('/metrics?x=1'), '/metrics');
  t.equal(path('//'), '//');
  t.equal(path('http://localhost:1/metrics'), '/metrics');
  t.equal(path('http://localhost'), '/');
  t.equal(targetOf('/live?brick=%2Fa%20b').query.get('brick'), '/a b');
  const parts = [
    '/',
    '//',
    '\\',
    '?',
    '#',
    '%',
    '%zz',
    '@',
    ':',
    'http://',
    '[',
    ']',
    '\xff',
    '..',
    'metrics',
    '&=',
    '*',
  ];
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 20_000; i++) {
    const url = Array.from({ length: random(8) }, () => parts[random(parts.length)]).join('');
    const found = targetOf(url).path;
    if (found === '' || found.includes('?')) t.fail(JSON.stringify(url));
  }
});

t.test('the endpoint refuses names of others, and fails at no target', async (t) => {
  const all = [brick('/d/a', true)];
  const source = { stats: async () => [worker(all)], bricks: () => ['/d/a'].map(bytesOfText), state: () => state(all) };
  const endpoint = new Endpoint(source, { hosts: ['metrics.example.org'] });
  t.teardown(() => endpoint.close());
  const { port } = await endpoint.listen({ kind: 'tcp', host: '127.0.0.1', first: 0, last: 0 });
  const status = (host: string, path = '/healthz/live'): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  t.equal(await status('127.0.0.1'), 200);
  t.equal(await status('metrics.example.org:80'), 200);
  for (const path of ['/metrics', '/', '/live', '/healthz']) t.equal(await status('evil.example.com', path), 421, path);
  t.equal(await status('localhost', '//'), 404);
  t.equal(await status('localhost', '//evil.example.com/metrics'), 404);
  // Targets that no client library sends.
  const raw = (line: string): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1');
      socket
        .on('data', (data) => (text += data))
        .on('close', () => resolve(text))
        .on('error', () => resolve(text));
      socket.write(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
  for (const target of ['//', '/\\', '/%', '/%zz?%', 'http://', 'http://[', '/?#?', 'x', '*', '///x', '/..//..']) {
    t.match(await raw(`GET ${target} HTTP/1.1`), /^HTTP\/1\.1 (200|400|404) /, target);
  }
});
