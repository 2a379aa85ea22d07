/** Volumes that are lifted out of a graph, so that they can come and go in a running brick. */
import t from 'tap';
import { volfileFacts } from '../../../brickd/glusterd/volfile-store.js';
import { optionTableOf } from '../../../brickd/translators/catalog.js';
import { qosProblems } from '../../../brickd/translators/user/qos/problems.js';
import { liftOut } from '../../../volfiles/extract-volume.js';
import { buildGraph, depthFirst } from '../../../volfiles/graph.js';
import { parseVolfile } from '../../../volfiles/parser.js';
import { fixture } from './fixtures.js';

const text = fixture('qos.vol');
const isQos = ({ type }: { type: string }): boolean => type === 'user/qos';

t.test('the graph without it is the one that was before it came', async (t) => {
  const nodes = parseVolfile(text, 'f');
  const { nodes: left, lifted } = liftOut(nodes, isQos);
  t.same(
    lifted.map((n) => n.type),
    ['user/qos'],
  );
  const name = lifted[0]!.name;
  const below = lifted[0]!.subvolumes[0]!;
  // As glusterd writes it without the translator.
  const before = text
    .replace(new RegExp(`volume ${name}\\n[^]*?end-volume\\n`), '')
    .replace(`subvolumes ${name}\n`, `subvolumes ${below}\n`);
  const shape = (all: typeof left) =>
    depthFirst(buildGraph(all, optionTableOf, 'f').top).map((n) => [n.name, n.type, ...n.children.map((c) => c.name)]);
  t.same(shape(left), shape(parseVolfile(before, 'f')));
  t.notSame(shape(left), shape(nodes));
  t.equal(volfileFacts(text, 'f', []).brick, below, 'the brick keeps its name');
  t.same(liftOut(left, isQos).nodes, left, 'nothing more to lift');
});

t.test('check tells of options that a brick would not use', async (t) => {
  const bad = text.replace('option limit 100\n', 'option limit ops=lots\n    option colour red\n');
  const problems = qosProblems(buildGraph(parseVolfile(bad, 'f'), optionTableOf, 'f'));
  t.match(
    problems.filter((p) => /'limit'|'colour'/.test(p.message)),
    [
      { severity: 'warning', message: /option 'limit': value 'ops=lots' has "lots"/ },
      { severity: 'warning', message: /option 'colour'.* belongs to no option/ },
    ],
  );
  t.ok(problems.every((p) => p.line > 1));
});
