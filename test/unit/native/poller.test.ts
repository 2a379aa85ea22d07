/** Sockets and pollers: listening, accepting, sending and receiving at addresses, readiness. */
import { createConnection, createServer, type Socket } from 'node:net';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { region } from '../../../native/memory.js';
import { later, scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;

/** A listening socket, a Node client connected to it and the accepted descriptor. */
async function pair(family = 4): Promise<{ listener: number; client: Socket; fd: number }> {
  const host = family === 6 ? '::1' : '127.0.0.1';
  const listener = addon.listenTcp(host, 0, family, 16);
  if (listener < 0) throw new Error(`errno ${-listener}`);
  const [, port] = addon.sockName(listener) as [string, number];
  const client = createConnection({ host, port });
  const fd = await new Promise<number>((resolve) => {
    const p = addon.poll(listener, () => {
      p.close();
      resolve(addon.accept(listener));
    });
    p.set(1);
  });
  await new Promise((resolve) => (client.connecting ? client.once('connect', resolve) : resolve(null)));
  return { listener, client, fd };
}

t.test('accept, names, options', async (t) => {
  const { listener, client, fd } = await pair();
  t.ok(fd > 2);
  t.equal(addon.accept(listener), -c['EAGAIN']!);
  t.same(addon.peerName(fd), ['127.0.0.1', client.localPort]);
  t.same(addon.sockName(fd), ['127.0.0.1', client.remotePort]);
  t.equal(addon.setSockOpt(fd, 6, 1, 1), 0);
  t.equal(addon.setSockOpt(fd, 6, 9999, 1), -c['ENOPROTOOPT']!);
  t.equal(addon.peerName(listener), -c['ENOTCONN']!);
  t.equal(addon.peerName(0x7fffffff), -c['EBADF']!);
  const taken = addon.sockName(listener) as [string, number];
  t.equal(addon.listenTcp('127.0.0.1', taken[1], 4, 1), -c['EADDRINUSE']!);
  t.equal(addon.listenTcp('no such host.invalid', 0, 4, 1) < 0, true);
  t.equal(addon.listenTcp('', 70000, 4, 1), -c['EINVAL']!);
  client.destroy();
  addon.closeFd(fd);
  addon.closeFd(listener);
});

t.test('IPv4 clients reach the IPv6 wildcard', async (t) => {
  const listener = addon.listenTcp('', 0, 6, 16);
  if (listener === -c['EAFNOSUPPORT']!) return void t.comment('no IPv6 here');
  t.ok(listener > 2);
  const [, port] = addon.sockName(listener) as [string, number];
  const client = createConnection({ host: '127.0.0.1', port });
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  const fd = addon.accept(listener);
  t.same((addon.peerName(fd) as [string, number])[0], '::ffff:127.0.0.1');
  client.destroy();
  addon.closeFd(fd);
  addon.closeFd(listener);
});

t.test('sendv and recv', async (t) => {
  const { listener, client, fd } = await pair();
  const r = region(1 << 20);
  t.equal(addon.recv(fd, r.address, 100), -c['EAGAIN']!);
  // More pieces than one call of the kernel takes, of different lengths.
  const count = 1500;
  const pieces = new Float64Array(2 * count);
  const parts: Buffer[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = 1 + (i % 40);
    r.bytes.fill(i & 0xff, at, at + length);
    pieces[2 * i] = r.address + at;
    pieces[2 * i + 1] = length;
    parts.push(Buffer.from(r.bytes.subarray(at, at + length)));
    at += length;
  }
  const got: Buffer[] = [];
  client.on('data', (d) => got.push(d));
  t.equal(addon.sendv(fd, pieces, count), at);
  while (Buffer.concat(got).length < at) await later(1);
  t.ok(Buffer.concat(got).equals(Buffer.concat(parts)));
  t.equal(addon.sendv(fd, pieces, 0), 0);

  // A full socket takes what it can.
  client.pause();
  const big = Float64Array.of(r.address, r.capacity);
  let total = 0;
  let n = 0;
  while ((n = addon.sendv(fd, big, 1)) > 0) total += n;
  t.equal(n, -c['EAGAIN']!);
  let received = 0;
  client.removeAllListeners('data');
  client.on('data', (d) => {
    received += d.length;
  });
  let writable = 0;
  const poller = addon.poll(fd, (events) => {
    writable |= events;
    poller.set(0);
  });
  poller.set(2);
  client.resume();
  while (received < total) await later(1);
  while (writable === 0) await later(1);
  t.equal(writable, 2);
  poller.close();

  client.end('bye');
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    const reader = addon.poll(fd, (events) => {
      t.equal(events & 1, 1);
      for (;;) {
        const n = addon.recv(fd, r.address, r.capacity);
        if (n === -c['EAGAIN']!) return;
        seen.push(r.bytes.latin1Slice(0, Math.max(n, 0)));
        if (n <= 0) {
          reader.close();
          resolve();
          return;
        }
      }
    });
    reader.set(1);
  });
  t.equal(seen.join('|'), 'bye|');
  t.equal(addon.shutdown(fd, 1), 0);
  client.destroy();
  await later(5);
  addon.closeFd(fd);
  addon.closeFd(listener);
  t.equal(addon.recv(fd, r.address, 1), -c['EBADF']!);
  r.release();
});

t.test('a vanished peer is an error, not a signal', async (t) => {
  const { listener, client, fd } = await pair();
  client.resetAndDestroy();
  const r = region(4096);
  const piece = Float64Array.of(r.address, 10);
  let n = 0;
  for (let i = 0; i < 100 && n >= 0; i++) {
    n = addon.sendv(fd, piece, 1);
    await later(1);
  }
  t.ok(n === -c['EPIPE']! || n === -c['ECONNRESET']!);
  const events = await new Promise<number>((resolve) => {
    const p = addon.poll(fd, (e) => {
      p.close();
      resolve(e);
    });
    p.set(1);
  });
  t.equal(events & 1, 1);
  r.release();
  addon.closeFd(fd);
  addon.closeFd(listener);
});

t.test('microtasks run after each callback; closing in a callback; unix sockets', async (t) => {
  const server = createServer((s) => s.end('x'));
  await new Promise<void>((resolve) => server.listen(dir.at('sock'), resolve));
  const client = createConnection(dir.at('sock'));
  await new Promise((resolve) => client.once('connect', resolve));
  // biome-ignore lint/suspicious/noExplicitAny: the handle of a Node socket
  const fd = addon.dupFd((client as any)._handle.fd);
  t.same(addon.peerName(fd), ['', 0]);
  client.destroy();
  const order: string[] = [];
  const r = region(4096);
  await new Promise<void>((resolve) => {
    const p = addon.poll(fd, () => {
      order.push('callback');
      queueMicrotask(() => order.push('microtask'));
      setImmediate(() => {
        order.push('immediate');
        resolve();
      });
      addon.recv(fd, r.address, 10);
      p.close();
      p.close();
      p.set(1);
      p.ref(true);
    });
    p.set(1);
  });
  t.same(order, ['callback', 'microtask', 'immediate']);
  r.release();
  addon.closeFd(fd);
  server.close();
});

t.test('wrong arguments', async (t) => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
  const any = addon as any;
  t.throws(() => any.poll(1), TypeError);
  t.throws(() => any.poll('1', () => {}), TypeError);
  const plain = addon.open(dir.path, c['O_RDONLY']!, 0);
  t.throws(() => addon.poll(plain, () => {}), /can't watch/);
  addon.closeFd(plain);
  t.throws(() => any.recv(1, 2, 3), TypeError);
  t.throws(() => any.sendv(1, new Float64Array(2), 2), TypeError);
  t.throws(() => any.sendv(1, [1, 2], 1), TypeError);
  t.throws(() => any.closeFd(), TypeError);
  t.throws(() => any.closeFd(2 ** 40), TypeError);
  t.throws(() => any.listenTcp(1, 2, 3, 4), TypeError);
});
