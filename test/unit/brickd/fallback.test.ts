/** An installation that cannot be loaded: a brick that the wrapper started is served by stock, anything else says why. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { wrapperText } from '../../../brickd/cli/wrapper.js';

const PROGRAM = fileURLToPath(new URL('../../../../brickd/bin/brickd', import.meta.url));
const BRICK = ['-s', 'h', '--volfile-id', 'v.h.d-b1', '--process-name', 'brick', '--x', 'a b'];

/** A checkout with these files of `dist`, and a wrapper for it. */
function checkout(files: Record<string, string>, fallback = true) {
  const root = mkdtempSync(join(tmpdir(), 'brickd fallback '));
  const brickd = join(root, 'brickd/bin/brickd');
  cpSync(PROGRAM, brickd);
  writeFileSync(join(root, 'package.json'), '{"type":"commonjs"}');
  for (const [name, text] of Object.entries({ 'package.json': '{"type":"module"}', ...files })) {
    const path = join(root, 'dist', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const stock = join(root, 'stock', 'glusterfsd');
  mkdirSync(dirname(stock));
  writeFileSync(stock, '#!/bin/sh\necho stock "$@"\nexit 7\n');
  const wrapper = join(root, 'glusterfsd');
  writeFileSync(wrapper, wrapperText({ stock, node: process.execPath, brickd, volumes: [], fallback }));
  chmodSync(stock, 0o755);
  chmodSync(wrapper, 0o755);
  return () => spawnSync(wrapper, BRICK, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
}

for (const [what, files] of [
  ['without dist', {}],
  ['without a package', { 'brickd/main.js': "import 'no-such-package';" }],
  ['without a module', { 'brickd/main.js': "await import('./no-such-module.js');" }],
  [
    'without the addon',
    { 'brickd/main.js': "import { createRequire } from 'module'; createRequire(import.meta.url)('./x.node');" },
  ],
  ['with half a file', { 'brickd/main.js': "import './half.js';", 'brickd/half.js': 'export const a = {' }],
] as const) {
  t.test(what, async (t) => {
    const run = checkout(files)();
    t.equal(run.stdout, 'stock -s h --volfile-id v.h.d-b1 --process-name brick --x a b\n');
    t.equal(run.status, 7, 'exits as stock does');
    t.match(run.stderr, /brickd: .*; starting stock glusterfsd/);
    const alone = checkout(files, false)();
    t.equal(alone.stdout, '', '--no-fallback');
    t.equal(alone.status, 255);
    t.match(alone.stderr, /^brickd: .*npm ci/);
  });
}

t.test('a package whose compiled part is missing', async (t) => {
  const load = "import { createRequire } from 'module'; createRequire(import.meta.url)('fs-xattr');";
  const files = {
    'brickd/main.js': load,
    'node_modules/fs-xattr/package.json': '{"main":"index.js","type":"commonjs"}',
    'node_modules/fs-xattr/index.js': "require('./build/Release/xattr')",
  };
  t.match(
    checkout(files, false)().stderr,
    /^brickd: the compiled part of fs-xattr is missing: run `npm rebuild fs-xattr`/,
  );
});

t.test('a fault of a brickd that was loaded is none of these', async (t) => {
  const run = checkout({ 'brickd/main.js': "throw new Error('other');" })();
  t.equal(run.stdout, '');
  t.match(run.stderr, /does not start: Error: other/);
});
