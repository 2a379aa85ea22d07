import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { sampleBrickVolfile } from '../../../volfiles/samples/brick.js';
import { until } from '../../support/until.js';

// Every start takes a moment, on a busy machine a long one.
t.setTimeout(120_000);

const PROGRAM = fileURLToPath(new URL('./fake-brick.js', import.meta.url));
const VOLUME_ID = '7d50d552-839b-4155-addf-bfa8cb2c24e7';

/** A port that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Teardown {
  teardown(f: () => void): void;
}

async function setUp(t: Teardown) {
  const directory = mkdtempSync(join(tmpdir(), 'brickd-process-'));
  const at = (name: string) => join(directory, name);
  const port = await freePort();
  writeFileSync(
    at('ok.vol'),
    sampleBrickVolfile({ volume: 'v', directory: '/d/\xe9', volumeId: VOLUME_ID, port }),
    'latin1',
  );
  const start = (words: string[], env: Record<string, string> = {}) => {
    const run = spawnSync(process.execPath, [PROGRAM, '-l', at('log'), ...words], {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      encoding: 'utf8',
      timeout: 20_000,
    });
    return run;
  };
  const pid = () => Number(readFileSync(at('pid'), 'utf8'));
  t.teardown(() => {
    try {
      process.kill(pid(), 'SIGKILL');
    } catch {
      // it has ended
    }
  });
  return { at, port, start, pid, log: () => readFileSync(at('log'), 'latin1') };
}

const alive = (pid: number) =>
  existsSync(`/proc/${pid}/exe`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

t.test('a start in the background, what others see of it, and its end', async (t) => {
  const { at, port, start, pid, log } = await setUp(t);
  const words = ['-p', at('pid'), '-S', at('sock'), '--brick-name', '/d/\u00e9', '-f', at('ok.vol')];
  const run = start(words, { BRICKD_ARGV0: '/opt/sbin/glusterfsd' });
  t.equal(run.status, 0, run.stderr);
  t.ok(alive(pid()));
  t.equal(readFileSync(`/proc/${pid()}/comm`, 'utf8'), 'glusterfsd\n');
  const line = readFileSync(`/proc/${pid()}/cmdline`, 'utf8').replace(/\0+$/, '').split('\0');
  t.same(line, ['/opt/sbin/glusterfsd', '-l', at('log'), ...words], 'the command line as it was given');
  for (const where of [{ port }, { path: at('sock') }]) {
    const socket = connect({ host: '127.0.0.1', ...where } as never);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.destroy();
  }
  t.match(
    log(),
    /^\[[^\]]+\] I \[MSGID: 100030\] .* 0-\/opt\/sbin\/glusterfsd: Started running version \[\{arg=\/opt\/sbin\/glusterfsd\}/,
  );
  t.match(log(), `0-glusterfs: Pid of current running process is ${pid()}\n`);
  t.match(log(), 'Final graph: /d/\xe9\n');
  const old = pid();
  process.kill(old, 'SIGTERM');
  await until(() => !alive(old));
  t.notOk(alive(old));
  t.match(log(), /W \[ending[^\]]*\] 0-: received signum \(15\), shutting down\n$/);
  t.equal(pid(), old, 'the pidfile stays');
});

t.test('a second process on the same pidfile', async (t) => {
  const { at, start, pid } = await setUp(t);
  t.equal(start(['-p', at('pid'), '-S', at('sock'), '-f', at('ok.vol')]).status, 0);
  const first = pid();
  const second = start(['-p', at('pid'), '-S', at('sock'), '-f', at('ok.vol')]);
  t.equal(second.status, 1);
  t.match(second.stderr, /pidfile lock failed: another process holds it/);
  t.equal(pid(), first);
  const socket = connect({ path: at('sock') });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.destroy();
});

t.test('statuses of failing starts', async (t) => {
  const { at, port, start, log } = await setUp(t);
  t.equal(start(['-f', at('none.vol')]).status, 1);
  t.match(log(), /E \[MSGID: 100009\].*loading volume file failed \[\{volume_file=.*none\.vol\}/);
  t.equal(start(['-N', '-f', at('none.vol')]).status, 250);
  writeFileSync(at('bad.vol'), 'volume x\n type');
  t.equal(start(['-f', at('bad.vol')]).status, 1);
  t.match(log(), /E \[MSGID: 100026\].*bad\.vol:2: volume 'x': 'type' has no value/);
  t.equal(start(['-p', '/nonexistent/pid', '-f', at('ok.vol')]).status, 255);
  t.equal(start(['--bogus']).status, 64);
  t.equal(start(['-L', 'bogus']).status, 255);
  const bad = start(['-f', at('ok.vol'), '-l', '/proc/x/log']);
  t.equal(bad.status, 255);
  t.match(bad.stderr, /^ERROR: failed to open logfile \/proc\/x\/log/);
  t.equal(start(['-s', '127.0.0.1', '--volfile-id', 'v', '--volfile-server-port', String(port)]).status, 107);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, resolve));
  t.equal(start(['-f', at('ok.vol')]).status, 98);
  t.equal(start(['-N', '-f', at('ok.vol')]).status, 98);
  server.close();
});

t.test('HUP reopens the log', async (t) => {
  const { at, start, pid, log } = await setUp(t);
  t.equal(start(['-p', at('pid'), '-f', at('ok.vol')]).status, 0);
  renameSync(at('log'), at('log.1'));
  process.kill(pid(), 'SIGHUP');
  await until(() => existsSync(at('log')));
  process.kill(pid(), 'SIGTERM');
  await until(() => !alive(pid()));
  t.match(log(), /received signum \(15\)/);
  t.notMatch(readFileSync(at('log.1'), 'latin1'), /received signum/);
});

for (const [signal, status] of [
  ['SIGINT', 2],
  ['SIGTERM', 0],
] as const)
  t.test(`in the foreground, ended by ${signal}`, async (t) => {
    const { at, pid } = await setUp(t);
    const child = spawn(process.execPath, [PROGRAM, '-N', '-l', at('log'), '-p', at('pid'), '-f', at('ok.vol')]);
    await until(() => existsSync(at('pid')) && /Final graph/.test(readFileSync(at('log'), 'latin1')));
    t.equal(pid(), child.pid);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    t.equal(await ended, status);
  });

t.test('a fault of the program goes to the log', async (t) => {
  const { at, start, pid, log } = await setUp(t);
  t.equal(start(['-p', at('pid'), '-f', at('ok.vol')], { FAKE_FAULT: '700' }).status, 0);
  await until(() => !alive(pid()));
  t.match(log(), /C \[ending[^\]]*\] 0-: uncaught fault, shutting down: TypeError: a fault \| at /);
});
