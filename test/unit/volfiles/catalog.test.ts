import { spawnSync } from 'node:child_process';
import t from 'tap';
import { catalog, implemented, optionTableOf } from '../../../brickd/translators/catalog.js';
import { definitions } from '../../../brickd/translators/definitions.js';
import { demandProblems, refusals } from '../../../brickd/translators/demands.js';
import { KNOWN_TYPES } from '../../../brickd/translators/known-types.js';
import { checkVolfile } from '../../../volfiles/check.js';
import { buildGraph } from '../../../volfiles/graph.js';
import { parseOptions } from '../../../volfiles/options.js';
import { parseVolfile } from '../../../volfiles/parser.js';
import { fixture } from './fixtures.js';

/** Targets of demands that brickd does not meet. */
const MISSING = ['protocol/server#unix'];

/** What a plain volume needs. */
const BASE = new Set(['storage/posix', 'system/posix-acl', 'features/locks', 'features/index', 'protocol/server']);
const graphFrom = (text: string, file = 'f') => buildGraph(parseVolfile(text, file), optionTableOf, file);
const graphOf = (name: string) => graphFrom(fixture(`${name}.vol`), `${name}.vol`);
const refused = (name: string, implemented = BASE) =>
  refusals(graphOf(name), implemented).map((s) => /volume '([^']*)': (.*) needs/.exec(s)?.slice(1).join(' '));

t.test('every default of every table is a good value', async (t) => {
  for (const [type, { options: table }] of catalog) {
    const { errors } = parseOptions(table, { name: type, line: 1, options: new Map() });
    t.same(
      errors.filter((e) => e.reason !== 'is missing').map((e) => e.message),
      [],
      type,
    );
  }
});

t.test('every folder of a translator is listed, and by its name', async (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['brickd/translators/generate.js', '--check']);
  t.equal(status, 0, stderr.toString());
  t.same([...catalog.keys()].sort(), [...KNOWN_TYPES].sort());
  t.equal(
    catalog.size,
    definitions.reduce((sum, { aliases }) => sum + 1 + aliases.length, 0),
    'no name is taken twice',
  );
});

t.test('what is implemented', async (t) => {
  const targets = definitions.flatMap(({ demands }) => demands.map((demand) => demand.target));
  t.same([...new Set(targets)].filter((target) => !implemented.has(target)).sort(), MISSING);
});

t.test('a plain volume is served, what needs more is refused', async (t) => {
  for (const name of ['plain', 'auth', 'disperse', 'eleven']) t.same(refused(name), [], name);
  t.same(refused('arbiter'), ["arbiter-arbiter type 'features/arbiter'"]);
  t.same(refused('worm'), ["worm-worm option 'worm on'", "worm-worm option 'worm-file-level on'"]);
  t.same(refused('readonly'), ["readonly-read-only option 'read-only on'"]);
  t.same(refused('quota'), [
    "quota-marker option 'quota on'",
    "quota-marker option 'inode-quota on'",
    "quota-quota option 'server-quota on'",
  ]);
  t.same(refused('bitrot'), [
    "bitrot-changelog option 'changelog-notification on'",
    "bitrot-bitrot-stub option 'bitrot on'",
  ]);
  t.same(refused('changelog'), ["changelog-changelog option 'changelog on'", "changelog-marker option 'xtime on'"]);
  t.same(refused('misc'), [
    "misc-trash option 'trash on'",
    "misc-leases option 'leases on'",
    "misc-upcall option 'cache-invalidation on'",
    "misc-cdc type 'features/cdc'",
  ]);
  t.same(refused('ssl'), ["ssl-server option 'transport.socket.ssl-enabled on'"]);
  t.same(refused('options'), [
    "options-locks option 'mandatory-locking optimal'",
    "options-locks option 'enforce-mandatory-lock on'",
    "options-locks option 'revocation-secs 60'",
    "options-locks option 'revocation-max-blocked 30'",
    "options-sdfs option 'pass-through false'",
    "options-server option 'root-squash on'",
    "options-server option 'manage-gids on'",
  ]);
  t.same(refused('debug'), ["debug-error-gen type 'debug/error-gen'", "debug-delay-gen type 'debug/delay-gen'"]);
});

t.test('a brick of GlusterFS 11 whose quota is on needs what counts', async (t) => {
  const graph = graphFrom(fixture('eleven.vol').replace('pass-through true', 'pass-through false'));
  t.match(refusals(graph, BASE), [/option 'pass-through false' needs limits on the space that namespaces take/]);
  t.same(refusals(graph, new Set([...BASE, 'features/simple-quota'])), []);
});

t.test('what is implemented is not refused', async (t) => {
  t.same(refused('worm', new Set([...BASE, 'features/worm'])), []);
  t.same(refused('ssl', new Set([...BASE, 'protocol/server#tls'])), []);
  t.equal(refused('plain', new Set()).length, 5, 'nothing is taken for granted');
});

t.test('a refusal is a sentence with file, line, volume, option and what is missing', async (t) => {
  t.same(refusals(graphOf('readonly'), BASE), [
    "readonly.vol:54: volume 'readonly-read-only': option 'read-only on' needs protection from writes, which this brick server does not have",
  ]);
});

t.test('what can be left out with a line in the log', async (t) => {
  const warnings = demandProblems(graphOf('plain'), BASE);
  t.same(
    warnings.map((w) => [w.severity, w.volume]),
    [['warning', 'plain-selinux']],
  );
});

t.test('check tells all problems in the order of lines', async (t) => {
  const check = (text: string) =>
    checkVolfile(text, 'f', optionTableOf, (graph) => demandProblems(graph, BASE)).map(
      (p) => `${p.line} ${p.severity} ${p.message}`,
    );
  t.match(check(fixture('plain.vol')), [/selinux on/]);
  const text = fixture('readonly.vol')
    .replace('option shared-brick-count 1', 'option shared-brick-cuont 1')
    .replace('option read-only on', 'option read-only on\n    option read-only on');
  t.match(check(text), [
    "3 warning option 'shared-brick-cuont' is not known and has no effect",
    /^\d+ warning option 'read-only' is given again/,
    /^\d+ error option 'read-only on' needs/,
    /selinux/,
  ]);
  t.match(check('volume a\ntype storage/posix\nend-volume'), [/1 error .*'directory' is missing/]);
  t.match(check('volume a'), [/1 error has no 'end-volume'/]);
  t.match(check(''), [/1 error the volfile defines no volume/]);
});
