import t from 'tap';
import { optionTableOf } from '../../../brickd/translators/catalog.js';
import { options as server } from '../../../mux/brick/server-options.js';
import { options as posix } from '../../../posix/options.js';
import { buildGraph, buildGraphLeniently, depthFirst, optionsOf, scanGraph } from '../../../volfiles/graph.js';
import { finalGraphText } from '../../../volfiles/graph-text.js';
import { defineOptions } from '../../../volfiles/options.js';
import { applyOverrides, copyAuthOptions, parseOverride } from '../../../volfiles/overrides.js';
import { parseVolfile } from '../../../volfiles/parser.js';
import { sampleBrickVolfile } from '../../../volfiles/samples/brick.js';
import { fixture, volfileNames } from './fixtures.js';

const graphOf = (text: string) => buildGraph(parseVolfile(text, 'f'), optionTableOf, 'f');

t.test('every volfile that glusterd writes builds without an unknown option', async (t) => {
  for (const name of volfileNames().filter((n) => n !== 'twice')) {
    t.same(graphOf(fixture(`${name}.vol`)).warnings, [], name);
  }
});

t.test('a type that nobody knows', async (t) => {
  const text = fixture('qos.vol').replace('user/qos', 'user/nobody');
  t.throws(() => graphOf(text), { message: /^f:\d+: volume 'qos-qos': type 'user\/nobody' is not one/ });
});

t.test('typed options of the volumes', async (t) => {
  const graph = graphOf(fixture('options.vol'));
  const p = optionsOf(graph.nodes[0]!, posix);
  t.match(p, {
    directory: '/d/o1',
    'force-create-mode': 0o640,
    reserve: { percent: 5 },
    'gfid2path-separator': '|',
    'batch-fsync-mode': 'none',
    ctime: false,
    'update-link-count-parent': true,
    'health-check-interval': 10,
  });
  const s = optionsOf(graph.top, server);
  t.equal(s['tcp-window-size'], 512 * 1024);
  t.equal(s['rpc.outstanding-rpc-limit'], 128);
  t.same([...s['auth.addr.*.allow'].values()], [[{ directory: '', patterns: ['*'] }]]);
  t.throws(() => optionsOf(graph.top, posix), TypeError);
});

t.test('addresses and TLS', async (t) => {
  const auth = optionsOf(graphOf(fixture('auth.vol')).top, server);
  t.same([...auth['auth.addr.*.reject'].keys()], ['auth.addr./d/plain1.reject']);
  const ssl = optionsOf(graphOf(fixture('ssl.vol')).top, server);
  t.equal(ssl['transport.socket.ssl-enabled'], true);
  t.same(ssl['auth.login.*.ssl-allow'].get('auth.login./d/ssl1.ssl-allow'), ['alice', 'bob']);
  t.equal(ssl['transport.socket.ssl-cert-depth'], 2);
  t.same([...ssl['transport.*']], []);
});

t.test('the final graph reads as the original logs it', async (t) => {
  const expected = fixture('plain.log').trimEnd().split('\n');
  const logged = (key: string) => new RegExp(`option ${key} (\\S+)`).exec(fixture('plain.log'))?.[1];
  const overrides = [
    parseOverride(`*-posix.glusterd-uuid=${logged('glusterd-uuid')}`)!,
    parseOverride(`plain-server.listen-port=${logged('transport.socket.listen-port')}`)!,
  ];
  const nodes = applyOverrides(copyAuthOptions(parseVolfile(fixture('plain.vol'), 'f')), overrides);
  const graph = buildGraph(nodes, optionTableOf, 'f');
  t.same(finalGraphText(graph.top), expected);
  t.same(graph.warnings, [], 'copied and overriding options are no unknown options');
});

t.test('overrides', async (t) => {
  t.same(parseOverride('*-posix.glusterd-uuid=a=b'), { volume: '*-posix', key: 'glusterd-uuid', value: 'a=b' });
  t.same(parseOverride('transport.socket.bind-address=h'), {
    volume: 'transport',
    key: 'socket.bind-address',
    value: 'h',
  });
  for (const bad of ['', 'x', 'x.y', 'x.y=', '.y=z', 'x.=z', 'x=y']) t.equal(parseOverride(bad), undefined, bad);
  const nodes = parseVolfile(fixture('plain.vol'), 'f');
  const changed = applyOverrides(nodes, [{ volume: '*-posix', key: 'reserve', value: 'x' }]);
  t.throws(() => buildGraph(changed, optionTableOf, 'f'), {
    message:
      "f: volume 'plain-posix': option 'reserve': value 'x' is neither a percentage nor a size (a number, then %, KB, MB, GB, TB, PB or nothing)",
  });
  t.notOk(nodes[0]?.options.has('reserve'), 'the nodes given stay as they were');
});

t.test('all errors are told, each once', async (t) => {
  const text = fixture('plain.vol')
    .replace('option shared-brick-count 1', 'option reserve none\n option health-check-interval -1')
    .replace('type features/trash', 'type features/rubbish');
  const problems = scanGraph(parseVolfile(text, 'f'), optionTableOf, 'f').problems;
  t.match(
    problems.map((p) => `${p.line} ${p.volume} ${p.message}`),
    [
      /^3 plain-posix option 'reserve'/,
      /^4 plain-posix .*below the minimum of 0/,
      /^10 plain-trash type 'features\/rubbish'/,
    ],
  );
  t.equal(problems.length, 3);
  t.throws(() => graphOf(text), { message: /^f:3: .* \(and 2 more\)$/ });
});

t.test('a volume that nothing uses', async (t) => {
  const text = `volume lost\ntype storage/posix\noption directory /d\nend-volume\n${fixture('plain.vol')}`;
  t.match(graphOf(text).warnings, [{ line: 1, volume: 'lost', message: /^is not used/ }]);
});

t.test('too few and too many subvolumes', async (t) => {
  const message = (text: string) =>
    scanGraph(parseVolfile(text, 'f'), optionTableOf, 'f').problems.map((p) => p.message);
  const disk = (name: string) => `volume ${name}\ntype storage/posix\noption directory /d\nend-volume\n`;
  t.same(message('volume l\ntype features/locks\nend-volume'), [
    "type 'features/locks' has one subvolume; none is given",
  ]);
  t.match(message(`${disk('a')}${disk('b')}volume l\ntype features/locks\nsubvolumes a b\nend-volume`), [
    "type 'features/locks' has one subvolume; 2 are given",
  ]);
  const server = 'volume s\ntype protocol/server\noption transport-type tcp\n';
  t.same(message(`${disk('a')}${disk('b')}${server}subvolumes a b\nend-volume`), []);
  t.same(message(`${server}end-volume`), ["type 'protocol/server' has at least one subvolume; none is given"]);
});

t.test('a graph of many paths or great depth takes no great time', async (t) => {
  const any = defineOptions({}, { subvolumes: [0, 2] });
  const graphOf = (text: string) => buildGraph(parseVolfile(text, 'f'), () => any, 'f');
  let diamonds = 'volume 0\ntype x/y\nend-volume\n';
  const n = 3000;
  for (let i = 1; i < n; i++) {
    diamonds += `volume ${i}\ntype x/y\nsubvolumes ${i - 1} ${i > 1 ? i - 2 : ''}\nend-volume\n`;
  }
  const start = Date.now();
  const [a, b] = [graphOf(diamonds).top, graphOf(diamonds).top];
  t.equal(depthFirst(a).length, n);
  t.equal(depthFirst(b).length, n);
  t.equal(finalGraphText(a).filter((l) => l.endsWith('end-volume')).length, n);
  t.ok(Date.now() - start < 5000);
});

t.test('the sample volfile', async (t) => {
  const brick = { volume: 's', directory: '/srv/a "b" `c\\', volumeId: '28330a76-ce71-4b91-b46e-761e9437efde' };
  const options = { posix: { reserve: '2%' }, '': { 'log-level': 'DEBUG' } };
  const graph = graphOf(sampleBrickVolfile({ ...brick, port: 49152, login: { user: 'u', password: 'p' }, options }));
  t.same(graph.warnings, []);
  t.equal(graph.top.type, 'protocol/server');
  t.equal(graph.top.children[0]?.name, brick.directory);
  t.match(optionsOf(graph.nodes[0]!, posix), { directory: brick.directory, reserve: { percent: 2 } });
  const s = optionsOf(graph.top, server);
  t.equal(s['transport.socket.listen-port'], 49152);
  t.same(s['auth.login.*.allow'].get(`auth.login.${brick.directory}.allow`), ['u']);
  t.equal(s['auth.login.*.password'].get('auth.login.u.password'), 'p');
  for (const bad of [
    { volume: 'a b' },
    { directory: 'x' },
    { directory: '/' },
    { directory: '/a\nb' },
    { volumeId: '' },
  ]) {
    t.throws(() => sampleBrickVolfile({ ...brick, ...bad }), RangeError);
  }
});

t.test('a volfile for a brick that runs: what can not be used is set aside', async (t) => {
  const text = fixture('plain.vol')
    .replace('type features/selinux', 'type features/novel')
    .replace('type features/locks', 'type features/locks\n    option revocation-secs soon');
  t.throws(() => graphOf(text));
  const { graph, unknown } = buildGraphLeniently(parseVolfile(text, 'f'), optionTableOf, 'f');
  t.same(
    unknown.map((node) => node.type),
    ['features/novel'],
  );
  t.equal(graph.nodes.length, graphOf(fixture('plain.vol')).nodes.length - 1, 'all the others are there');
  const locks = graph.nodes.find((node) => node.type === 'features/locks')!;
  t.match(locks.parsed.errors, [{ key: 'revocation-secs', value: 'soon' }]);
  const loose = 'volume l\ntype features/locks\nend-volume\n';
  t.throws(() => buildGraphLeniently(parseVolfile(loose, 'f'), optionTableOf, 'f'), /has one subvolume/);
});
