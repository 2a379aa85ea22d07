/** The life of a brick on the main thread: its states, who waits for it, and what must not happen to it. */
import t from 'tap';
import type { BrickFacts } from '../../../mux/brick/brick-facts.js';
import { BrickRegistry } from '../../../mux/workers/brick-registry.js';
import type { BrickTask } from '../../../mux/workers/worker-protocol.js';
import { AssertionError } from '../../../native/assert.js';
import { bytesOfText } from '../../../native/bytes.js';

const NAME = bytesOfText('/d/b');
const TASK: BrickTask = { brick: NAME, volfileId: 'v', volfile: 'volume x', overrides: [] };
const FACTS: BrickFacts = {
  brick: NAME,
  serverName: 'v-server',
  volumeId: undefined,
  authOptions: [],
  allowInsecure: true,
  strictAuth: false,
  dynamicAuth: true,
  tls: null,
  finalGraph: 'graph',
  unapplied: [],
  listen: { port: undefined, bindAddress: '', backlog: 1024, family: 4 },
};

function registered() {
  const registry = new BrickRegistry();
  const failed: string[] = [];
  registry.onFailed = (brick, reason) => failed.push(`${brick}: ${reason}`);
  registry.add(TASK, FACTS);
  const brick = registry.registered(NAME);
  const state = () => registry.summaries().map((b) => b.state)[0];
  return { registry, brick, failed, state };
}

t.test('a brick whose worker fails is waited for until it is up again', async (t) => {
  const { registry, brick, state } = registered();
  t.equal(state(), 'up');
  registry.workerLost([NAME]);
  t.equal(state(), 'returning');
  t.notOk(brick.up);
  let up = false;
  const waiting = brick.waitUntilUp(Number.POSITIVE_INFINITY).then(() => (up = true));
  await new Promise(setImmediate);
  t.notOk(up);
  await brick.restart(async (task) => {
    t.match(task, { ...TASK, again: true });
    return FACTS;
  });
  await waiting;
  t.ok(brick.up);
  t.equal(state(), 'up');
});

t.test('a brick that fails is reported once, and is not wanted any more', async (t) => {
  const { registry, brick, failed, state } = registered();
  registry.workerLost([NAME]);
  const waiting = brick.waitUntilUp(Number.POSITIVE_INFINITY);
  registry.fail(NAME, 'its disk is gone');
  registry.fail(NAME, 'again');
  await waiting;
  t.equal(state(), 'failed');
  t.same(failed, ['/d/b: its disk is gone']);
  t.notOk(registry.wanted(NAME));
  registry.workerLost([NAME]);
  t.equal(state(), 'failed', 'its worker makes no difference now');
});

t.test('a brick that is being detached stays so until it is gone', async (t) => {
  const { registry, brick, failed, state } = registered();
  registry.workerLost([NAME]);
  let start: (facts: BrickFacts) => void = () => {};
  const restarting = brick.restart(() => new Promise((resolve) => (start = resolve)));
  let stopped = false;
  const stopping = brick.stop().then(() => (stopped = true));
  await new Promise(setImmediate);
  t.notOk(stopped, 'the start under way is waited for');
  t.equal(state(), 'stopping');
  start(FACTS);
  await Promise.all([restarting, stopping]);
  t.equal(state(), 'stopping');
  registry.fail(NAME, 'too late');
  t.same(failed, []);
  t.ok(registry.remove(brick));
  t.notOk(registry.remove(brick), 'a second time');
  t.same(registry.names(), []);
});

t.test('a brick that is served is not taken out', async (t) => {
  const { registry, brick } = registered();
  t.throws(() => registry.remove(brick), AssertionError);
});

t.test('a name is registered once', async (t) => {
  const { registry } = registered();
  t.throws(() => registry.add(TASK, FACTS), AssertionError);
});

t.test('the graph is handed out once', async (t) => {
  const { brick } = registered();
  t.equal(brick.takeFinalGraph(), 'graph');
  t.equal(brick.takeFinalGraph(), '');
});
