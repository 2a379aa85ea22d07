/** Translators of a later release: linked past while they are switched off, refused when they are not. */
import t from 'tap';
import { volfileFacts } from '../../../brickd/glusterd/volfile-store.js';
import { optionTableOf } from '../../../brickd/translators/catalog.js';
import { checkVolfile } from '../../../volfiles/check.js';
import { buildGraph, buildGraphLeniently, depthFirst } from '../../../volfiles/graph.js';
import { parseVolfile } from '../../../volfiles/parser.js';
import { fixture } from './fixtures.js';

const NOVEL = 'features/novel';
/** A plain volume with a translator that brickd does not know above features/locks. */
const withNovel = (...options: string[]): string => {
  const lines = options.map((option) => `    option ${option}\n`).join('');
  const novel = `volume plain-novel\n    type ${NOVEL}\n${lines}    subvolumes plain-locks\nend-volume\n\n`;
  return fixture('plain.vol')
    .replace('subvolumes plain-locks\n', 'subvolumes plain-novel\n')
    .replace(/(type features\/locks\n[\s\S]*?end-volume\n\n)/, `$1${novel}`);
};
const strictly = (text: string) => buildGraph(parseVolfile(text, 'f'), optionTableOf, 'f');
const leniently = (text: string) => buildGraphLeniently(parseVolfile(text, 'f'), optionTableOf, 'f');
const shape = (graph: { top: Parameters<typeof depthFirst>[0] }) =>
  depthFirst(graph.top).map((node) => [node.name, node.type, ...node.children.map((child) => child.name)]);
const ofNovel = <P extends { volume: string | undefined }>(problems: readonly P[]): P[] =>
  problems.filter(({ volume }) => volume === 'plain-novel');
const check = (text: string) => ofNovel(checkVolfile(text, 'f', optionTableOf));

t.test('switched off: the graph is the one without it, with one warning that names it', async (t) => {
  const plain = shape(strictly(fixture('plain.vol')));
  for (const [how, ...options] of [
    ['pass-through true', 'pass-through true'],
    ['pass-through on', 'level 3', 'no-distribute true', 'pass-through on'],
    ['novel off', 'novel off', 'novel-limit 7'],
    ['pass-through 1', 'pass-through 1'],
    ['novel 0', 'novel 0', 'level 1'],
    ['enable false', 'enable false', 'use-backend disable'],
  ] as [string, ...string[]][]) {
    const text = withNovel(...options);
    const warning = {
      severity: 'warning',
      line: text.split('\n').indexOf('volume plain-novel') + 1,
      volume: 'plain-novel',
      message: `type '${NOVEL}' is not known and is left out: option '${how}' switches it off`,
    };
    const graph = strictly(text);
    t.same(shape(graph), plain, how);
    t.same(ofNovel(graph.warnings), [warning], `${how}: warning`);
    t.same(check(text), [warning], `${how}: brickd check`);
    const running = leniently(text);
    t.same(running.unknown, [], `${how}: a running brick lacks nothing`);
    t.same(ofNovel(running.graph.warnings), [warning], `${how}: warning of a running brick`);
  }
});

t.test('not switched off: refused, and told of by a running brick', async (t) => {
  for (const options of [
    [],
    ['pass-through false'],
    ['pass-through perhaps'],
    ['novel on'],
    ['novel off', 'novel-by-file on'],
    ['limit off'],
  ]) {
    const text = withNovel(...options);
    const how = options.join(', ') || 'no option';
    t.throws(() => strictly(text), { message: /plain-novel.*type 'features\/novel' is not one that/ }, how);
    t.match(check(text), [{ severity: 'error', message: /is not one that a brick can have/ }], `${how}: brickd check`);
    t.same(
      leniently(text).unknown.map(({ type }) => type),
      [NOVEL],
      `${how}: a running brick`,
    );
  }
});

t.test('a type that is known keeps to its own options', async (t) => {
  const text = fixture('plain.vol').replace('type features/locks', 'type features/locks\n    option pass-through true');
  t.ok(strictly(text).nodes.some(({ type }) => type === 'features/locks'));
});

t.test('one that joins several subvolumes can not be left out', async (t) => {
  const text = withNovel('pass-through true').replace('subvolumes plain-locks', 'subvolumes plain-locks plain-posix');
  t.throws(() => strictly(text), { message: /plain-novel/ });
});

t.test('right below the server: the brick keeps its name', async (t) => {
  const text = fixture('plain.vol');
  const { brick } = volfileFacts(text, 'f', []);
  const novel = `volume n\n  type ${NOVEL}\n  option pass-through yes\n  subvolumes ${brick}\nend-volume\n\n`;
  const above = text.replace('volume plain-server', `${novel}volume plain-server`);
  const at = above.lastIndexOf(`subvolumes ${brick}`);
  const joined = `${above.slice(0, at)}subvolumes n${above.slice(at + `subvolumes ${brick}`.length)}`;
  t.equal(volfileFacts(joined, 'f', []).brick, brick);
  t.equal(strictly(joined).top.children[0]?.name, brick);
});
