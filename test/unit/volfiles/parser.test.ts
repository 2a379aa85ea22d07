import t from 'tap';
import { parseVolfile, scanVolfile } from '../../../volfiles/parser.js';
import { VolfileError } from '../../../volfiles/problem.js';
import { fixture, volfileNames } from './fixtures.js';

const errors = (text: string) =>
  scanVolfile(text)
    .problems.filter((p) => p.severity === 'error')
    .map((p) => `${p.line} ${p.volume ?? '-'}: ${p.message}`);

const PAIR = 'volume a\n  type x/y\n  option k v\nend-volume\nvolume b\n  type x/z\n  subvolumes a\nend-volume\n';

t.test('nodes in definition order, with lines', async (t) => {
  const nodes = parseVolfile(PAIR, 'f');
  t.same(
    nodes.map((n) => [n.name, n.type, n.line, [...n.options], n.subvolumes]),
    [
      ['a', 'x/y', 1, [['k', { value: 'v', line: 3 }]], []],
      ['b', 'x/z', 5, [], ['a']],
    ],
  );
});

t.test('every recorded volfile but the one with double names parses, and prints back as it was', async (t) => {
  t.ok(volfileNames().length >= 15);
  for (const name of volfileNames().filter((n) => n !== 'twice')) {
    const text = fixture(`${name}.vol`);
    const blocks = parseVolfile(text, name).map((n) => {
      const lines = [`volume ${n.name}`, `    type ${n.type}`];
      for (const [key, { value }] of n.options) lines.push(`    option ${key} ${value}`);
      if (n.subvolumes.length > 0) lines.push(`    subvolumes ${n.subvolumes.join(' ')}`);
      return [...lines, 'end-volume', ''].join('\n');
    });
    t.equal(blocks.join('\n'), text, name);
  }
  t.match(errors(fixture('twice.vol'))[0], /^\d+ twice-trace: is defined again; it was defined on line 9 already$/);
});

t.test('words: quotes, escapes, comments, blanks', async (t) => {
  const text = [
    '# a comment with volume and "quotes',
    'volume a type x/y',
    '\toption "a key" "va\\"lue \\\\ \\x" # comment',
    'option k2 a#b option k3 "#no comment" option k4 "two',
    'lines"',
    'option k5 v\\w end-volume',
  ].join('\r\n');
  // A backslash outside quotes only ends a word: k5 has two words after it.
  t.match(errors(text), ["6 a: 'w' is out of place; expected 'type', 'option', 'subvolumes' or 'end-volume'"]);
  const [node] = parseVolfile(text.replace('v\\w', '\\v'), 'f');
  t.same(
    [...node!.options].map(([k, e]) => [k, e.value, e.line]),
    [
      ['a key', 'va"lue \\ x', 3],
      ['k2', 'a#b', 4],
      ['k3', '#no comment', 4],
      ['k4', 'two\rlines', 4],
      ['k5', 'v', 6],
    ],
  );
});

t.test('keywords are lower case: other spellings are words, as a value may be', async (t) => {
  const [node] = parseVolfile('volume Volume\ntype x/y\noption trash-dir Type\noption k OPTION\nend-volume', 'f');
  t.equal(node?.name, 'Volume');
  t.equal(node?.options.get('trash-dir')?.value, 'Type');
  t.match(errors('VOLUME a\ntype x/y\nend-volume'), ["1 -: 'VOLUME' is outside of any volume; expected 'volume NAME'"]);
});

t.test('bytes of names and values survive', async (t) => {
  const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).filter(
    (c) => !' \t\r\n"\\`#'.includes(c),
  );
  const name = `/d/${bytes.join('')}`;
  const [node] = parseVolfile(`volume ${name}\ntype x/y\noption directory ${name}\nend-volume`, 'f');
  t.equal(node?.name, name);
  t.equal(node?.options.get('directory')?.value, name);
});

t.test('errors name line, volume and cause', async (t) => {
  const cases: [string, string[]][] = [
    ['', ['1 -: the volfile defines no volume']],
    ['  # nothing\n', ['2 -: the volfile defines no volume']],
    ['hello world', ["1 -: 'hello' is outside of any volume; expected 'volume NAME'"]],
    ['volume', ["1 -: the end of the file can't be the name of a volume"]],
    ['volume a\n type x/y\n', ["1 a: has no 'end-volume' before the end of the file"]],
    ['volume a\n type x/y\nvolume b\n type x/y\nend-volume', ["1 a: has no 'end-volume' before 'volume'"]],
    ['volume a\nend-volume', ["2 a: has no type: 'type' must come before 'end-volume'"]],
    ['volume a\noption k v\ntype x/y\nend-volume', ["2 a: has no type: 'type' must come before 'option'"]],
    ['volume a\ntype\nend-volume', ["3 a: 'type' has no value; found 'end-volume'"]],
    ['volume a\ntype x/y\ntype x/z\nend-volume', ["3 a: has a second 'type'"]],
    ['volume a\ntype x/y\noption k\nend-volume', ["3 a: option 'k' has no value; found 'end-volume'"]],
    ['volume a\ntype x/y\noption\n\nend-volume', ["3 a: 'option' has no key; found 'end-volume'"]],
    ['volume a\ntype x/y\nsubvolumes\nend-volume', ["3 a: 'subvolumes' names none; found 'end-volume'"]],
    ['volume a\ntype x/y\nsubvolumes a\nend-volume', ['3 a: names itself as its subvolume']],
    [PAIR.replace('subvolumes a', 'subvolumes c'), ["7 b: subvolume 'c' is not defined above it"]],
    [PAIR.replace('subvolumes a', 'subvolumes a a'), ["7 b: names subvolume 'a' twice"]],
    [PAIR.replace('subvolumes a', 'subvolumes a subvolumes a'), ["7 b: has a second 'subvolumes'"]],
    [
      PAIR.replace('volume b', 'volume a'),
      ['5 a: is defined again; it was defined on line 1 already', '7 a: names itself as its subvolume'],
    ],
    ['volume a\ntype "x/y\n\n', ["2 a: 'type' has no value; found the string 'x/y', which no quote closes,"]],
    [
      'volume a\ntype x/y\n\x01\nend-volume',
      ["3 a: '\\x01' is out of place; expected 'type', 'option', 'subvolumes' or 'end-volume'"],
    ],
  ];
  for (const [text, expected] of cases) t.same(errors(text), expected, JSON.stringify(text));
});

t.test('goes on at the next volume', async (t) => {
  const text =
    'volume a\n x\nend-volume\nvolume b\n type x/y\n subvolumes a\nend-volume\nvolume c\n type\nend-volume\n';
  t.match(errors(text), [/^2 a: 'x' is out of place/, /^9 c: |^10 c: /]);
});

t.test('back-quoted commands are refused wherever they stand', async (t) => {
  for (const text of ['volume `id`\n', '# `id`\n', '\n\nvolume a\noption k "`id`"', '`', '\\\\`']) {
    t.match(errors(text), [/^\d+ -: a back-quoted command is not supported and was not run/], text);
  }
  t.equal(scanVolfile('\n\nvolume a\ntype "x`').problems[0]?.line, 4);
  t.same(errors('volume a\ntype x/y\noption k "\\`"\nend-volume'), []);
});

t.test('warnings: options given again, or empty', async (t) => {
  const { nodes, problems } = scanVolfile('volume a\ntype x/y\noption k 1\noption k 2\noption e ""\nend-volume');
  t.same(
    problems.map((p) => [p.severity, p.line, p.message]),
    [
      ['warning', 4, "option 'k' is given again; the last value counts"],
      ['warning', 5, "option 'e' is ignored: its value is empty"],
    ],
  );
  t.equal(nodes[0]?.options.get('k')?.value, '2');
  t.notOk(nodes[0]?.options.has('e'));
});

t.test('parseVolfile throws one error that names the file', async (t) => {
  t.throws(() => parseVolfile('volume a\n\nvolume b', '/x/y.vol'), {
    name: 'VolfileError',
    message: "/x/y.vol:1: volume 'a': has no 'end-volume' before 'volume' (and 1 more)",
    file: '/x/y.vol',
    line: 1,
  });
  t.ok(new VolfileError('f', []).message);
});

t.test('no input crashes or hangs it', async (t) => {
  let seed = 12345;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  const words = [
    'volume',
    'type',
    'option',
    'subvolumes',
    'end-volume',
    '"',
    '\\',
    '`',
    '#',
    '\n',
    ' ',
    '\t',
    'a',
    'b',
    '\0',
    '\xff',
    'END-VOLUME',
    '"x y"',
    '""',
  ];
  const base = fixture('plain.vol');
  for (let round = 0; round < 3000; round++) {
    let text = '';
    if (round % 2 === 0) {
      for (let i = random(60); i > 0; i--) text += words[random(words.length)] + (random(3) > 0 ? ' ' : '');
    } else {
      const at = random(base.length);
      const cut = random(40);
      text = base.slice(0, at) + words[random(words.length)] + base.slice(at + cut);
    }
    const { nodes, problems } = scanVolfile(text);
    const bad = problems.some((p) => p.severity === 'error');
    if (!bad && nodes.length === 0) t.fail(`neither nodes nor errors: ${JSON.stringify(text)}`);
    if (problems.some((p) => p.line < 1 || p.message === '')) t.fail(JSON.stringify(text));
  }
  const start = Date.now();
  const n = 200_000;
  for (const text of [
    'volume '.repeat(n),
    '"'.repeat(n),
    '\\'.repeat(n),
    '\\`'.repeat(n),
    '#'.repeat(n),
    `volume a type x/y option k "${'\\"'.repeat(n)}`,
    `volume a\ntype x/y\nend-volume\nvolume b\ntype x/y\nsubvolumes ${'a '.repeat(n)}`,
    '\n'.repeat(n),
  ]) {
    scanVolfile(text);
  }
  t.ok(Date.now() - start < 5000, 'large bad files take time in proportion');
});
