/**
 * Body of the workers of pool.test.ts: real bricks of one made-up translator, whose option `how` says how it behaves:
 * "kills" makes its worker fail shortly after it has come up, "stillborn" while it comes up, "refuses" fails to come up, "stubborn"
 * refuses to change, "lacking" is what this server has not.
 */

import { getEnvironmentData, type MessagePort } from 'node:worker_threads';
import type { Unapplied } from '../../../mux/brick/brick-facts.js';
import { options as serverOptions } from '../../../mux/brick/server-options.js';
import { workerStats } from '../../../mux/brick/views/brick-stats.js';
import type { Handover } from '../../../mux/handshake/handshake.js';
import { BrickHost } from '../../../mux/workers/brick-host.js';
import type { WorkerHello } from '../../../mux/workers/brick-worker.js';
import type { TranslatorRegistry } from '../../../mux/workers/translator-registry.js';
import type { BrickTask } from '../../../mux/workers/worker-protocol.js';
import { type Task, workerTask } from '../../../mux/workers/worker-task.js';
import type { Call } from '../../../mux/xlator/call.js';
import type { LookupArgs, LookupReply } from '../../../mux/xlator/fops.js';
import { ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { Translator } from '../../../mux/xlator/translator.js';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import type { ByteString } from '../../../native/bytes.js';
import { Priority } from '../../../native/layout.js';
import { S_IFDIR } from '../../../native/linux.js';
import { Queue } from '../../../native/queue.js';
import type { Graph } from '../../../volfiles/graph.js';
import { str } from '../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../volfiles/options.js';

const options = defineOptions({ how: str() }, { subvolumes: [0, 0] });
type Options = OptionsOf<typeof options>;
const stat = Object.assign(new Iatt(), { gfid: ROOT_GFID, mode: S_IFDIR | 0o755, nlink: 2 });

class Fake extends Translator<Options> {
  override async init(): Promise<void> {
    const { how } = this.options;
    if (how === 'refuses') throw new Error('it refuses');
    if (how === 'stillborn') await new Promise(() => setImmediate(() => failing('stillborn')));
    if (how === 'kills') setTimeout(() => failing('killed by a brick'), 20);
  }
  override async reconfigure(next: Options): Promise<void> {
    if (next.how === 'stubborn') throw new Error('it is stubborn');
    this.options = next;
  }
  /** Names take their time, the root does not. */
  lookup(_call: Call, { loc }: LookupArgs): LookupReply | Promise<LookupReply> {
    const reply = { stat, postparent: stat, xdata: null };
    return loc.parent === null ? reply : new Promise((resolve) => setTimeout(() => resolve(reply), 50));
  }
}

/** "lacking" asks for what there is not. */
function lacking(graph: Graph): Unapplied[] {
  return graph.nodes
    .filter((node) => node.options.get('how')?.value === 'lacking')
    .map(({ name }) => ({ volume: name, option: 'how', value: 'lacking', reason: 'it is lacking', guards: false }));
}

function failing(why: string): never {
  throw new Error(why);
}

const registry: TranslatorRegistry = {
  optionTable: (type) => (type === 'protocol/server' ? serverOptions : type === 'test/fake' ? options : undefined),
  create: (_type, init) => new Fake(init as ConstructorParameters<typeof Fake>[0]),
  schedulingType: 'user/none',
  namespaceType: 'features/none',
  scheduling: () => failing('no volume asks for it'),
  refusals: (graph) => lacking(graph).map((u) => u.reason),
  unapplied: lacking,
  isServed: () => true,
  guards: () => false,
};

if (getEnvironmentData('broken') === true) throw new Error('broken');

let line: MessagePort | null = null;
const host = new BrickHost(registry, (event) => line?.postMessage(event));

export const hello = ({ argument }: Task<WorkerHello>): void => {
  line = argument.line;
  addon.endAtHeapBound(argument.heapExhausted);
};
export const attach = workerTask((task: BrickTask) => host.attach(task));
export const reconfigure = workerTask((task: BrickTask) => host.reconfigure(task));
export const detach = workerTask((brick: ByteString) => host.detach(brick));
export const adopt = workerTask((task: { brick: ByteString; handover: Handover }) =>
  host.adopt(task.brick, task.handover),
);
export const stats = () => workerStats(host.bricks());
/** The options that a brick runs with. */
export const status = ({ argument }: Task<{ brick: ByteString }>) => ({
  how: (host.brick(argument.brick)!.layers[0] as Fake).options.how ?? '',
});
/** A native call under way all the time, and another one from each that finishes. */
function callNatively(): void {
  const queue = new Queue(4);
  const call = (): void => {
    const b = batch();
    b.statx(addon.constants['AT_FDCWD']!, '/', b.statOut());
    b.onDone = () => {
      b.release();
      call();
    };
    queue.submit(b, 0, Priority.normal);
  };
  for (let i = 0; i < 16; i++) call();
}

/** Uses up memory: by many small objects, or by a table that doubles. */
function hoard(kind: string): void {
  const kept: unknown[] = [];
  const table = new Map<number, number>();
  setInterval(() => {
    for (let i = 0; i < 100_000; i++) {
      if (kind === 'memory') kept.push({ i, text: `number ${i}` });
      else table.set(table.size, i);
    }
  }, 1);
}

/** Keeps the thread busy, as "spin", or fails; with a "+" before, while native calls are under way. */
export const fail = async ({ argument }: Task<string>): Promise<void> => {
  const kind = argument.replace('+', '');
  if (argument !== kind) {
    callNatively();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (kind === 'spin') {
    const end = performance.now() + 400;
    while (performance.now() < end);
    return;
  }
  if (kind === 'exit') process.exit(3);
  if (kind === 'reject') void Promise.reject(new Error('rejected'));
  if (kind === 'throw') setImmediate(() => failing('thrown'));
  if (kind === 'memory' || kind === 'table') hoard(kind);
};
