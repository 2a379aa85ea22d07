/** Every folder of sources has an entry in biome.rooms.jsonc, which lists what its files may import and is checked by the linter. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Folders below `top` that hold TypeScript. */
function foldersOf(top: string): string[] {
  const files = readdirSync(ROOT + top, { recursive: true, encoding: 'utf8' });
  const sources = files.filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('node_modules'),
  );
  return [...new Set(sources.map((file) => dirname(`${top}/${file}`)))];
}

t.test('every folder of sources is a room', async (t) => {
  const text = readFileSync(`${ROOT}biome.rooms.jsonc`, 'utf8').replace(/^\/\/.*\n/, '');
  const { overrides } = JSON.parse(text) as { overrides: { includes: string[] }[] };
  const patterns = overrides.flatMap(({ includes }) => includes).map((include) => dirname(include));
  const rooms = patterns.map((pattern) => new RegExp(`^${pattern.replaceAll('*', '[^/]+')}$`));
  for (const folder of ['brickd', 'posix', 'mux', 'native', 'volfiles'].flatMap(foldersOf)) {
    t.ok(folder === 'brickd' || rooms.some((room) => room.test(folder)), folder);
  }
});
