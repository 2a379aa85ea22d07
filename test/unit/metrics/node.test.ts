/**
 * The node exporter over records of glusterd, pid files and processes that are made here. Not covered: real processes, which
 * test/gluster/alerts has.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ServerState } from '../../../brickd/brick-server.js';
import { startMetrics } from '../../../brickd/metrics/http/endpoint.js';
import { responder } from '../../../brickd/metrics/http/http.js';
import { asOpenMetrics, weightOf } from '../../../brickd/metrics/http/metrics-reply.js';
import { leaveLastWords, takeLastWordsBack } from '../../../brickd/metrics/last-words.js';
import { GlusterdFiles } from '../../../brickd/metrics/node/glusterd-records.js';
import { MergedMetrics } from '../../../brickd/metrics/node/metrics-text.js';
import { NodeExporter } from '../../../brickd/metrics/node/node-exporter.js';
import { Node, type NodeState } from '../../../brickd/metrics/node/node-state.js';
import { pidFileState } from '../../../brickd/metrics/node/pid-file.js';
import { ProcessSocket } from '../../../brickd/metrics/process-sockets.js';
import { bytesOfText, textOfBytes } from '../../../native/bytes.js';
import { brick, state, worker } from './fake-stats.js';

const OWN = 'aaaa-1';
const record = (path: string, uuid = OWN) => `uuid=${uuid}\nhostname=h\npath=${path}\nlisten-port=49152\n`;
const dashed = (path: string) => `h:${path.replaceAll('/', '-')}`;
const info = (status: number, ...paths: string[]) =>
  `type=0\nstatus=${status}\n${paths.map((p, i) => `brick-${i}=${dashed(p)}\n`).join('')}`;
const volume = (status: number, ...bricks: [path: string, uuid?: string][]) => ({
  info: info(status, ...bricks.map(([p]) => p)),
  bricks: Object.fromEntries(bricks.map(([p, uuid]) => [dashed(p), record(p, uuid)])),
});

const paths = async (files: GlusterdFiles) => (await files.read()).bricks.map((b) => textOfBytes(b.path));

t.test('which bricks glusterd asks for', async (t) => {
  const folder = t.testdir({
    'glusterd.info': `UUID=${OWN}\noperating-version=110000\n`,
    vols: {
      v: volume(1, ['/d/a'], ['/d/b', 'other-node']),
      stopped: volume(2, ['/d/c']),
      created: volume(0, ['/d/d']),
    },
    snaps: {
      missed_snaps_list: '',
      s1: { info: 'snap-id=1\n', snapvol: volume(1, ['/run/gluster/snaps/snapvol/brick1']) },
      s2: { info: 'snap-id=2\n', off: volume(2, ['/run/gluster/snaps/off/brick1']) },
    },
  });
  const files = new GlusterdFiles(folder, '/r');
  const read = await files.read();
  t.same(read.problems, []);
  t.equal(read.nodeId, OWN);
  t.same(
    read.bricks.map((b) => [b.volume, b.snapshot, textOfBytes(b.path), textOfBytes(b.pidFile)]),
    [
      ['v', '', '/d/a', '/r/vols/v/h-d-a.pid'],
      [
        'snapvol',
        's1',
        '/run/gluster/snaps/snapvol/brick1',
        '/r/snaps/s1/snapvol/h-run-gluster-snaps-snapvol-brick1.pid',
      ],
    ],
    'those of this node, of started volumes and of active snapshots',
  );

  const v = join(folder, 'vols/v');
  const write = (name: string, text: string) => {
    writeFileSync(join(v, `${name}.tmp`), text);
    renameSync(join(v, `${name}.tmp`), join(v, name));
  };
  write('info', 'nonsense');
  let again = await files.read();
  t.equal(again.bricks.length, 2, 'a record that makes no sense changes nothing');
  t.match(again.problems.join(), /vols\/v\/info: it does not tell a status/);
  rmSync(join(v, 'info'));
  again = await files.read();
  t.equal(again.bricks.length, 2, 'nor does one that is not there');
  t.match(again.problems.join(), /ENOENT/);
  write('info', info(1, '/d/a', '/d/b'));
  writeFileSync(join(v, 'bricks', dashed('/d/a')), 'path=\n');
  again = await files.read();
  t.same(again.bricks.map((b) => textOfBytes(b.path)).sort()[0], '/d/a', 'nor one of a brick');
  t.equal(again.problems.length, 1);
  writeFileSync(join(v, 'bricks', dashed('/d/a')), record('/d/a'));
  t.same((await files.read()).problems, [], 'what is mended is read again');
  writeFileSync(join(folder, 'glusterd.info'), '');
  again = await files.read();
  t.equal(again.bricks.length, 2, 'nor one of the node');
  t.equal(again.nodeId, OWN);
  writeFileSync(join(folder, 'glusterd.info'), `UUID=${OWN}\n`);

  write('info', info(2, '/d/a', '/d/b'));
  t.same(await paths(files), ['/run/gluster/snaps/snapvol/brick1'], 'a volume that is stopped');
  write('info', info(1, '/d/a', '/d/b'));
  t.equal((await paths(files)).length, 2, 'and started');
  renameSync(join(folder, 'vols'), join(folder, 'gone'));
  again = await files.read();
  t.equal(again.bricks.length, 2, 'all of them out of sight');
  t.match(again.problems.join(), /vols/);
  renameSync(join(folder, 'gone'), join(folder, 'vols'));
  rmSync(v, { recursive: true });
  again = await files.read();
  t.equal(again.bricks.length, 1, 'a volume that is deleted');
  t.same(again.problems, []);
});

t.test('pid files', async (t) => {
  const folder = t.testdir({ empty: '', junk: 'x\n', stranger: `${process.pid}\n`, gone: '4194303\n' });
  const kind = async (name: string) => (await pidFileState(bytesOfText(join(folder, name)), bytesOfText('/d/a'))).kind;
  t.equal(await kind('nowhere'), 'none');
  for (const name of ['empty', 'junk', 'stranger', 'gone']) t.equal(await kind(name), 'stale', name);
  t.equal((await pidFileState(bytesOfText(folder), bytesOfText('/d/a'))).kind, 'unreadable', 'a folder in its place');
});

/** For sockets, whose paths must be short. */
function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'node-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 'processes');
}

/** A brick process at its socket. */
async function processOf(
  t: Test,
  sockets: string,
  pid: number,
  bricks: { path: string; up: boolean }[],
  more: Partial<ServerState> = {},
) {
  const all = bricks.map(({ path, up }) => brick(path, up));
  const source = {
    stats: async () => [worker(all)],
    bricks: () => all.map((b) => b.brick),
    state: () => ({ ...state(all), ...more }),
  };
  const socket = new ProcessSocket(async () => responder(source), pid, sockets);
  await socket.listen();
  t.teardown(() => socket.close());
  return { socket, all };
}

t.test('what serves and what does not', async (t) => {
  const folder = t.testdir({
    g: {
      'glusterd.info': `UUID=${OWN}\n`,
      vols: { vol: volume(1, ['/d/up'], ['/d/dead'], ['/d/failed'], ['/d/refused'], ['/d/hangs']) },
      snaps: {},
    },
    run: { vols: { vol: {} } },
  });
  const sockets = shortFolder(t);
  const lastWords = join(folder, 'run/last-words');
  const node = () => new Node({ glusterd: join(folder, 'g'), run: join(folder, 'run'), sockets, lastWords });
  const told = async () => {
    const found: NodeState = await node().state();
    return Object.fromEntries(found.bricks.map((b) => [b.path, b.reason === '' ? b.state : b.reason]));
  };
  t.same(Object.values(await told()), ['dead', 'dead', 'dead', 'dead', 'dead'], 'before the first process');
  await processOf(t, sockets, 4194301, [
    { path: '/d/up', up: true },
    { path: '/d/failed', up: false },
  ]);
  await leaveLastWords(bytesOfText('/d/refused'), 'refused', 'its volume-id is another', lastWords);
  await leaveLastWords(bytesOfText('/d/up'), 'failed', 'old', lastWords);
  const expected = {
    '/d/up': 'up',
    '/d/dead': 'dead',
    '/d/failed': 'failed',
    '/d/refused': 'refused',
    '/d/hangs': 'dead',
  };
  t.same(await told(), expected);
  const refused = (await node().state()).bricks.find((b) => b.reason === 'refused');
  t.equal(refused?.detail, 'its volume-id is another');
  await takeLastWordsBack(bytesOfText('/d/refused'), lastWords);
  t.equal((await told())['/d/refused'], 'dead');
  writeFileSync(join(folder, 'run/vols/vol/h-d-dead.pid'), '4194301\n');
  t.equal((await told())['/d/dead'], 'dead', 'a pid file proves nothing');
  const second = await processOf(t, sockets, 4194300, [{ path: '/d/dead', up: true }]);
  t.equal((await told())['/d/dead'], 'up');
  await second.socket.close();
  t.equal((await told())['/d/dead'], 'dead', 'and when its process has gone');

  await processOf(t, sockets, 4194299, [{ path: '/d/else', up: true }], { glusterdConnected: true });
  const exporter = new NodeExporter(node(), 'lab');
  const { port, close } = await startMetrics(exporter.listener as never, '127.0.0.1', 0);
  t.teardown(close);
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const r = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    return { status: r.status, type: r.headers.get('content-type') ?? '', text: await r.text() };
  };
  const { text } = await get('/metrics');
  const up = (path: string, pid: string) =>
    `gluster_brick_up{cluster_id="lab",volume="vol",hostname="h",brick_path="${path}",peer_id="${OWN}",pid="${pid}"}`;
  t.match(text, `${up('/d/up', '4194301')} 1\n`);
  t.match(text, `${up('/d/dead', '')} 0\n`);
  t.match(text, 'gluster_brick_down_info{volume="vol",brick_path="/d/dead",reason="dead"} 1\n');
  t.match(text, 'brickd_node_brick_unexpected{volume="vol",brick_path="/d/else",pid="4194299"} 1\n');
  t.match(text, 'brickd_attaches_total{pid="4194301"} ');
  t.match(text, 'brickd_thread_bricks{thread="0",pid="4194301"} ');
  const series = text
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'))
    .map((l) => l.replace(/ \S+$/, ''));
  t.equal(new Set(series).size, series.length, 'no series comes twice');
  const heads = text.split('\n').filter((l) => l.startsWith('# TYPE'));
  t.equal(new Set(heads).size, heads.length, 'nor does a metric');
  t.notMatch((await get('/metrics?only=node')).text, 'brickd_fops_total');
  const open = await get('/metrics', { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' });
  t.match(open.type, /^application\/openmetrics-text/);
  t.match(open.text, /# TYPE brickd_fops counter\nbrickd_fops_total\{/);
  t.match(open.text, /\n# EOF\n$/);
  t.notMatch(open.text, '\n\n');
  t.equal((await get('/healthz')).status, 503);
  t.match((await get('/healthz')).text, 'h:/d/dead of vol is down: dead');
  t.match((await get('/')).text, /4 of 5 bricks do not serve/);
  t.match((await get('/process/4194301/healthz')).text, '/d/failed');
  t.equal((await get('/process/4194302/')).status, 502);
  t.equal((await get('/nowhere')).status, 404);
  t.equal(JSON.parse((await get('/node.json')).text).bricks.length, 5);
});

t.test('two processes that tell of one brick', async (t) => {
  const folder = t.testdir({
    g: { 'glusterd.info': `UUID=${OWN}\n`, vols: { vol: volume(1, ['/d/a']) }, snaps: {} },
  });
  const sockets = shortFolder(t);
  await processOf(t, sockets, 4194301, [{ path: '/d/a', up: false }]);
  await processOf(t, sockets, 4194300, [{ path: '/d/a', up: true }]);
  const node = new Node({ glusterd: join(folder, 'g'), run: folder, sockets, lastWords: join(folder, 'w') });
  const { bricks } = await node.state();
  t.same([bricks[0]?.state, bricks[0]?.pid], ['up', 4194300]);
  let text = '';
  for await (const piece of new NodeExporter(node).pieces(false)) text += piece;
  t.equal(text.match(/^brickd_clients\{/gm)?.length, 1, 'its numbers are told once');
});

t.test('a folder of sockets that cannot be read is told', async (t) => {
  const folder = t.testdir({ g: { 'glusterd.info': `UUID=${OWN}\n`, vols: {}, snaps: {} }, processes: '' });
  const node = new Node({ glusterd: join(folder, 'g'), sockets: join(folder, 'processes') });
  t.match((await node.state()).problems.join(), /processes: ENOTDIR/);
});

t.test('metrics of several processes', async (t) => {
  const merged = new MergedMetrics();
  const text = (n: number) =>
    `# HELP a_total A.\n# TYPE a_total counter\na_total ${n}\n# HELP b B.\n# TYPE b gauge\n` +
    `b{volume="v",brick_path="/\\"x,\\\\",fop="F"} ${n}\nb{x="}"} 1\n`;
  const key = 'volume="v",brick_path="/\\"x,\\\\"';
  merged.add(text(1), 11, (k) => k === key, new Set());
  merged.add(text(2), 22, () => false, new Set(['a_total']));
  t.same(merged.families.get('a_total')?.samples, ['a_total{pid="11"} 1']);
  t.same(merged.families.get('b')?.samples, [`b{${key},fop="F"} 1`, 'b{x="}",pid="11"} 1', 'b{x="}",pid="22"} 1']);
  t.equal(merged.families.get('b')?.head, '# HELP b B.\n# TYPE b gauge\n');
});

t.test('what a scraper prefers', async (t) => {
  const prometheus =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  t.equal(weightOf(prometheus, 'application/openmetrics-text'), 0.5);
  t.equal(weightOf(prometheus, 'text/plain', '*/*'), 0.3);
  t.equal(weightOf('gzip;q=0, *', 'gzip', '*'), 0);
  t.equal(weightOf('', 'gzip'), 0);
  t.equal(weightOf('gzip;q=x', 'gzip'), 0);
  const text =
    '# HELP a_total Say "a".\n# TYPE a_total counter\na_total 1\n\n# HELP b_total B.\n# TYPE b_total untyped\nb_total 2\n';
  t.equal(
    asOpenMetrics(text),
    '# HELP a Say \\"a\\".\n# TYPE a counter\na_total 1\n# HELP b_total B.\n# TYPE b_total unknown\nb_total 2\n',
  );
});
