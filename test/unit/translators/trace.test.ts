/** debug/trace: what it writes down, and what it costs nothing for. */
import t from 'tap';
import { argumentsText, MAX_TEXT, replyText } from '../../../brickd/translators/debug/trace/describe.js';
import { History } from '../../../brickd/translators/debug/trace/history.js';
import type { options } from '../../../brickd/translators/debug/trace/options.js';
import { TraceTranslator } from '../../../brickd/translators/debug/trace/trace.js';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { ENOENT } from '../../../native/errno.js';
import type { OptionsOf } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, lower, statOf } from './harness.js';

type Options = OptionsOf<typeof options>;
const OFF: Options = {
  'include-ops': undefined,
  'exclude-ops': undefined,
  'history-size': 4,
  'log-file': false,
  'log-history': false,
  'force-log-level': 'INFO',
};

const lines: LogLine[] = [];
setLogSink({ wants: () => true, write: (line) => lines.push(line) });
t.beforeEach(() => {
  lines.length = 0;
});

function layerOf(over: Partial<Options>, next: Partial<Fops> = {}): TraceTranslator & Fops {
  const init = { name: 'v-trace', type: 'debug/trace', options: { ...OFF, ...over }, brick: new FakeBrick(), slot: 0 };
  const layer = new TraceTranslator(init);
  layer.next = lower(next);
  return layer as TraceTranslator & Fops;
}

t.test('off, it is linked past', async (t) => {
  t.notOk(layerOf({}).wants('open'));
  t.ok(layerOf({ 'log-history': true }).wants('open'));
  t.ok(layerOf({ 'log-file': true }).wants('open'));
});

t.test('a fop and its outcome, in the log', async (t) => {
  const brick = new FakeBrick();
  const inode = brick.inode();
  const layer = layerOf(
    { 'log-file': true },
    {
      stat: async () => ({ stat: statOf({ gfid: inode.gfid, size: 42 }), xdata: null }),
      open: () => {
        throw failure(ENOENT);
      },
    },
  );
  const call = callOf(new FakeClient());
  await layer.stat(call, { inode, xdata: null });
  const fd = fdOf(inode, call.client);
  t.equal(await errnoOfAttempt(() => layer.open(call, { inode, fd, flags: 2, xdata: null })), ENOENT);
  const text = '0a000000-0000-0000-0000-000000000002';
  t.match(
    lines.map((line) => [line.traced, line.text]),
    [
      ['trace_stat', `1: gfid=${text} path=<gfid:${text}>`],
      ['trace_stat_cbk', /^1: op_ret=0, \*stbuf \{gfid=0a.*, size=42, /],
      ['trace_open', /^2: gfid=.*, flags=2$/],
      ['trace_open_cbk', `2: op_ret=-1, op_errno=${ENOENT}`],
    ],
  );
});

t.test('which fops', async (t) => {
  const include = layerOf({ 'log-file': true, 'include-ops': ['CREATE', 'write'] });
  t.ok(include.wants('create') && include.wants('writev'));
  t.notOk(include.wants('open'));
  const exclude = layerOf({ 'log-file': true, 'exclude-ops': ['open', 'nosuch'] });
  t.notOk(exclude.wants('open'));
  t.ok(exclude.wants('stat'));
  t.match(lines.at(-1)?.text, /unknown fop 'nosuch'/);
  await exclude.reconfigure({ ...OFF, 'log-file': true, 'include-ops': ['open'], 'exclude-ops': ['open'] });
  t.ok(exclude.wants('open'));
});

t.test('the history is a ring, shown by the statedump', async (t) => {
  const layer = layerOf({ 'log-history': true });
  for (let i = 0; i < 6; i++) layer.write('trace_stat', `line ${i}`);
  const [section] = layer.dump();
  t.equal(section?.title, 'xlator.debug.trace.history');
  t.same(
    section?.lines.filter((line) => line.startsWith('FOP=')),
    ['FOP=line 2', 'FOP=line 3', 'FOP=line 4', 'FOP=line 5'],
  );
  t.match(section?.lines[0], /^TIME=\d{4}-\d\d-\d\d /);
  t.same(lines, []);
  await layer.reconfigure(OFF);
  t.same(layer.dump(), []);
  t.same([...new History(0).events()], []);
});

t.test('arguments and replies of any kind, never too long', async (t) => {
  const brick = new FakeBrick();
  const inode = brick.inode();
  const flock = { type: 1, whence: 0, start: 5n, len: 0n, pid: 7, owner: 'x' };
  const fd = fdOf(inode, new FakeClient());
  t.match(argumentsText({ fd, cmd: 1, flock, xdata: dictOf({ a: 1 }) }), /fd=-2, cmd=1, lock \{l_type=1,.*l_start=5/);
  const loc = { inode: null, parent: brick.root, name: 'new' };
  t.equal(argumentsText({ loc, mode: 5 }), 'path=/new, mode=5');
  t.equal(argumentsText({ dict: dictOf({ 'user.a': 'secret', 'user.b': 1 }) }), 'dict=(user.a, user.b)');
  t.equal(replyText({ count: 4096, pre: statOf({}), xdata: null }).slice(0, 11), 'op_ret=4096');
  t.ok(argumentsText({ name: 'x'.repeat(10_000) }).length <= MAX_TEXT);
});
