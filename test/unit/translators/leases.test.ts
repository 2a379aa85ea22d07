/** features/leases with clients that never answer, or do. With libgfapi: test/gluster/clients/leases. */
import t from 'tap';
import { LeasesTranslator, MAX_LEASES_OF_CLIENT } from '../../../brickd/translators/features/leases/leases.js';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { EAGAIN, EINVAL, ENOSYS, ENOTCONN, EPERM } from '../../../native/errno.js';
import { O_NONBLOCK, O_RDWR } from '../../../native/linux.js';
import { type Asked, callOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, state, statOf } from './harness.js';

const A = 'client-A-lease-1';
const B = 'client-B-lease-1';
const idOf = (id: string): Uint8Array => Buffer.from(id.padEnd(16, '\0'));
const xdataOf = (id: string | null): Dict | null => (id === null ? null : new Dict().setBytes('lease-id', idOf(id)));
const READ = 1;
const WRITE = 2;

class Leases {
  readonly brick = new FakeBrick();
  readonly asked: Asked[] = [];
  readonly layer: LeasesTranslator;
  readonly inode: Inode = this.brick.inode();
  readonly a = new FakeClient('a');
  readonly b = new FakeClient('b');

  constructor(timeoutSec = 60) {
    const options = { leases: true, 'lease-lock-recall-timeout': timeoutSec };
    this.layer = make(LeasesTranslator, options, this.brick, {}, this.asked);
  }

  #lease(client: FakeClient, cmd: number, type: number, id: string) {
    const args = { inode: this.inode, cmd, leaseType: type, leaseId: idOf(id), leaseFlags: 0, xdata: null };
    return this.layer.lease(callOf(client), args);
  }
  get(): number {
    return this.#lease(this.a, 1, 0, A).leaseType;
  }
  set(client: FakeClient, type: number, id: string): Promise<number> {
    return errnoOfAttempt(() => this.#lease(client, 2, type, id));
  }
  giveBack(client: FakeClient, type: number, id: string): Promise<number> {
    return errnoOfAttempt(() => this.#lease(client, 3, type, id));
  }
  open(client: FakeClient, flags: number, id: string | null): { fd: Fd; done: Promise<number> } {
    const fd = fdOf(this.inode, client, flags);
    const args = { inode: this.inode, fd, flags, xdata: xdataOf(id) };
    const done = errnoOfAttempt(async () => {
      await this.layer.open(callOf(client), args);
      this.inode.fdCount++;
    });
    return { fd, done };
  }
  async opened(client: FakeClient, flags: number, id: string | null): Promise<Fd> {
    const { fd, done } = this.open(client, flags, id);
    t.equal(await done, 0);
    return fd;
  }
  close(fd: Fd): void {
    this.inode.fdCount--;
    this.layer.release(fd);
  }
  write(fd: Fd, id: string | null): Promise<number> {
    const args = { fd, offset: 0, size: 1, flags: 0, region: null as never, start: 0, xdata: xdataOf(id) };
    return errnoOfAttempt(() => this.layer.writev(callOf(fd.client as FakeClient), args));
  }
  read(fd: Fd, id: string | null): Promise<number> {
    const args = { fd, offset: 0, size: 1, flags: 0, xdata: xdataOf(id) };
    return errnoOfAttempt(() => this.layer.readv(callOf(fd.client as FakeClient), args));
  }
  unlink(client: FakeClient, id: string | null): Promise<number> {
    const loc = { inode: this.inode, parent: this.brick.root, name: 'f' };
    return errnoOfAttempt(() => this.layer.unlink(callOf(client), { loc, xflags: 0, xdata: xdataOf(id) }));
  }
  get recalls(): string[] {
    return this.brick.upcalls.splice(0).map(({ client, message }) => `${message.kind} ${client.uid}`);
  }
}

t.test('leases are counted by type and id', async (t) => {
  const l = new Leases();
  t.equal(l.get(), 0);
  t.equal(await l.set(l.a, READ, A), 0);
  t.equal(await l.set(l.a, WRITE, A), 0);
  t.equal(await l.set(l.a, READ, A), 0);
  t.equal(l.get(), READ | WRITE);
  t.equal(await l.giveBack(l.a, WRITE, A), 0);
  t.equal(await l.giveBack(l.a, WRITE, A), EINVAL);
  t.equal(await l.giveBack(l.a, READ, A), 0);
  t.equal(l.get(), READ);
  t.equal(l.inode.refs, 1, 'the file stays known');
  t.equal(await l.giveBack(l.a, READ, A), 0);
  t.equal(await l.giveBack(l.a, READ, A), 0, 'one that is gone may have been revoked');
  t.equal(l.inode.refs, 0);
  for (const type of [0, 3, 7, -1]) t.equal(await l.set(l.a, type, A), EINVAL);
  t.equal(await l.set(l.a, READ, ''), EINVAL);
  const internal = { inode: l.inode, cmd: 2, leaseType: READ, leaseId: idOf(A), leaseFlags: 0, xdata: null };
  t.equal(await errnoOfAttempt(() => l.layer.lease(callOf(l.a, { pid: -1 }), internal)), ENOSYS);
  t.equal(l.inode.ctx[0], undefined, 'nothing is kept of a file without leases');
});

t.test('what keeps a lease from being granted', async (t) => {
  const l = new Leases();
  const own = await l.opened(l.a, O_RDWR, A);
  const reader = await l.opened(l.b, 0, B);
  t.equal(await l.set(l.a, READ, A), 0);
  t.equal(await l.set(l.a, WRITE, A), EPERM, 'somebody reads');
  l.close(reader);
  t.equal(await l.set(l.a, WRITE, A), 0);
  t.equal(await l.set(l.b, READ, B), EPERM);
  t.same(l.recalls, ['lease-recall a'], 'the refusal recalls it');
  t.equal(await l.set(l.a, READ, A), EPERM, 'while it is recalled');
  t.equal(await l.giveBack(l.a, READ, A), 0);
  t.equal(await l.giveBack(l.a, WRITE, A), 0);
  const writer = await l.opened(l.b, O_RDWR, null);
  t.equal(await l.set(l.a, READ, A), EPERM, 'somebody may write, without a lease id');
  t.equal(await l.set(l.b, WRITE, B), EPERM);
  l.close(own);
  t.equal(await l.set(l.b, WRITE, B), 0, "a client's own descriptor without one is its own affair");
  l.close(writer);
  await l.giveBack(l.b, WRITE, B);
  l.inode.fdCount = 1;
  t.equal(await l.set(l.a, READ, A), EPERM, 'opened before leases were on');
  l.inode.fdCount = 0;
  const healer = fdOf(l.inode, l.b);
  await l.layer.open(callOf(l.b, { pid: -6 }), { inode: l.inode, fd: healer, flags: O_RDWR, xdata: null });
  l.inode.fdCount = 1;
  t.equal(await l.set(l.a, WRITE, A), 0, 'healing is in nobody’s way');
});

t.test('a descriptor that was flushed is in nobody’s way until it is used again', async (t) => {
  const l = new Leases();
  const fd = await l.opened(l.b, O_RDWR, B);
  await l.layer.flush(callOf(l.b), { fd, xdata: null });
  t.equal(await l.set(l.a, WRITE, A), 0);
  const write = l.write(fd, B);
  t.equal(await state(write), 'pending', 'who uses it breaks the lease');
  await l.giveBack(l.a, WRITE, A);
  t.equal(await write, 0);
  t.equal(await l.set(l.a, WRITE, A), EPERM);
});

t.test('a conflicting fop waits until the lease is given back; one recall for all', async (t) => {
  const l = new Leases();
  t.equal(await l.set(l.a, WRITE, A), 0);
  const { done } = l.open(l.b, 0, B);
  const again = l.open(l.b, O_RDWR, B).done;
  const anonymous = l.read(fdOf(l.inode, l.b), null);
  t.equal(await state(done), 'pending');
  t.same(l.recalls, ['lease-recall a']);
  t.same(l.asked, []);
  t.equal(await l.giveBack(l.a, WRITE, A), 0);
  t.same(await Promise.all([done, again, anonymous]), [0, 0, 0]);
  t.same(
    l.asked.map(({ fop }) => fop),
    ['open', 'open', 'readv'],
    'in their order',
  );
});

t.test('a read lease is broken by those who write', async (t) => {
  const l = new Leases();
  const reader = await l.opened(l.b, 0, B);
  t.equal(await l.set(l.a, READ, A), 0);
  t.equal(await l.set(l.b, READ, B), 0);
  t.equal(await l.read(reader, B), 0);
  t.equal(await l.read(reader, null), 0);
  t.same(l.recalls, []);
  const write = l.write(fdOf(l.inode, l.b), B);
  t.same(l.recalls, ['lease-recall a'], 'its own lease stays');
  t.equal(await state(write), 'pending');
  await l.giveBack(l.a, READ, A);
  t.equal(await write, 0);
  t.equal(l.get(), READ);
});

t.test('the holder’s own fops pass, but for those that take a name away', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  const fd = await l.opened(l.a, O_RDWR, A);
  t.equal(await l.write(fd, A), 0);
  t.equal(await l.read(fd, A), 0);
  const unlink = l.unlink(l.a, A);
  t.equal(await state(unlink), 'pending');
  t.same(l.recalls, ['lease-recall a']);
  await l.giveBack(l.a, WRITE, A);
  t.equal(await unlink, 0);
});

t.test('who must not wait gets EAGAIN', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  t.equal(await l.open(l.b, O_RDWR | O_NONBLOCK, B).done, EAGAIN);
  t.equal(await l.write(fdOf(l.inode, l.b, O_RDWR | O_NONBLOCK), null), EAGAIN);
  const flock = { type: 1, whence: 0, start: 0n, len: 0n, pid: 1, owner: 'x' };
  const lk = (cmd: number, type: number) => () =>
    l.layer.lk(callOf(l.b), { fd: fdOf(l.inode, l.b), cmd, flock: { ...flock, type }, xdata: null });
  t.equal(await errnoOfAttempt(lk(1, 1)), EAGAIN, 'a lock');
  t.equal(await errnoOfAttempt(lk(1, 2)), 0, 'an unlock');
  const lock = errnoOfAttempt(lk(2, 0));
  t.equal(await state(lock), 'pending', 'a lock that may be waited for');
  t.same(l.recalls, ['lease-recall a']);
  await l.giveBack(l.a, WRITE, A);
  t.equal(await lock, 0);
});

t.test('a holder that does not answer loses its lease', async (t) => {
  const l = new Leases(0.05);
  await l.set(l.a, WRITE, A);
  const { fd, done } = l.open(l.b, O_RDWR, B);
  t.equal(await done, 0);
  t.equal(l.get(), 0);
  t.equal(await l.giveBack(l.a, WRITE, A), 0, 'its late answer is no mistake');
  t.equal(await l.set(l.b, WRITE, B), 0);
  t.equal(await l.write(fd, B), 0);
});

t.test('clients that go', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  const { done } = l.open(l.b, 0, B);
  const c = new FakeClient('c');
  const waiting = l.open(c, 0, null).done;
  c.alive = false;
  l.layer.clientGone(c);
  t.equal(await waiting, ENOTCONN, 'its fops wait no longer');
  t.equal(await l.open(c, 0, null).done, ENOTCONN);
  t.equal(await state(done), 'pending');
  l.a.alive = false;
  l.layer.clientGone(l.a);
  t.equal(await done, 0, 'its leases are gone');
  t.equal(await l.set(l.a, READ, A), ENOTCONN);
});

t.test('while fops are let go, nobody is granted a lease', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  const write = l.write(fdOf(l.inode, l.b), B);
  t.equal(await state(write), 'pending');
  const call = callOf(l.a);
  const args = { inode: l.inode, leaseType: WRITE, leaseId: idOf(A), leaseFlags: 0, xdata: null };
  l.layer.lease(call, { ...args, cmd: 3 });
  // In the same turn: the fop has not gone on yet.
  const tooEarly = errnoOfAttempt(() => l.layer.lease(call, { ...args, cmd: 2 }));
  // Nor between any two steps of its going on.
  let granted = false;
  for (let step = 0; step < 20 && l.asked.length === 0; step++) {
    try {
      l.layer.lease(call, { ...args, cmd: 2 });
      granted = true;
    } catch {
      await null;
    }
  }
  t.notOk(granted);
  t.equal(await tooEarly, EPERM);
  t.equal(await write, 0);
  t.equal(await l.set(l.a, WRITE, A), 0);
});

t.test('a create that opens a file with a lease waits for it', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  const bound: Fd[] = [];
  l.layer.next.create = (_call, args) => {
    args.admit?.(statOf({ gfid: l.inode.gfid }), null);
    const none = statOf({});
    const bind = (fd: Fd): void => void bound.push(fd);
    return { stat: none, preparent: none, postparent: none, xdata: null, bind, abandon: () => {} };
  };
  const loc = { inode: null, parent: l.brick.root, name: 'f' };
  const args = { loc, flags: O_RDWR, mode: 0o644, umask: 0, pid: 1, xdata: xdataOf(B) };
  const created = Promise.resolve(l.layer.create(callOf(l.b), args));
  t.equal(await state(created), 'pending');
  await l.giveBack(l.a, WRITE, A);
  (await created).bind(fdOf(l.inode, l.b));
  l.inode.fdCount++;
  t.equal(bound.length, 1);
  t.equal(await l.set(l.a, READ, A), EPERM, 'its descriptor counts');
});

t.test('switched off, or the brick closing', async (t) => {
  const l = new Leases();
  await l.set(l.a, WRITE, A);
  const write = l.write(fdOf(l.inode, l.b), B);
  await l.layer.reconfigure({ leases: false, 'lease-lock-recall-timeout': 60 });
  t.equal(await write, 0);
  t.notOk(l.layer.wants('lease'));
  const closing = new Leases();
  await closing.set(closing.a, WRITE, A);
  const open = closing.open(closing.b, 0, B).done;
  closing.layer.closing();
  t.equal(await open, ENOTCONN);
  await closing.layer.fini();
  t.equal(closing.inode.refs, 0);
});

t.test('a client has a bound', async (t) => {
  t.ok(MAX_LEASES_OF_CLIENT >= 1000);
  const l = new Leases();
  const args = { cmd: 2, leaseType: READ, leaseId: idOf(A), leaseFlags: 0, xdata: null };
  const call = callOf(l.a);
  for (let i = 0; i < MAX_LEASES_OF_CLIENT; i++) l.layer.lease(call, { ...args, inode: l.brick.inode() });
  t.equal(await l.set(l.a, READ, A), EPERM);
  l.layer.clientGone(l.a);
  t.equal(await l.set(l.a, READ, A), 0);
});
