/**
 * Files that a brick process makes outside its brick, as root, in places where somebody else has planted symlinks: their modes, and
 * that nothing is written through a symlink. The process sees folders of this test as /var/lib, /var/log and /run.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { until } from '../support/until.js';

t.setTimeout(60_000);
const NOBODY = 65534;
const SECRET = 'not to be touched';

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

/** Everything below a folder that a link leads to, or that others than its owner may write. */
function exposed(folder: string): string[] {
  return execFileSync('find', [folder, '-perm', '/022', '!', '-type', 'l'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '');
}

t.test('files outside the brick', { skip: whyNotRoot ?? false }, async (t) => {
  const p = new BrickProcess({
    options: {
      '': { 'ios-dump-interval': '1', 'unique-id': '/brick', 'ios-sample-interval': '1', 'latency-measurement': 'on' },
    },
    mounts: { lib: '/var/lib', log: '/var/log', run: '/run' },
    env: { BRICKD_METRICS: '127.0.0.1:19721-19790', BRICKD_CONFIG: '/run/brickd.yaml' },
  });
  t.teardown(() => p.remove());
  const at = (path: string): string => join(p.folder, path);
  const secret = at('secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const plant = (path: string): void => {
    symlinkSync(secret, at(path));
    execFileSync('chown', ['-h', `${NOBODY}`, at(path)]);
  };
  for (const d of ['lib/glusterd', 'log/glusterfs', 'run/gluster']) mkdirSync(at(d), { recursive: true });
  writeFileSync(at('run/brickd.yaml'), 'metrics:\n  file_sd: /run/targets/prometheus.json\n');
  // As stock makes them: whoever has an account may write there.
  for (const d of ['lib/glusterd/stats', 'log/glusterfs/samples', 'run/targets']) {
    mkdirSync(at(d));
    chmodSync(at(d), 0o777);
  }
  const name = 'glusterfsd__brick';
  plant(`lib/glusterd/stats/${name}.dump`);
  plant(`lib/glusterd/stats/.${name}.dump.new`);
  plant(`log/glusterfs/samples/${name}.samp`);
  plant(`log/glusterfs/samples/.${name}.samp.new`);
  plant('run/targets/prometheus.json');
  await p.start();

  const isFile = (path: string): boolean => existsSync(at(path)) && lstatSync(at(path)).isFile();
  await until(
    () => isFile(`lib/glusterd/stats/${name}.dump`) && isFile(`log/glusterfs/samples/${name}.samp`),
    () => p.log,
  );
  t.equal(modeOf(at(`lib/glusterd/stats/${name}.dump`)), '644');
  t.equal(modeOf(at(`log/glusterfs/samples/${name}.samp`)), '644');
  await until(
    () => isFile('run/targets/prometheus.json'),
    () => p.log,
  );
  t.equal(modeOf(at('run/targets/prometheus.json')), '644');
  t.equal(modeOf(at('run/targets/prometheus.json.lock')), '644');

  const dumps = (): string[] => readdirSync(at('run/gluster')).filter((n) => n.includes('.dump.'));
  p.signal('SIGUSR1');
  await until(
    () => dumps().length > 0,
    () => p.log,
  );
  t.equal(modeOf(join(at('run/gluster'), dumps()[0]!)), '600');
  p.signal('SIGUSR2');
  await until(
    () => existsSync(at('run/gluster/metrics')) && readdirSync(at('run/gluster/metrics')).length > 0,
    () => p.log,
  );
  t.equal(modeOf(at('run/gluster/metrics')), '755');
  t.equal(modeOf(join(at('run/gluster/metrics'), readdirSync(at('run/gluster/metrics'))[0]!)), '600');

  t.equal(modeOf(p.logFile), '600');
  // A symlink in the place of the log, in a directory where others may write: the old file is kept.
  chmodSync(p.folder, 0o777);
  renameSync(p.logFile, `${p.logFile}.1`);
  plant('brick.log');
  p.signal('SIGHUP');
  await until(
    () => readFileSync(`${p.logFile}.1`, 'latin1').includes('failed to open logfile'),
    () => readFileSync(`${p.logFile}.1`, 'latin1'),
  );
  t.equal(readFileSync(secret, 'latin1'), SECRET);
  t.same(
    exposed(p.folder).filter((path) => !/(stats|samples|targets|brickd-process-[^/]*)$/.test(path)),
    [],
    'nothing that others may write',
  );
  t.match(
    /^Umask:\s+(\d+)$/m.exec(readFileSync(`/proc/${p.pid}/status`, 'latin1'))?.[1],
    /22$/,
    'the main thread has its umask',
  );
});
