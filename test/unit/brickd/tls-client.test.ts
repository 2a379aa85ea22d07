/** TLS with glusterd: whose certificates count, and what is said about those that do not. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import t from 'tap';
import { type CertificateFiles, clientContext } from '../../../brickd/glusterd/certificates.js';
import { secured } from '../../../brickd/glusterd/tls-client.js';
import { TlsFailure } from '../../../brickd/glusterd/tls-failure.js';
import { certificateDirectory } from '../../../mux/tls/paths.js';
import { secureAccess } from '../../../mux/tls/secure-access.js';

const root = mkdtempSync(join(tmpdir(), 'tls-client'));
t.teardown(() => rmSync(root, { recursive: true }));
const skip = !existsSync('/usr/bin/openssl') && 'no openssl';

const run = (...args: string[]): void => {
  execFileSync('/usr/bin/openssl', args, { cwd: root, stdio: 'pipe' });
};

/** A certificate signed by another one, or by itself. */
function make(name: string, by: string | null, authority = false): void {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  const key = join(dir, 'glusterfs.key');
  const pem = join(dir, 'glusterfs.pem');
  writeFileSync(join(dir, 'ext'), `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}\n`);
  run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key);
  run('req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', join(dir, 'csr'));
  const signer =
    by === null
      ? ['-signkey', key]
      : ['-CA', join(root, by, 'glusterfs.pem'), '-CAkey', join(root, by, 'glusterfs.key'), '-CAcreateserial'];
  run('x509', '-req', '-in', join(dir, 'csr'), '-days', '2', '-extfile', join(dir, 'ext'), ...signer, '-out', pem);
  // A chain: the certificate, then those of its authorities but the root.
  if (by !== null && by !== 'root' && by !== 'other')
    writeFileSync(pem, readFileSync(pem, 'latin1') + readFileSync(join(root, by, 'glusterfs.pem'), 'latin1'));
}

const filesOf = (name: string, authority = 'root'): CertificateFiles => ({
  certificate: join(root, name, 'glusterfs.pem'),
  key: join(root, name, 'glusterfs.key'),
  authorities: join(root, authority, 'glusterfs.pem'),
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** As glusterd: asks for a certificate, and says hello to those it likes. */
const glusterd = (name: string): Promise<number> => {
  const { certificate: cert, key, authorities } = filesOf(name);
  const read = (path: string): Buffer => readFileSync(path);
  const server = createServer(
    { cert: read(cert), key: read(key), ca: read(authorities), requestCert: true, rejectUnauthorized: true },
    (socket) => socket.end('hello'),
  );
  server.on('tlsClientError', () => {});
  return listening(server);
};

async function secure(port: number, files: CertificateFiles, depth = 1): Promise<TLSSocket> {
  const context = await clientContext(files);
  const socket: Socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  return secured(socket, context, depth);
}

const heard = (socket: TLSSocket): Promise<string> =>
  new Promise((resolve, reject) => {
    socket.once('data', (data: Buffer) => resolve(data.toString()));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });

t.test('handshakes', { skip }, async (t) => {
  make('root', null, true);
  make('other', null, true);
  make('mid1', 'root', true);
  make('mid2', 'mid1', true);
  make('node', 'root');
  make('deep', 'mid2');
  make('stranger', 'other');
  const port = await glusterd('node');

  t.equal(await heard(await secure(port, filesOf('node'))), 'hello');
  await t.rejects(secure(port, filesOf('node', 'other')), { message: /certificate verify failed/ });
  await t.rejects(secure(await glusterd('stranger'), filesOf('node')), { message: /certificate verify failed/ });

  const deep = await glusterd('deep');
  await t.rejects(secure(deep, filesOf('node')), { message: /2 authorities below the root, 1 allowed/ });
  t.equal(await heard(await secure(deep, filesOf('node'), 2)), 'hello');

  const refused = await secure(port, filesOf('stranger'))
    .then(heard)
    .catch((error: Error) => error);
  t.match(refused, Error, 'glusterd refuses a foreign certificate');
});

t.test('a glusterd without TLS', { skip }, async (t) => {
  const plain = await listening(createPlainServer((socket) => socket.once('data', () => socket.destroy())));
  const failure = await secure(plain, filesOf('node')).catch((error: unknown) => error);
  t.ok(failure instanceof TlsFailure && failure.unexplained);
  t.match(failure, { message: /secure-access/ });
  const babble = await listening(createPlainServer((socket) => socket.end('hello, this is no TLS at all')));
  await t.rejects(secure(babble, filesOf('node')), { message: /TLS failed/ });
});

t.test('files that cannot be used are named', { skip }, async (t) => {
  const good = filesOf('node');
  const missing = join(root, 'none');
  const rubbish = join(root, 'rubbish');
  writeFileSync(rubbish, 'rubbish');
  const says = (files: Partial<CertificateFiles>, message: RegExp): Promise<unknown> =>
    t.rejects(clientContext({ ...good, ...files }), { message });
  await says({ certificate: missing }, /could not load our cert at .*none: No such file/);
  await says({ key: missing }, /could not load private key at .*none: No such file/);
  await says({ authorities: missing }, /could not load CA list at .*none: No such file/);
  await says({ certificate: rubbish }, /could not load our cert at .*rubbish: /);
  await says({ key: rubbish }, /could not load private key at .*rubbish: /);
  await says({ authorities: rubbish }, /could not load CA list at .*rubbish: /);
  await says({ key: filesOf('deep').key }, /is not the key of .*node/);
});

t.test('the directory of certificates', async (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(root, 'places', name));
  const places = [a!, b!, c!];
  t.equal(certificateDirectory(places), a, 'none is there');
  mkdirSync(b!, { recursive: true });
  t.equal(certificateDirectory(places), b, 'none has a file');
  mkdirSync(c!);
  writeFileSync(join(c!, 'glusterfs.key'), '');
  t.equal(certificateDirectory(places), c);
});

t.test('secure-access', async (t) => {
  const file = join(root, 'secure-access');
  t.equal(await secureAccess(file), null);
  for (const [text, depth] of [
    ['', 1],
    ['option transport.socket.ssl-cert-depth 3\n', 3],
    ['# 5\noption transport.socket.ssl-cert-depth 4', 4],
    ['option transport.socket.ssl-cert-depth x', 1],
    ['option transport.socket.ssl-cert-depth 0', 1],
  ] as const) {
    writeFileSync(file, text);
    t.same(await secureAccess(file), { depth }, JSON.stringify(text));
  }
});
