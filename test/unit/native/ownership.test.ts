/** Descriptors of a worker that ends by whatever fault: closed with it, sockets at once, and nobody else's. */
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { later, scratch } from './scratch.js';

t.setTimeout(120_000);
const dir = scratch();
const c = addon.constants as Record<string, number>;
const script = new URL('./ownership-worker.js', import.meta.url);

/** Descriptors of this process on files of the scratch directory, and its sockets. */
function openThere(): string[] {
  const names: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const to = readlinkSync(`/proc/self/fd/${fd}`);
      if (to.startsWith(dir.path)) names.push(to);
    } catch {
      // the descriptor of this listing
    }
  }
  return names.sort();
}

interface Started {
  worker: Worker;
  port: number;
  exit: Promise<number>;
  error: Promise<Error>;
}

async function start(how: string, resourceLimits = {}): Promise<Started> {
  const worker = new Worker(script, { workerData: { path: dir.path, how }, resourceLimits });
  const exit = new Promise<number>((resolve) => worker.once('exit', resolve));
  const error = new Promise<Error>((resolve) => worker.once('error', resolve));
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { worker, port, exit, error };
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const s = connect(port, '127.0.0.1', () => resolve(s));
    s.once('error', reject);
  });

const before = openThere();

for (const how of ['throw', 'reject', 'exit', 'callback', 'terminate', 'memory']) {
  t.test(`a worker that ends by ${how} leaves nothing open`, async (t) => {
    const w = await start(how, how === 'memory' ? { maxOldGenerationSizeMb: 64 } : {});
    const client = await connected(w.port);
    const gone = closed(client);
    await later(20);
    t.ok(openThere().length > before.length + 3, 'it has files open');
    if (how === 'terminate') void w.worker.terminate();
    else client.write('go');
    await Promise.all([gone, w.exit]);
    t.same(openThere(), before);
    const again = await connected(w.port).then(
      (s) => {
        s.destroy();
        return 'accepted';
      },
      (error: NodeJS.ErrnoException) => error.code,
    );
    t.equal(again, 'ECONNREFUSED', 'its port is closed');
  });
}

t.test('peers hear at once, files wait for the batches that use them', async (t) => {
  const make = batch();
  make.mknod(dir.fd, 'hang', c['S_IFIFO']! | 0o600, 0);
  make.run();
  make.release();
  const w = await start('hang');
  const client = await connected(w.port);
  const gone = closed(client);
  client.write('go');
  let ended = false;
  void w.exit.then(() => {
    ended = true;
  });
  await gone;
  await later(50);
  t.notOk(ended, 'a batch still hangs');
  t.ok(openThere().length > before.length, 'and its files are open');
  const writer = addon.open(dir.at('hang'), c['O_WRONLY']! | c['O_NONBLOCK']!, 0);
  t.ok(writer >= 0);
  addon.closeFd(writer);
  await w.exit;
  t.same(openThere(), before);
});

t.test('a socket on its way belongs to exactly one', async (t) => {
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 5);
  const [, port] = addon.sockName(listener) as [string, number];
  const client = await connected(port);
  const fd = addon.accept(listener);
  const owned = addon.ownedFds();
  const ticket = addon.sendFd(fd);
  t.ok(ticket > 0);
  t.equal(addon.sendFd(fd), 0, 'it is not ours any more');
  t.equal(addon.ownedFds(), owned - 1);
  t.equal(addon.takeFd(fd, ticket + 1), false, 'a wrong ticket');
  t.equal(addon.takeFd(fd, ticket), true);
  t.equal(addon.takeFd(fd, ticket), false, 'a ticket is good for once');
  t.equal(addon.ownedFds(), owned);
  const file = addon.open(dir.path, 0, 0);
  t.equal(addon.sendFd(file), 0, 'files are not given away');
  addon.closeFd(file);
  addon.closeFd(fd);
  addon.closeFd(listener);
  client.destroy();
});

t.test('a socket that was sent to a worker that is gone is taken back', async (t) => {
  const w = await start('exit');
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 5);
  const [, port] = addon.sockName(listener) as [string, number];
  const client = await connected(port);
  const fd = addon.accept(listener);
  const ticket = addon.sendFd(fd);
  void w.worker.terminate();
  await w.exit;
  t.equal(addon.takeFd(fd, ticket), true, 'nobody took it');
  const other = await start('adopt');
  const client2 = await connected(port);
  const fd2 = addon.accept(listener);
  const ticket2 = addon.sendFd(fd2);
  const taken = new Promise((resolve) => other.worker.once('message', resolve));
  other.worker.postMessage({ fd: fd2, ticket: ticket2 });
  t.equal(await taken, true);
  const gone = closed(client2);
  void other.worker.terminate();
  await gone;
  t.equal(addon.takeFd(fd2, ticket2), false, 'it went with the worker that took it');
  t.ok(!client.destroyed);
  client.destroy();
  addon.closeFd(fd);
  addon.closeFd(listener);
});
