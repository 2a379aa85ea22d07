import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pidfile, PidfileError } from '../../../brickd/daemon/pidfile.js';
import { bytesOfText } from '../../../native/bytes.js';

const MODULE = new URL('../../../brickd/daemon/pidfile.js', import.meta.url).href;
const HOLD = `
  const { Pidfile } = await import(${JSON.stringify(MODULE)});
  try { Pidfile.take(process.argv[1]); console.log('held'); setInterval(() => {}, 1000); }
  catch (error) { console.log(error.msgid + ' ' + error.errno); }
`;

/** Another process that takes the pidfile; resolves with what it says first. */
function another(file: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Promise<string>((resolve) =>
    child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim())),
  );
  return { child, said };
}

t.test('a pidfile is written, and what it held before is gone', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'brickd-pid-')), 'pid');
  writeFileSync(file, '123456789012\nold\n');
  const pidfile = Pidfile.take(bytesOfText(file));
  t.equal(readFileSync(file, 'utf8'), `${process.pid}\n`);
  pidfile.release();
  t.equal(readFileSync(file, 'utf8'), `${process.pid}\n`, 'the file stays');
});

t.test('a second process on the same pidfile fails and leaves it alone', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'brickd-pid-')), 'pid');
  const { child, said } = another(file);
  t.teardown(() => child.kill('SIGKILL'));
  t.equal(await said, 'held');
  t.throws(() => Pidfile.take(bytesOfText(file)), { message: /lock failed: another process/ });
  t.equal(readFileSync(file, 'utf8'), `${child.pid}\n`);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  Pidfile.take(bytesOfText(file)).release();
  t.equal(readFileSync(file, 'utf8'), `${process.pid}\n`, 'the lock ends with its process');
});

t.test('a directory that is not there', async (t) => {
  try {
    Pidfile.take(bytesOfText('/nonexistent/dir/pid'));
    t.fail('taken');
  } catch (error) {
    t.ok(error instanceof PidfileError);
    t.match(error, { msgid: 100017, errno: 2, unopened: true });
  }
});
