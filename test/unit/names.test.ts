/** Exported types have a name of their own, so that a name says which one is meant wherever it is read. Not held: names of functions and values. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ROOMS = ['brickd', 'mux', 'native', 'posix', 'volfiles'];
const TYPE = /^export (?:declare )?(?:abstract )?(?:class|interface|type|enum|const enum) (\w+)/gm;
/** What a translator's table of options gives is called the same in every translator's folder, as are the tables themselves. */
const OPTIONS = /\/options\.ts:Options$/;

const sources = ROOMS.flatMap((room) =>
  readdirSync(ROOT + room, { recursive: true, encoding: 'utf8' }).map((file) => `${room}/${file}`),
).filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('node_modules'));

t.test('each exported type has a name of its own', async (t) => {
  const files = new Map<string, string[]>();
  for (const file of sources) {
    for (const [, name = ''] of readFileSync(ROOT + file, 'utf8').matchAll(TYPE)) {
      if (!OPTIONS.test(`${file}:${name}`)) files.set(name, [...(files.get(name) ?? []), file]);
    }
  }
  t.ok(files.size > 500, `${files.size} types`);
  t.same(
    [...files].filter(([, where]) => where.length > 1),
    [],
  );
});
