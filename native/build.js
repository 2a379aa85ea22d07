/**
 * Compiles the addon: `node native/build.js build|rebuild`, from an npm script, which has node-gyp in its PATH.
 *
 * The headers of the Node.js that runs are taken where it is installed, so that a build needs no network; node-gyp
 * downloads them only where there are none. Whoever sets npm's `nodedir` decides by that.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version that the headers below `prefix` belong to; undefined where there are none. */
function headersOf(prefix) {
  const file = join(prefix, 'include/node/node_version.h');
  if (!existsSync(file) || !existsSync(join(prefix, 'include/node/common.gypi'))) return undefined;
  const text = readFileSync(file, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** Says what is missing, with the names that Debian's packages have, before a compiler's or node-gyp's own words bury it. */
function need(condition, text) {
  if (condition) return;
  process.stderr.write(`brickd: ${text}\n`);
  process.exit(1);
}

const runs = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
const [major, minor] = process.versions.node.split('.').map(Number);
need(
  major > 20 || (major === 20 && minor >= 19),
  `needs Node.js 20.19 or later, this is ${process.version}: see docs/install.md for newer ones on Debian 12`,
);
const missing = Object.entries({
  'g++': [process.env.CXX || 'g++', 'c++'],
  make: ['make', 'gmake'],
  python3: ['python3', 'python'],
})
  .filter(([, programs]) => !programs.some(runs))
  .map(([name]) => name);
need(missing.length === 0, `cannot be compiled without ${missing.join(', ')}: apt install ${missing.join(' ')}`);

const [, , command = 'build'] = process.argv;
const args = ['--jobs=max', `--directory=${dirname(fileURLToPath(import.meta.url))}`];
if (process.env.npm_config_nodedir === undefined) {
  const prefixes = [dirname(dirname(realpathSync(process.execPath))), '/usr', '/usr/local'];
  const prefix = prefixes.find((place) => headersOf(place) === process.version);
  if (prefix !== undefined) args.push(`--nodedir=${prefix}`);
}
// What an earlier run has configured is of no use once the checkout has moved, or is built by another Node.js.
const commands = command === 'build' ? ['configure', 'build'] : [command];
const { status, error } = spawnSync('node-gyp', [...args, ...commands], { stdio: 'inherit' });
if (error !== undefined) process.stderr.write(`node-gyp cannot be run: ${error.message}; use npm run build:native\n`);
process.exitCode = status ?? 1;
