import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Bricks } from '../../../brickd/daemon/bricks.js';
import { dumpName, parseDumpOptions } from '../../../brickd/daemon/statedump.js';
import type { Management } from '../../../brickd/glusterd/management.js';
import { volfileFacts } from '../../../brickd/glusterd/volfile-store.js';
import { DaemonLog } from '../../../brickd/log/open.js';
import { BrickError } from '../../../mux/base/brick-error.js';
import { bytesOfText, NO_BYTES } from '../../../native/bytes.js';
import { sampleBrickVolfile } from '../../../volfiles/samples/brick.js';
import { commandLine } from './command-line.js';
import { FakeServer } from './fake-server.js';

const VOLUME_ID = '7d50d552-839b-4155-addf-bfa8cb2c24e7';
const volfile = (directory: string, options: Record<string, Record<string, string>> = {}) =>
  sampleBrickVolfile({ volume: 'v', directory, volumeId: VOLUME_ID, port: 5000, options });

function setUp(volfiles: Map<string, string>, t: { teardown(f: () => void): void }) {
  const directory = mkdtempSync(join(tmpdir(), 'brickd-bricks-'));
  const logFile = join(directory, 'log');
  const log = new DaemonLog({
    file: bytesOfText(logFile),
    level: 7,
    localTime: false,
    withId: true,
    bufferSize: 5,
    flushTimeoutS: 120,
  });
  t.teardown(() => log.flush());
  const server = new FakeServer();
  const fetched: string[] = [];
  const management = {
    connected: true,
    fetchVolfile: async (id: string) => {
      fetched.push(id);
      const text = volfiles.get(id);
      if (text === undefined) throw new Error('no answer');
      return text;
    },
  } as unknown as Management;
  const args = commandLine([
    'glusterfsd',
    '-s',
    'h',
    '--volfile-id',
    'v.h.b1',
    '--xlator-option',
    'v-server.listen-port=6000',
  ]);
  return {
    directory,
    server,
    fetched,
    log,
    lines: () => readFileSync(logFile, 'latin1'),
    bricks: new Bricks(args, server, log, management),
  };
}

t.test('facts of a volfile', async (t) => {
  const text = volfile('/d/b1', {
    server: { 'statedump-path': '/dumps', 'transport.address-family': 'inet6' },
    '': { 'log-level': 'DEBUG' },
  });
  const facts = volfileFacts(text, 'v', [{ xlator: '*-server', key: 'listen-port', value: '70' }]);
  t.match(facts, { brick: '/d/b1', statedumpPath: '/dumps', listen: { host: '', family: 6, backlog: 1024 } });
  t.equal(facts.brickOptions.get('log-level'), 'DEBUG');
  const port = (key: string) =>
    volfileFacts(volfile('/d/b1'), 'v', [{ xlator: 'v-server', key, value: '71' }]).listen.port;
  t.equal(port('transport.socket.listen-port'), 71);
  t.equal(port('listen-port'), 71, 'the short name of the command line wins over the long one of the volfile');
  t.throws(
    () => volfileFacts('volume x\n type debug/io-stats\nend-volume\n', 'f.vol', []),
    /f\.vol: the top volume 'x' is debug\/io-stats/,
  );
  t.throws(() => volfileFacts('volume x\n', 'f.vol', []), /f\.vol/);
});

t.test('a changed volfile reconfigures its brick, an unchanged one does not', async (t) => {
  const volfiles = new Map([
    ['v.h.b1', volfile('/d/b1')],
    ['w.h.b2', volfile('/d/b2')],
  ]);
  const { server, bricks, fetched, lines, directory, log } = setUp(volfiles, t);
  await bricks.attach('v.h.b1', volfiles.get('v.h.b1')!);
  const file = join(directory, 'w.h.b2.vol');
  writeFileSync(file, volfiles.get('w.h.b2')!);
  await bricks.attachFile(bytesOfText(file));
  t.same(server.calls, ['attach /d/b1', 'attach /d/b2']);
  volfiles.set('w.h.b2', volfile('/d/b2', { '': { 'log-level': 'TRACE' } }));
  bricks.refresh();
  bricks.refresh();
  await bricks.idle();
  t.same(fetched, ['v.h.b1', 'w.h.b2'], 'two notices at once are one round');
  t.same(server.calls.slice(2), ['reconfigure /d/b2']);
  t.equal(log.control.level, 9, 'log-level applies to the process');
  t.match(lines(), /No change in volfile,continuing/);
  t.equal(await bricks.detach(bytesOfText('/d/b1')), 'gone');
  bricks.refresh();
  await bricks.idle();
  t.same(fetched.slice(2), ['w.h.b2'], 'a detached brick is not asked for any more');
});

t.test('a refused change keeps the old volfile, and is tried again', async (t) => {
  const volfiles = new Map([['v.h.b1', volfile('/d/b1')]]);
  const { server, bricks, lines } = setUp(volfiles, t);
  await bricks.attach('v.h.b1', volfiles.get('v.h.b1')!);
  volfiles.set('v.h.b1', volfile('/d/b1', { locks: { trace: 'on' } }));
  server.errors.set(
    'reconfigure',
    new BrickError('BRICK_NOT_RECONFIGURED', bytesOfText('/d/b1'), { message: 'not with me' }),
  );
  for (let i = 0; i < 2; i++) {
    bricks.refresh();
    await bricks.idle();
  }
  t.equal(server.calls.filter((c) => c.startsWith('reconfigure')).length, 2);
  t.match(lines(), /continues with the previous one \[\{brick=\/d\/b1\}, \{reason=not with me\}\]/);
  server.errors.delete('reconfigure');
  volfiles.set('v.h.b1', volfile('/d/b1'));
  bricks.refresh();
  await bricks.idle();
  t.equal(server.calls.filter((c) => c.startsWith('reconfigure')).length, 3, 'the old text is applied again');
  volfiles.delete('v.h.b1');
  bricks.refresh();
  await bricks.idle();
  t.match(lines(), /reason=no answer/);
});

t.test('statedump options and names', async (t) => {
  t.same(Object.values(parseDumpOptions(undefined).selection), Array(9).fill(true));
  const some = parseDumpOptions('mem=yes\ninode=no\n path = /x \nbogus\n');
  t.match(some, { path: '/x', selection: { mem: true, inode: false, priv: false } });
  t.match(parseDumpOptions('all=yes').selection, { mem: true, history: true });
  t.match(parseDumpOptions('all=no').selection, { mem: true, history: true }, 'all is all, as in the original');
  t.match(parseDumpOptions('mem=on\npath=/x').selection, { mem: true, callpool: true, priv: false }, 'the default');
  t.equal(dumpName(bytesOfText('/d/a/b1'), 7, 99), 'd-a-b1.7.dump.99');
  t.equal(dumpName(NO_BYTES, 7, 99), 'glusterdump.7.dump.99');
  t.equal(dumpName(bytesOfText(`/d/${'x'.repeat(255)}`), 7, 99), `d-${'x'.repeat(243)}.7.dump.99`, 'fits a file name');
});
