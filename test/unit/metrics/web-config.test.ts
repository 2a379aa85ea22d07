/** TLS and users of the endpoint, by Prometheus's web configuration. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { hashSync } from 'bcryptjs';
import t from 'tap';
import { Endpoint } from '../../../brickd/metrics/http/endpoint.js';
import { cipherName, readWebConfig } from '../../../brickd/metrics/http/web-config.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, state, worker } from './fake-stats.js';

const bricks = [brick('/d/a', true)];
const source = {
  stats: async () => [worker(bricks)],
  bricks: () => ['/d/a'].map(bytesOfText),
  state: () => state(bricks),
};
const HASH = hashSync('secret', 4);

/** Status of a request; 0 when no answer comes. */
function status(url: string, options: object): Promise<number> {
  return new Promise((resolve) => {
    const request = (url.startsWith('https') ? secure : plain)(`${url}/healthz`, { agent: false, ...options });
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('error', () => resolve(0));
    request.end();
  });
}

function certificate(folder: string, name: string, by?: string): void {
  const key = ['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', join(folder, `${name}.key`)];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  const run = (args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  if (by === undefined) {
    run([...key, '-x509', '-days', '2', ...names, '-out', join(folder, `${name}.crt`)]);
    return;
  }
  run([...key, '-out', join(folder, `${name}.csr`)]);
  const signed = ['-CA', join(folder, `${by}.crt`), '-CAkey', join(folder, `${by}.key`), '-CAcreateserial'];
  run([
    'x509',
    '-req',
    '-days',
    '2',
    '-in',
    join(folder, `${name}.csr`),
    ...signed,
    '-out',
    join(folder, `${name}.crt`),
  ]);
}

t.test('users', async (t) => {
  const folder = t.testdir({ 'web.yaml': `basic_auth_users:\n  alice: ${HASH}\n` });
  const endpoint = new Endpoint(source, { webConfigFile: join(folder, 'web.yaml') });
  t.teardown(() => endpoint.close());
  const { url } = await endpoint.listen({ kind: 'tcp', host: '127.0.0.1', first: 0, last: 0 });
  const auth = (text?: string): object => (text === undefined ? {} : { auth: text });
  t.equal(await status(url, auth()), 401);
  t.equal(await status(url, auth('alice:wrong')), 401);
  t.equal(await status(url, auth('bob:secret')), 401);
  t.equal(await status(url, auth('alice:secret')), 200);
  t.equal(await status(url, { headers: { authorization: 'Bearer x' } }), 401);
  t.equal(await status(url, auth('alice:secret')), 200, 'remembered');
  writeFileSync(join(folder, 'web.yaml'), `basic_auth_users:\n  carol: ${HASH}\n`);
  await pause(1050);
  t.equal(await status(url, auth('alice:secret')), 401, 'a changed file is taken up');
  t.equal(await status(url, auth('carol:secret')), 200);
  writeFileSync(join(folder, 'web.yaml'), 'basic_auth_users: 7\n');
  await pause(1050);
  t.equal(await status(url, auth('carol:secret')), 200, 'one that is wrong is not');
  t.equal(await status(url, auth()), 401);
});

t.test('TLS and client certificates', { skip: !existsSync('/usr/bin/openssl') && 'no openssl' }, async (t) => {
  const folder = t.testdir();
  const at = (name: string): string => join(folder, name);
  for (const name of ['server', 'ca']) certificate(folder, name);
  certificate(folder, 'client', 'ca');
  certificate(folder, 'stranger');
  const ca = readFileSync(at('server.crt'));
  const as = (name: string): object => ({
    ca,
    cert: readFileSync(at(`${name}.crt`)),
    key: readFileSync(at(`${name}.key`)),
  });
  const expected: Record<string, [none: number, stranger: number, known: number]> = {
    NoClientCert: [200, 200, 200],
    RequestClientCert: [200, 200, 200],
    RequireAnyClientCert: [0, 200, 200],
    VerifyClientCertIfGiven: [200, 0, 200],
    RequireAndVerifyClientCert: [0, 0, 200],
  };
  for (const [kind, answers] of Object.entries(expected)) {
    const lines = [
      'cert_file: server.crt',
      'key_file: server.key',
      'client_ca_file: ca.crt',
      `client_auth_type: ${kind}`,
    ];
    writeFileSync(at('web.yaml'), `tls_server_config:\n${lines.map((l) => `  ${l}\n`).join('')}`);
    const endpoint = new Endpoint(source, { webConfigFile: at('web.yaml') });
    const { url } = await endpoint.listen({ kind: 'tcp', host: '127.0.0.1', first: 0, last: 0 });
    t.match(url, /^https:/);
    const got = [await status(url, { ca }), await status(url, as('stranger')), await status(url, as('client'))];
    t.same(got, answers, kind);
    t.equal(await status(url.replace('https', 'http'), {}), 0, 'nothing without TLS');
    await endpoint.close();
  }
});

t.test('a new certificate', { skip: !existsSync('/usr/bin/openssl') && 'no openssl' }, async (t) => {
  const folder = t.testdir();
  certificate(folder, 'server');
  const file = join(folder, 'web.yaml');
  writeFileSync(file, 'tls_server_config: { cert_file: server.crt, key_file: server.key }\n');
  const endpoint = new Endpoint(source, { webConfigFile: file });
  t.teardown(() => endpoint.close());
  const { url } = await endpoint.listen({ kind: 'tcp', host: '127.0.0.1', first: 0, last: 0 });
  const old = readFileSync(join(folder, 'server.crt'));
  t.equal(await status(url, { ca: old }), 200);
  certificate(folder, 'server');
  const fresh = readFileSync(join(folder, 'server.crt'));
  utimesSync(join(folder, 'server.crt'), 1, 1);
  await pause(1050);
  t.equal(await status(url, { ca: fresh }), 200);
  t.equal(await status(url, { ca: old }), 0);
});

t.test('what is wrong with the file', async (t) => {
  const folder = t.testdir({
    'web.yaml': `tls_server_config:
  cert_file: missing.crt
  min_version: SSL3
  client_auth_type: Perhaps
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_NONE]
basic_auth_users:
  alice: secret
`,
  });
  const file = join(folder, 'web.yaml');
  t.throws(() => readWebConfig(file), {
    message: new RegExp(
      `^${file}:2: .*ENOENT.*\n.*:2: .*key_file: is missing\n.*:3: .*SSL3.*\n.*:4: .*Perhaps.*\n.*:5: .*TLS_NONE\n.*:7: .*bcrypt$`,
    ),
  });
  t.throws(() => readWebConfig(join(folder, 'no.yaml')), { message: /ENOENT/ });
  t.equal(cipherName('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'), 'ECDHE-RSA-AES128-GCM-SHA256');
  t.equal(cipherName('TLS_RSA_WITH_AES_256_CBC_SHA'), 'AES256-SHA');
  t.equal(cipherName('TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'), 'ECDHE-ECDSA-CHACHA20-POLY1305');
  t.equal(cipherName('TLS_AES_128_GCM_SHA256'), 'TLS_AES_128_GCM_SHA256');
});

t.test('unix sockets and ranges of ports', async (t) => {
  // Paths of sockets are short.
  const folder = mkdtempSync(join(tmpdir(), 'm-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const endpoint = new Endpoint(source);
  t.teardown(() => endpoint.close());
  const path = join(folder, 's');
  t.equal((await endpoint.listen({ kind: 'unix', path })).url, `unix:${path}`);
  t.equal(await status('http://x', { socketPath: path }), 200);
  const second = new Endpoint(source);
  t.teardown(() => second.close());
  await t.rejects(second.listen({ kind: 'unix', path }), { code: 'EADDRINUSE' }, 'a socket in use is left alone');
  const left = join(folder, 'left');
  const program = `require('net').createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, 'SIGKILL'))`;
  t.throws(() => execFileSync(process.execPath, ['-e', program], { stdio: 'ignore' }));
  t.ok(existsSync(left));
  await second.listen({ kind: 'unix', path: left });
  t.equal(await status('http://x', { socketPath: left }), 200, 'one that is left behind is taken over');
  const busy = createServer();
  await new Promise<void>((done) => busy.listen(0, '127.0.0.1', done));
  t.teardown(() => busy.close());
  const { port } = busy.address() as { port: number };
  const range = { kind: 'tcp', host: '127.0.0.1', first: port, last: port } as const;
  await t.rejects(second.listen(range), { code: 'EADDRINUSE' });
  t.not((await second.listen({ ...range, last: Math.min(port + 50, 65535) })).port, port);
});
