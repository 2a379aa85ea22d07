/** Attach and detach of several bricks: order, repetition, hanging disks, the end of the last one. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Bricks } from '../../../brickd/daemon/bricks.js';
import { readVolfile, volfileIdOf } from '../../../brickd/daemon/volfile-path.js';
import { DaemonLog } from '../../../brickd/log/open.js';
import { BrickError } from '../../../mux/base/brick-error.js';
import { type ByteString, bytesOfText } from '../../../native/bytes.js';
import { sampleBrickVolfile } from '../../../volfiles/samples/brick.js';
import { commandLine } from './command-line.js';
import { FakeServer } from './fake-server.js';

const VOLUME_ID = '7d50d552-839b-4155-addf-bfa8cb2c24e7';
const PATIENT = { detachMs: 10_000, attachMs: 20_000 };
const HASTY = { detachMs: 150, attachMs: 300 };

/** A server whose bricks take their time. */
class SlowServer extends FakeServer {
  readonly hung = new Map<ByteString, Promise<void>>();
  override async attach(spec: Parameters<FakeServer['attach']>[0]): Promise<void> {
    this.calls.push(`begin ${spec.brick}`);
    await (this.hung.get(spec.brick) ?? new Promise((resolve) => setTimeout(resolve, 2)));
    await super.attach(spec);
  }
  override async detach(brick: ByteString): Promise<void> {
    await (this.hung.get(brick) ?? new Promise((resolve) => setTimeout(resolve, 2)));
    await super.detach(brick);
  }
  /** Until the function it returns is called the disk of the brick hangs. */
  hang(brick: ByteString): () => void {
    let release: () => void = () => {};
    this.hung.set(brick, new Promise((resolve) => (release = resolve)));
    return () => {
      this.hung.delete(brick);
      release();
    };
  }
}

function setUp(t: { teardown(f: () => void): void }, waits = PATIENT) {
  const directory = mkdtempSync(join(tmpdir(), 'brickd-attach-'));
  const logFile = join(directory, 'log');
  const options = {
    file: bytesOfText(logFile),
    level: 7,
    localTime: false,
    withId: true,
    bufferSize: 5,
    flushTimeoutS: 120,
  };
  const log = new DaemonLog(options);
  t.teardown(() => log.flush());
  const server = new SlowServer();
  const bricks = new Bricks(commandLine(['glusterfsd', '-f', '/x', '--brick-mux']), server, log, null, waits);
  let emptied = 0;
  bricks.onEmpty = () => emptied++;
  const path = (name: string) => join(directory, `${name}.vol`);
  const write = (name: string, options: Record<string, Record<string, string>> = {}, brick = `/d/${name}`) =>
    writeFileSync(
      path(name),
      sampleBrickVolfile({ volume: name, directory: brick, volumeId: VOLUME_ID, port: 1, options }),
    );
  for (const name of ['a', 'b', 'c']) write(name);
  return {
    server,
    bricks,
    log,
    path,
    write,
    attach: async (name: string): Promise<void> => {
      await bricks.attachFile(bytesOfText(path(name)));
    },
    emptied: () => emptied,
    lines: () => readFileSync(logFile, 'latin1'),
  };
}

t.test('requests for one brick happen in their order', async (t) => {
  const { server, bricks, attach, emptied } = setUp(t);
  await attach('c');
  const answers: string[] = [];
  const note = (what: string) => (outcome: unknown) =>
    void answers.push(`${what} ${typeof outcome === 'string' ? outcome : 'up'}`);
  const asked: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    asked.push(attach('a').then(note('a')), bricks.detach(bytesOfText('/d/a')).then(note('a')));
    asked.push(bricks.detach(bytesOfText('/d/b')).then(note('b')), attach('b').then(note('b')));
  }
  await Promise.all(asked);
  t.equal(answers.length, 80, 'one answer each');
  t.same(
    answers.filter((l) => l.startsWith('a')),
    Array.from({ length: 40 }, (_, i) => (i % 2 ? 'a gone' : 'a up')),
  );
  t.same(bricks.staying().sort(), ['/d/b', '/d/c']);
  t.equal(server.calls.filter((c) => c === 'attach /d/a').length, 20);
  t.equal(emptied(), 0);
});

t.test('an attach of a brick that is up', async (t) => {
  const { server, attach, write, lines, bricks, path } = setUp(t);
  await attach('a');
  await attach('a');
  t.same(server.calls.slice(2), [], 'nothing to do');
  t.match(lines(), /already being served \[\{brick=\/d\/a\}, \{volfile-id=a\}\]/);
  write('a', { locks: { trace: 'on' } });
  await attach('a');
  t.same(server.calls.slice(2), ['reconfigure /d/a']);
  server.errors.set(
    'reconfigure',
    new BrickError('BRICK_NOT_RECONFIGURED', bytesOfText('/d/a'), { message: 'another set of translators' }),
  );
  write('a', { locks: { trace: 'off' } });
  await attach('a');
  t.same(server.calls.slice(3), ['reconfigure /d/a', 'detach /d/a', 'begin /d/a', 'attach /d/a']);
  server.errors.delete('reconfigure');
  server.unapplied = [{ volume: 'v-sdfs', option: '', value: '', reason: 'it is new', guards: false }];
  write('a', { locks: { trace: 'on' } });
  await attach('a');
  t.same(server.calls.slice(7), ['reconfigure /d/a', 'detach /d/a', 'begin /d/a', 'attach /d/a']);
  t.match(
    lines(),
    /restarting the brick for its changed volfile .*volume 'v-sdfs' is not in effect as the volfile has it: it is new/,
  );
  write('other', {}, '/d/a');
  await t.rejects(attach('other'), {
    code: 'BRICK_ALREADY_SERVED',
    brick: '/d/a',
    errno: 17,
    message: /already being served, with volfile-id a$/,
  });
  t.same(bricks.staying(), ['/d/a']);
  await t.rejects(bricks.attachFile(bytesOfText(path('none'))), { message: /none\.vol cannot be read: ENOENT/ });
});

t.test('a failed attach leaves nothing behind', async (t) => {
  const { server, attach, bricks, emptied } = setUp(t);
  await attach('b');
  server.errors.set(
    'attach',
    new BrickError('BRICK_NOT_STARTED', bytesOfText('/d/a'), { message: 'brick /d/a: directory does not exist' }),
  );
  await t.rejects(attach('a'), { message: /does not exist/ });
  t.notOk(bricks.knows(bytesOfText('/d/a')));
  t.equal(bricks.volfiles.ofBrick(bytesOfText('/d/a')), undefined);
  t.equal(await bricks.detach(bytesOfText('/d/a')), 'absent');
  server.errors.clear();
  await attach('a');
  t.same(bricks.staying(), ['/d/b', '/d/a']);
  t.equal(emptied(), 0);
});

t.test('a brick that hangs on its way out holds up nobody else', async (t) => {
  const { server, attach, bricks, emptied, lines } = setUp(t, HASTY);
  await Promise.all(['a', 'b'].map(attach));
  const release = server.hang(bytesOfText('/d/a'));
  const going = bricks.detach(bytesOfText('/d/a'));
  await attach('c');
  t.equal(await bricks.detach(bytesOfText('/d/c')), 'gone', 'meanwhile');
  t.equal(await going, 'late');
  t.match(lines(), /detaching takes long and continues in the background \[\{brick=\/d\/a\}\]/);
  t.same(bricks.staying(), ['/d/b']);
  await t.rejects(attach('a'), { brick: '/d/a', message: /asked for it before is not done after/ });
  release();
  await bricks.idle();
  t.same(server.bricks(), ['/d/b']);
  await attach('a');
  t.same(bricks.staying(), ['/d/b', '/d/a'], 'and comes back');
  t.equal(emptied(), 0);
});

t.test('a brick that hangs on its way in is given up, and taken out should it come', async (t) => {
  const { server, attach, bricks } = setUp(t, HASTY);
  await attach('b');
  const release = server.hang(bytesOfText('/d/a'));
  const coming = attach('a');
  await attach('c');
  await t.rejects(coming, {
    code: 'BRICK_START_TIMEOUT',
    brick: '/d/a',
    errno: 110,
    message: /brick \/d\/a: it is not up after 0\.3 s/,
  });
  release();
  await bricks.idle();
  t.same(bricks.staying(), ['/d/b', '/d/c']);
  t.ok(server.calls.includes('detach /d/a'));
  await attach('a');
  t.same(bricks.staying(), ['/d/b', '/d/c', '/d/a']);
});

t.test('more hanging bricks than attaches at once do not stop the next', async (t) => {
  const { server, attach, write, bricks } = setUp(t, HASTY);
  await attach('a');
  const releases: (() => void)[] = [];
  const hanging: Promise<unknown>[] = [];
  for (let i = 0; i < 40; i++) {
    write(`h${i}`);
    releases.push(server.hang(bytesOfText(`/d/h${i}`)));
    hanging.push(attach(`h${i}`).catch((error: { errno: number }) => error.errno));
  }
  const errnos = await Promise.all(hanging);
  t.same(errnos, Array(40).fill(110));
  await attach('b');
  for (const release of releases) release();
  await bricks.idle();
  t.same(bricks.staying(), ['/d/a', '/d/b']);
});

t.test('the last one out', async (t) => {
  const { server, attach, bricks, emptied } = setUp(t, HASTY);
  await Promise.all(['a', 'b'].map(attach));
  await Promise.all([bricks.detach(bytesOfText('/d/a')), bricks.detach(bytesOfText('/d/b'))]);
  t.equal(emptied(), 1, 'two at once: one end');
  await attach('a');
  const going = bricks.detach(bytesOfText('/d/a'));
  const coming = attach('b');
  await going;
  await coming;
  t.equal(emptied(), 1, 'one that comes keeps the process');
  server.hang(bytesOfText('/d/b'));
  t.equal(await bricks.detach(bytesOfText('/d/b')), 'late');
  t.equal(emptied(), 2, 'one that hangs does not');
});

t.test('a detach of the last brick while another fails to come', async (t) => {
  const { server, attach, bricks, emptied } = setUp(t, HASTY);
  await attach('a');
  server.errors.set('attach', new BrickError('BRICK_NOT_STARTED', bytesOfText('/d/b'), { message: 'no' }));
  server.hang(bytesOfText('/d/b'));
  const coming = attach('b');
  await bricks.detach(bytesOfText('/d/a'));
  t.equal(emptied(), 0);
  await t.rejects(coming);
  t.equal(emptied(), 1);
});

t.test('bricks that share a process log at their own levels', async (t) => {
  const { write, attach, log } = setUp(t);
  write('a', { '': { 'log-level': 'DEBUG' } });
  await Promise.all(['a', 'b'].map(attach));
  t.equal(log.control.levelOf('a-posix'), 8);
  t.equal(log.control.levelOf('/d/a'), 8);
  t.equal(log.control.levelOf('b-posix'), 7);
  t.equal(log.control.levelOf('glusterfsd-mgmt'), 7);
  write('a');
  await attach('a');
  t.equal(log.control.levelOf('a-posix'), 7);
});

t.test('volfile-ids by path', async (t) => {
  t.equal(volfileIdOf(bytesOfText('/var/lib/glusterd/vols/v1/v1.host.d-b1.vol')), 'v1.host.d-b1');
  const snapshot = '/var/lib/glusterd/snaps/s1/0a1b2c/0a1b2c.host.run-gluster-snaps-0a1b2c-brick1-b1.vol';
  t.equal(volfileIdOf(bytesOfText(snapshot)), '/snaps/s1/0a1b2c/0a1b2c.host.run-gluster-snaps-0a1b2c-brick1-b1');
  t.equal(volfileIdOf(bytesOfText('/snaps/vols/v1/v1.host.x.vol.vol')), '/snaps/vols/v1/v1.host.x.vol');
  t.throws(() => readVolfile(bytesOfText('/dev/zero')), { message: 'volfile /dev/zero is not a regular file' });
});
