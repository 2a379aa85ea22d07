import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { isWrapper, parseWrapper, wrapperText } from '../../../brickd/cli/wrapper.js';

function program(path: string, says: string): string {
  writeFileSync(path, `#!/bin/sh\necho ${says} "\${BRICKD_ARGV0-}" "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

function setUp(volumes: string[], fallback = true, nodeName = 'node') {
  const root = mkdtempSync(join(tmpdir(), 'brickd wrapper '));
  mkdirSync(join(root, 'stock'));
  const stock = program(join(root, 'stock', 'glusterfsd'), 'stock');
  program(join(root, 'stock', 'glusterd'), 'glusterd');
  const node = program(join(root, 'node'), 'node');
  const brickd = program(join(root, "it's brickd"), 'brickd');
  const wrapper = join(root, 'glusterfsd');
  const settings = { stock, node: nodeName === 'node' ? node : nodeName, brickd, volumes, fallback };
  writeFileSync(wrapper, wrapperText(settings));
  chmodSync(wrapper, 0o755);
  const run = (...args: string[]) =>
    execFileSync(wrapper, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  return { root, settings, wrapper, brickd, run };
}

const brick = (volume: string) => [
  '-s',
  'h',
  '--volfile-id',
  `${volume}.h.d-b1`,
  '--process-name',
  'brick',
  '--x',
  'a b',
];

t.test('settings survive', async (t) => {
  const { settings } = setUp(['v', 'w']);
  t.ok(isWrapper(wrapperText(settings)));
  t.same(parseWrapper(wrapperText(settings)), settings);
  t.notOk(isWrapper('#!/bin/sh\nexec x\n'));
});

t.test('bricks run brickd, everything else stock', async (t) => {
  const { run, brickd, wrapper } = setUp([]);
  t.equal(run(...brick('v')), `node ${wrapper} ${brickd} -s h --volfile-id v.h.d-b1 --process-name brick --x a b`);
  t.match(run('--volfile-id=v.h.x', '--process-name=brick'), /^node/);
  t.match(run('--version'), /^stock {2}--version/);
  t.match(run('--brick-name', 'snapd-v', '--process-name', 'snapd'), /^stock/);
});

t.test('limited to volumes', async (t) => {
  const { run } = setUp(['v', 'other-1']);
  t.match(run(...brick('v')), /^node/);
  t.match(run(...brick('other-1')), /^node/);
  t.match(run(...brick('v2')), /^stock/);
  t.match(run(...brick('other')), /^stock/);
});

t.test('called by another name', async (t) => {
  const { root, wrapper } = setUp([]);
  symlinkSync(wrapper, join(root, 'glusterd'));
  t.match(execFileSync(join(root, 'glusterd'), brick('v'), { encoding: 'utf8' }), /^glusterd/);
});

t.test('without Node.js', async (t) => {
  t.match(setUp([], true, '/nonexistent/node').run(...brick('v')), /^stock/);
  t.throws(() => setUp([], false, '/nonexistent/node').run(...brick('v')), { message: /Command failed/ });
});
