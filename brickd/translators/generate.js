/**
 * Lists the translators that have a folder `<category>/<name>` with a definition.ts in it: `node brickd/translators/generate.js`,
 * part of `npm run build:ts`. It writes two files that are checked in (`--check` only tells whether they are up to date):
 *
 *   definitions.ts   imports every definition; brick workers load it
 *   known-types.ts   only the names; the main thread loads it, which starts faster without all translators
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folders = (path) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();

const types = folders(here)
  .flatMap((category) => folders(join(here, category)).map((name) => `${category}/${name}`))
  .filter((type) => existsSync(join(here, type, 'definition.ts')));

/** Further names of a type, read from the text: the definition itself can be loaded only once it is built. */
const aliasesOf = (type) => {
  const list = /\n {2}aliases: \[([^\]]*)\]/.exec(readFileSync(join(here, type, 'definition.ts'), 'utf8'))?.[1] ?? '';
  return [...list.matchAll(/'([^']+)'/g)].map(([, name]) => name);
};

const variable = (type) => type.slice(type.indexOf('/') + 1).replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const MADE_BY = 'Made by generate.js (npm run build:ts); do not edit.';

const imports = [
  ["import type { TranslatorDefinition } from './definition.js';", './definition.js'],
  ...types.map((type) => {
    const path = `./${type}/definition.js`;
    return [`import { definition as ${variable(type)} } from '${path}';`, path];
  }),
];

const definitions = `/** Every translator's definition. ${MADE_BY} */
${imports
  .sort(([, a], [, b]) => (a < b ? -1 : 1))
  .map(([line]) => `${line}\n`)
  .join('')}
export const definitions: readonly TranslatorDefinition[] = [
${types.map((type) => `  ${variable(type)},\n`).join('')}];
`;

const knownTypes = `/** The names of every translator type that a brick volfile may have. ${MADE_BY} */
export const KNOWN_TYPES: ReadonlySet<string> = new Set([
${[...types, ...types.flatMap(aliasesOf)].map((name) => `  '${name}',\n`).join('')}]);
`;

for (const [file, text] of [
  ['definitions.ts', definitions],
  ['known-types.ts', knownTypes],
]) {
  const path = join(here, file);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${path} is out of date: run node brickd/translators/generate.js\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
  }
}
