/**
 * Copies what brickd needs at run time out of a checkout: no sources, tests, headers or documents of dependencies.
 * Packages are built from this tree, and need neither a compiler nor npm.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

const PROGRAM = 'brickd/bin/brickd';
/** Files and folders of the checkout: those compiled by tsc are below dist. */
const OWN = [
  'package.json',
  'LICENSE',
  'brickd/bin',
  'brickd/metrics/dashboards',
  'brickd/metrics/prometheus',
  'dist/brickd',
  'dist/mux',
  'dist/native',
  'dist/posix',
  'dist/volfiles',
  'native/build/Release/brickd.node',
];
const PAGE = ['index.html', 'style.css', 'icon.svg'].map((name) => `brickd/metrics/page/${name}`);
/** Needed to compile only. */
const BUILD_ONLY = ['node-addon-api'];
/** In a dependency: what only its developers, compilers and readers need. Licences are told by the package as a whole. */
const UNUSED_FILE =
  /(\.(map|md|markdown|[cm]?ts|tsbuildinfo|gyp|gypi|o|d|mk|yml)|^licen[cs]e.*|^\..*|^Makefile|^bin\.mjs)$/i;
const UNUSED_FOLDER = /^(\..*|test|tests|__tests__|docs?|examples?|benchmark|bench|bin|browser)$/;
/** What compiling leaves beside its result. */
const OBJECTS = 'obj.target';

export interface Dependency {
  name: string;
  version: string;
  license: string;
  /** Text of its licence, '' where it brings none. */
  text: string;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

/** Folders of the packages that run, as npm finds them: those of package.json and what these need. */
function dependencyFolders(checkout: string): string[] {
  const out = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: checkout, encoding: 'utf8' });
  return [...new Set(out.split('\n'))].filter((path) => path.startsWith(join(checkout, 'node_modules/')));
}

function copyDependency(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => {
      if (path === from) return true;
      // Packages below it are dependencies of their own.
      if (basename(path) === 'node_modules') return false;
      if (statSync(path).isDirectory()) {
        return basename(path) !== OBJECTS && !(dirname(path) === from && UNUSED_FOLDER.test(basename(path)));
      }
      return !UNUSED_FILE.test(basename(path));
    },
  });
  // Sources of addons, once these are compiled.
  if (existsSync(join(to, 'src')) && existsSync(join(from, 'binding.gyp')))
    rmSync(join(to, 'src'), { recursive: true });
}

function describe(folder: string): Dependency {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
  return { name: name ?? '', version: version ?? '', license: license ?? '', text };
}

/** Below a folder, sorted, relative to it. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();

/** Copies what runs to a folder. Returns the dependencies in it. */
export function stage(checkout: string, to: string, version: string): Dependency[] {
  for (const path of [...OWN, ...PAGE]) {
    if (!existsSync(join(checkout, path))) throw new Error(`${path} is missing: npm run build makes it`);
    copy(join(checkout, path), join(to, path));
  }
  if (!existsSync(join(to, 'dist/brickd/metrics/page/main.js')))
    throw new Error('the status page is not built: npm run build');
  const dependencies: Dependency[] = [];
  for (const folder of dependencyFolders(checkout)) {
    const dependency = describe(folder);
    if (BUILD_ONLY.includes(dependency.name)) continue;
    copyDependency(folder, join(to, relative(checkout, folder)));
    dependencies.push(dependency);
  }
  for (const file of filesBelow(to)) {
    if (file.endsWith('.node')) execFileSync('strip', ['--strip-unneeded', join(to, file)]);
    chmodSync(join(to, file), file === PROGRAM ? 0o755 : 0o644);
  }
  writeFileSync(join(to, 'RELEASE'), `${version}-${digest(to)}\n`);
  return dependencies;
}

/** Of all names and contents: two builds of one version are told apart. */
function digest(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesBelow(folder)) {
    hash.update(`${file}\0`).update(
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest(),
    );
  }
  return hash.digest('hex').slice(0, 10);
}
