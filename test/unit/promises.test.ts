/**
 * No promise is dropped. The linter's noFloatingPromises takes `void` for an excuse; here it is none: work that nobody waits for
 * goes through `background`, which logs how it fails, or names its own catch.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** `void` as an operator: the type is never followed by a name or a bracket. */
const DROPPED = /\bvoid\s+[\w$(#]/;

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('/build/'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ' '));

t.test('the pattern knows an operator from a type', async (t) => {
  for (const text of ['void this.#a();', '() => void f()', 'void (async () => 1)()', 'void Promise.reject()']) {
    t.match(text, DROPPED, text);
  }
  for (const text of ['a(): void {', '(): void => b', 'Promise<void>', '| void;', 'x: void, y', 'avoid it']) {
    t.notMatch(text, DROPPED, text);
  }
});

t.test('no promise is dropped by void', async (t) => {
  const found: string[] = [];
  for (const folder of ['brickd', 'mux', 'posix', 'native', 'volfiles']) {
    for (const file of sources(folder)) {
      for (const [i, line] of code(readFileSync(file, 'utf8')).split('\n').entries()) {
        if (DROPPED.test(line)) found.push(`${relative(ROOT, file)}:${i + 1}: ${line.trim()}`);
      }
    }
  }
  t.same(found, []);
});
