/** Brick processes of the package in containers without an engine: read-only root, few capabilities, little memory, no glusterd. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ROOT, scenario, stock } from './scenario.js';

const PACKAGES = join(ROOT, 'dist/test-containers');
const tree = process.env['LAB_TREE'] ?? '/var/cache/brickd-test/debian13';
const skip = stock
  ? 'the package has no stock bricks'
  : existsSync(join(tree, 'usr/sbin/glusterfsd'))
    ? undefined
    : `there is no tree of Debian 13 in ${tree}`;

if (skip !== undefined) t.pass('container', { skip });
else {
  rmSync(PACKAGES, { recursive: true, force: true });
  mkdirSync(PACKAGES, { recursive: true });
  const args = [join(ROOT, 'dist/packaging/package.js'), '--out', PACKAGES];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  await scenario(t, 'container', {
    timeoutS: 120,
    plainLab: true,
    lab: ['--root', tree, '--plain'],
    env: { PACKAGES },
  });
  rmSync(PACKAGES, { recursive: true });
}
