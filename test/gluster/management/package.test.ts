/**
 * The Debian package on fresh systems of Debian 12 and 13 without compilers: installed with apt, real glusterd starts bricks with it, upgraded
 * to a second build under load, removed.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { ROOT, scenario, stock } from '../scenario.js';

const PACKAGES = join(ROOT, 'dist/test-packages');
const trees = dirname(process.env['LAB_TREE'] ?? '/var/cache/brickd-test/debian13');

/** A Node.js of Debian's package name, as NodeSource offers one for Debian 12, made of the one that runs. */
function makeNodePackage(): void {
  const root = join(PACKAGES, 'node');
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  copyFileSync(process.execPath, join(root, 'usr/bin/node'));
  const version = process.version.slice(1);
  const control = [
    'Package: nodejs',
    `Version: ${version}-1test`,
    'Architecture: amd64',
    'Maintainer: test <test@localhost>',
  ];
  writeFileSync(join(root, 'DEBIAN/control'), `${control.join('\n')}\nDescription: Node.js\n`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', root, join(PACKAGES, 'nodejs.deb')], {
    stdio: 'ignore',
  });
  rmSync(root, { recursive: true });
}

const missing = ['debian12', 'debian13'].filter((name) => !existsSync(join(trees, name, 'usr/sbin/glusterfsd')));
const skip = stock
  ? 'there is nothing to install of stock'
  : process.env['LAB_ROOT'] !== undefined
    ? 'it has systems of its own'
    : missing.length > 0
      ? `there are no trees ${missing.join(', ')} in ${trees}`
      : undefined;

if (skip !== undefined) t.pass('package', { skip });
else {
  rmSync(PACKAGES, { recursive: true, force: true });
  mkdirSync(PACKAGES, { recursive: true });
  for (const version of ['1.0.0', '1.0.1']) {
    const args = [join(ROOT, 'dist/packaging/package.js'), '--version', version, '--out', PACKAGES];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  makeNodePackage();
  for (const name of ['debian12', 'debian13'])
    await t.test(name, (system) =>
      scenario(system, 'package', {
        timeoutS: 150,
        plainLab: true,
        lab: ['--root', join(trees, name), '--plain'],
        env: { PACKAGES, SYSTEM: name },
      }),
    );
  rmSync(PACKAGES, { recursive: true });
}
