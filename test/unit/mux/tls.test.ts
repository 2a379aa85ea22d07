/**
 * TLS of the brick port without a brick: greetings, contexts and connections against Node's own TLS client. What real clients see is
 * in test/gluster/tls.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { loggerFor } from '../../../mux/base/log.js';
import { type Greeted, Greeting, type GreetingHost } from '../../../mux/handshake/greeting.js';
import { HandshakeBudget } from '../../../mux/handshake/handshake-memory.js';
import type { SecureAccess } from '../../../mux/tls/secure-access.js';
import { TlsContexts } from '../../../mux/tls/tls-contexts.js';
import { type TlsOptions, type TlsProfile, tlsProfile } from '../../../mux/tls/tls-profile.js';
import { Connection } from '../../../mux/transport/connection.js';
import { AcceptLoop } from '../../../mux/workers/accept-loop.js';
import { addon } from '../../../native/addon.js';
import { defined } from '../../../native/assert.js';
import { batch } from '../../../native/batch.js';
import { region as memory } from '../../../native/memory.js';
import { emptyPipe, PIPE_BYTES } from '../../../native/pipe.js';

if (!existsSync('/usr/bin/openssl')) {
  t.plan(0, 'no openssl');
  process.exit(0);
}

const folder = t.testdir();
const at = (name: string): string => join(folder, name);
const openssl = (args: string): void => void execFileSync('openssl', args.split(' '), { stdio: 'ignore', cwd: folder });
const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

for (const name of ['ca', 'other'])
  openssl(`req -x509 ${KEY} -keyout ${name}.key -subj /CN=${name} -days 2 -out ${name}.crt`);
function certificate(name: string, by: string, subject: string): void {
  openssl(`req ${KEY} -keyout ${name}.key -subj ${subject} -out ${name}.csr`);
  openssl(`x509 -req -in ${name}.csr -CA ${by}.crt -CAkey ${by}.key -CAcreateserial -days 2 -out ${name}.crt`);
}
certificate('server', 'ca', '/CN=server');
certificate('client', 'ca', '/CN=client');
certificate('stranger', 'other', '/CN=stranger');
certificate('nameless', 'ca', '/O=client');

function profile(changes: Partial<TlsOptions> = {}, authorities = 'ca'): TlsProfile {
  const made = tlsProfile({
    'transport.socket.ssl-enabled': true,
    'transport.socket.ssl-own-cert': at('server.crt'),
    'transport.socket.ssl-private-key': at('server.key'),
    'transport.socket.ssl-ca-list': at(`${authorities}.crt`),
    'transport.socket.ssl-cert-depth': undefined,
    'transport.socket.ssl-cipher-list': undefined,
    'transport.socket.ssl-dh-param': undefined,
    'transport.socket.ssl-ec-curve': undefined,
    'transport.socket.ssl-crl-path': undefined,
    ...changes,
  });
  return defined(made, 'a profile with TLS on');
}

/** Sends each record back; counts what it greets. */
class EchoPort implements GreetingHost {
  readonly log = loggerFor('test');
  readonly budget = new HandshakeBudget();
  readonly tls: TlsContexts;
  readonly greetedAll: Greeted[] = [];
  readonly connections = new Set<Connection>();
  profiles: TlsProfile[];
  takesPlain = false;
  failed = 0;
  /** What the file secure-access says. */
  access: SecureAccess | null = null;
  readonly port: number;
  readonly #loop: AcceptLoop;

  constructor(...profiles: TlsProfile[]) {
    this.profiles = profiles;
    this.tls = new TlsContexts(
      () => this.profiles,
      () => this.log,
      async () => this.access,
    );
    const fd = addon.listenTcp('127.0.0.1', 0, 4, 64);
    this.port = (addon.sockName(fd) as [string, number])[1];
    this.#loop = new AcceptLoop(
      fd,
      (connection) => new Greeting(connection, this, 5000),
      () => this.log,
    );
  }

  greeted(_greeting: Greeting, result: Greeted): void {
    this.greetedAll.push(result);
    const connection: Connection = new Connection(
      result.fd,
      {
        onRecord: (region, start, end) => {
          const copy = memory(end - start);
          region.bytes.copy(copy.bytes, 0, start, end);
          connection.writer().u32((0x80000000 | (end - start)) >>> 0);
          connection.queued(copy, end - start);
        },
        onClose: () => this.connections.delete(connection),
      },
      64 << 20,
    );
    this.connections.add(connection);
  }

  greetingFailed(): void {
    this.failed++;
  }

  close(): void {
    this.#loop.close();
    for (const connection of [...this.connections]) connection.close('');
  }
}

const clientOptions = (port: number, name: string): ConnectionOptions => ({
  port,
  host: '127.0.0.1',
  ca: readFileSync(at('ca.crt')),
  cert: readFileSync(at(`${name}.crt`)),
  key: readFileSync(at(`${name}.key`)),
  checkServerIdentity: () => undefined,
});

const record = (data: Buffer): Buffer => {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE((0x80000000 | data.length) >>> 0);
  return Buffer.concat([mark, data]);
};

/** What comes back for what is sent; null: the connection ends before that. */
function exchange(socket: Socket, sent: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const got: Buffer[] = [];
    let bytes = 0;
    socket.on('data', (piece: Buffer) => {
      got.push(piece);
      bytes += piece.length;
      if (bytes >= sent.length) resolve(Buffer.concat(got));
    });
    socket.on('error', () => resolve(null));
    socket.on('close', () => resolve(null));
    socket.write(sent);
  });
}

/** Whether a client gets an answer. */
async function answers(options: ConnectionOptions): Promise<boolean> {
  const socket = connect(options);
  const sent = record(Buffer.from('hello'));
  const got = await exchange(socket, sent);
  socket.destroy();
  return got?.equals(sent) === true;
}

const pattern = (length: number, seed: number): Buffer => {
  const data = Buffer.alloc(length);
  for (let i = 0; i < length; i += 4)
    data.writeUInt32LE(Math.imul(i + seed, 2654435761) >>> 0, Math.min(i, length - 4));
  return data;
};

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`records of all sizes, ${version}`, async (t) => {
    const port = new EchoPort(profile());
    t.teardown(() => port.close());
    const socket = connect({ ...clientOptions(port.port, 'client'), minVersion: version, maxVersion: version });
    const sizes = [4, 16380, 16384, 16385, 1 << 20, 5, (3 << 20) + 7, 131072, 131073];
    const sent = Buffer.concat(sizes.map((size, i) => record(pattern(size, i))));
    const got = await exchange(socket, sent);
    t.equal(got?.equals(sent), true);
    t.equal(socket.getProtocol(), version);
    const [greeted] = port.greetedAll;
    t.equal(greeted?.tls?.name, 'client');
    t.equal(greeted?.tls?.meets(defined(port.profiles[0], 'a profile')), true);
    t.equal(greeted?.tls?.meets(profile({ 'transport.socket.ssl-cert-depth': 3 })), false);
    socket.destroy();
  });
}

t.test('how long a chain may be: as options say, or as secure-access does', async (t) => {
  for (const [name, by] of [
    ['mid1', 'ca'],
    ['mid2', 'mid1'],
  ]) {
    openssl(`req ${KEY} -keyout ${name}.key -subj /CN=${name} -out ${name}.csr`);
    writeFileSync(at('authority'), 'basicConstraints=critical,CA:TRUE\n');
    openssl(
      `x509 -req -in ${name}.csr -CA ${by}.crt -CAkey ${by}.key -CAcreateserial -extfile authority -days 2 -out ${name}.crt`,
    );
  }
  certificate('deep', 'mid2', '/CN=deep');
  const chain = ['deep', 'mid2', 'mid1'].map((name) => readFileSync(at(`${name}.crt`), 'latin1'));
  writeFileSync(at('deep.crt'), chain.join(''));
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  const deep = (): Promise<boolean> => answers(clientOptions(port.port, 'deep'));
  t.equal(await deep(), false);
  port.access = { depth: 2 };
  t.equal(await deep(), true);
  t.equal(port.greetedAll.at(-1)?.tls?.meets(defined(port.profiles[0], 'a profile')), true);
  port.profiles = [profile({ 'transport.socket.ssl-cert-depth': 3 })];
  t.equal(await deep(), true);
  port.access = { depth: 1 };
  t.equal(await deep(), false, 'secure-access counts, not the option');
  port.access = null;
  t.equal(await deep(), true);
});

t.test('a client that takes its time, and one that sends little by little', async (t) => {
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  const slow = connect(clientOptions(port.port, 'client'));
  const sent = Buffer.concat(Array.from({ length: 24 }, (_, i) => record(pattern(1 << 20, i))));
  slow.pause();
  slow.write(sent);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const answered = answers(clientOptions(port.port, 'client'));
  t.equal(await answered, true, 'others are served meanwhile');
  const got: Buffer[] = [];
  let bytes = 0;
  slow.on('data', (piece: Buffer) => {
    got.push(piece);
    bytes += piece.length;
  });
  slow.resume();
  while (bytes < sent.length) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(Buffer.concat(got).equals(sent), true);
  slow.destroy();

  const bit = connect(clientOptions(port.port, 'client'));
  const small = record(pattern(400, 1));
  const echo: Buffer[] = [];
  bit.on('data', (piece: Buffer) => echo.push(piece));
  for (let i = 0; i < small.length; i += 13) {
    bit.write(small.subarray(i, i + 13));
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (Buffer.concat(echo).length < small.length) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(Buffer.concat(echo).equals(small), true);
  bit.destroy();
});

/** Stands between a client and a port, and counts the TLS records that the port sends. */
async function counting(port: number): Promise<{ port: number; records: () => number; close: () => void }> {
  let records = 0;
  const server = createServer((client) => {
    const behind = connectPlain(port, '127.0.0.1');
    let unread = Buffer.alloc(0);
    behind.on('data', (piece: Buffer) => {
      unread = Buffer.concat([unread, piece]);
      while (unread.length >= 5 && unread.length >= 5 + unread.readUInt16BE(3)) {
        records++;
        unread = unread.subarray(5 + unread.readUInt16BE(3));
      }
      client.write(piece);
    });
    client.on('data', (piece) => behind.write(piece));
    for (const [one, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, records: () => records, close: () => server.close() };
}

t.test(
  'no TLS record has bytes of two RPC records: clients would wait with the second one in their hands',
  async (t) => {
    const port = new EchoPort(profile());
    const between = await counting(port.port);
    t.teardown(() => {
      between.close();
      port.close();
    });
    const socket = connect(clientOptions(between.port, 'client'));
    await exchange(socket, record(Buffer.from('hello')));
    const before = between.records();
    const sent = Buffer.concat([
      ...Array.from({ length: 50 }, (_, i) => record(pattern(40 + 4 * i, i))),
      record(pattern(20000, 7)),
    ]);
    const got = await exchange(socket, sent);
    t.equal(got?.equals(sent), true);
    t.equal(between.records() - before, 50 + 2);
    socket.destroy();
  },
);

t.test('what lies in a pipe is encrypted as well', async (t) => {
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  const socket = connect(clientOptions(port.port, 'client'));
  await exchange(socket, record(Buffer.from('greetings')));
  const data = pattern(PIPE_BYTES, 3);
  writeFileSync(at('data'), data);
  const file = openSync(at('data'), 'r');
  const pipe = defined(emptyPipe(), 'a pipe');
  const b = batch();
  b.splice(file, 0, PIPE_BYTES, pipe.writeFd);
  t.equal(b.run(), 0);
  b.release();
  const got: Buffer[] = [];
  socket.on('data', (piece: Buffer) => got.push(piece));
  const [connection] = port.connections;
  const c = defined(connection, 'a connection');
  c.writer().u32(7);
  c.queued(pipe, PIPE_BYTES);
  while (Buffer.concat(got).length < PIPE_BYTES + 4) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(Buffer.concat(got).subarray(4).equals(data), true);
  socket.destroy();
});

t.test('who is let in', async (t) => {
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  t.equal(await answers(clientOptions(port.port, 'client')), true);
  t.equal(await answers(clientOptions(port.port, 'nameless')), true, 'names are judged later');
  t.equal(port.greetedAll.at(-1)?.tls?.name, '');
  t.equal(await answers(clientOptions(port.port, 'stranger')), false, 'of another authority');
  const { cert: _cert, key: _key, ...none } = clientOptions(port.port, 'client');
  t.equal(await answers(none), false, 'without a certificate');
  t.equal(await answers({ ...none, maxVersion: 'TLSv1.2' }), false);
  t.equal(
    await answers({
      ...clientOptions(port.port, 'client'),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
    false,
  );
  const plain = connectPlain(port.port, '127.0.0.1');
  t.equal(await exchange(plain, record(Buffer.from('hello'))), null, 'plain text');
  port.profiles = [];
  port.takesPlain = true;
  t.equal(await answers(clientOptions(port.port, 'client')), false, 'TLS where no brick takes it');
  const good = connectPlain(port.port, '127.0.0.1');
  t.type(await exchange(good, record(Buffer.from('hello'))), Buffer);
  good.destroy();
});

t.test('bricks that want different things of one port', async (t) => {
  const a = profile();
  const b = profile({}, 'other');
  const c = profile({ 'transport.socket.ssl-cipher-list': 'ECDHE-ECDSA-AES128-GCM-SHA256' });
  const port = new EchoPort(a, b, c);
  t.teardown(() => port.close());
  const met = async (name: string, more: ConnectionOptions = {}): Promise<boolean[]> => {
    t.equal(await answers({ ...clientOptions(port.port, name), ...more }), true, name);
    const tls = port.greetedAll.at(-1)?.tls;
    return port.profiles.map((wanted) => tls?.meets(wanted) === true);
  };
  t.same(await met('client'), [true, false, true]);
  t.same(await met('stranger'), [false, true, false]);
  const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' } as const;
  t.same(await met('client', old), [true, false, false], 'a cipher that one of them does not list');
});

t.test('files that are renewed', async (t) => {
  for (const name of ['server.crt', 'server.key']) copyFileSync(at(name), at(`now-${name}`));
  copyFileSync(at('ca.crt'), at('now-ca.crt'));
  const port = new EchoPort(
    profile({
      'transport.socket.ssl-own-cert': at('now-server.crt'),
      'transport.socket.ssl-private-key': at('now-server.key'),
      'transport.socket.ssl-ca-list': at('now-ca.crt'),
    }),
  );
  t.teardown(() => port.close());
  const client = clientOptions(port.port, 'client');
  t.equal(await answers(client), true);
  writeFileSync(at('now-ca.crt'), Buffer.concat([readFileSync(at('ca.crt')), readFileSync(at('other.crt'))]));
  t.equal(await answers(clientOptions(port.port, 'stranger')), true, 'another authority');
  copyFileSync(at('ca.crt'), at('now-ca.crt'));
  t.equal(await answers(clientOptions(port.port, 'stranger')), false, 'and gone');
  writeFileSync(at('now-server.crt'), readFileSync(at('server.crt')).subarray(0, 200));
  t.equal(await answers(client), false, 'half a certificate');
  await t.rejects(port.tls.current(), { message: /could not load our certificate/ });
  copyFileSync(at('client.crt'), at('now-server.crt'));
  t.equal(await answers(client), false, 'a certificate with the key of another');
  copyFileSync(at('client.key'), at('now-server.key'));
  t.equal(await answers(client), true);
});

t.test('sessions are resumed by TLS 1.3 alone, and only for who had one', async (t) => {
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  for (const [version, resumes] of [
    ['TLSv1.3', true],
    ['TLSv1.2', false],
  ] as const) {
    const options = { ...clientOptions(port.port, 'client'), minVersion: version, maxVersion: version };
    const first: TLSSocket = connect(options);
    let session: Buffer | undefined;
    first.on('session', (given) => {
      session = given;
    });
    await exchange(first, record(Buffer.from('hello')));
    first.destroy();
    const second = connect({ ...options, ...(session === undefined ? {} : { session }) });
    t.type(await exchange(second, record(Buffer.from('hello'))), Buffer, version);
    t.equal(second.isSessionReused(), resumes, version);
    t.equal(port.greetedAll.at(-1)?.tls?.name, 'client');
    t.equal(port.greetedAll.at(-1)?.tls?.meets(defined(port.profiles[0], 'a profile')), true);
    second.destroy();
  }
});

t.test('many handshakes leave nothing behind', async (t) => {
  const port = new EchoPort(profile());
  t.teardown(() => port.close());
  await answers(clientOptions(port.port, 'client'));
  const owned = addon.ownedFds();
  for (let i = 0; i < 10; i++) {
    const names = ['client', 'stranger', 'client', 'stranger'];
    await Promise.all(names.map((name) => answers(clientOptions(port.port, name))));
  }
  while (port.connections.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(addon.ownedFds() <= owned, 'descriptors');
  t.equal(port.budget.addresses, 0);
});
