/**
 * The bricks of one worker: attach, reconfigure, detach, and the adoption of connections. The main thread requests all
 * of this by control tasks; no fop passes here.
 */
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { EINVAL, errnoName } from '../../native/errno.js';
import { type GraphNode, optionsOf } from '../../volfiles/graph.js';
import { changedOptions } from '../../volfiles/options.js';
import type { VolfileNode } from '../../volfiles/parser.js';
import { shown } from '../../volfiles/problem.js';
import { BrickError, type BrickErrorCode } from '../base/brick-error.js';
import { describeThrown, isProgramFault } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { AuthRules } from '../brick/auth.js';
import { Brick } from '../brick/brick.js';
import { authRules, type BrickFacts, type Unapplied, unappliedText, withheldBy } from '../brick/brick-facts.js';
import { type ProtocolServerOptions, options as serverOptions } from '../brick/server-options.js';
import type { LayerSpec } from '../brick/stack.js';
import type { Handover } from '../handshake/handshake.js';
import type { QosRules } from '../qos/rules.js';
import { FopError } from '../xlator/fop-error.js';
import { type AdmittingBrick, adopt } from './adoption.js';
import { factsOf, planLeniently, planStrictly, requireValues, rulesOf, valuesFor } from './brick-plan.js';
import { startIdleTrim } from './idle-trim.js';
import type { TranslatorRegistry } from './translator-registry.js';
import type { BrickTask, WorkerEvent } from './worker-protocol.js';

interface ServedBrick extends AdmittingBrick {
  /** Options of the server volume in effect. The graph is not kept. */
  server: ProtocolServerOptions;
  auth: AuthRules | null;
  /** Options that each translator was started with, as text. */
  started: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export class BrickHost {
  readonly #registry: TranslatorRegistry;
  readonly #bricks = new Map<ByteString, ServedBrick>();
  /** Rules of bricks that have any, as they were last set. */
  readonly #rules = new WeakMap<Brick, QosRules>();
  readonly #notify: (event: WorkerEvent) => void;

  constructor(registry: TranslatorRegistry, notify: (event: WorkerEvent) => void) {
    this.#registry = registry;
    this.#notify = notify;
    startIdleTrim(() => this.bricks());
  }

  brick(name: ByteString): Brick | undefined {
    return this.#bricks.get(name)?.brick;
  }

  /** Every brick of this worker, for status and statistics. */
  bricks(): Brick[] {
    return [...this.#bricks.values()].map((s) => s.brick);
  }

  async attach(task: BrickTask): Promise<BrickFacts> {
    try {
      const plan = task.again === true ? planLeniently(this.#registry, task) : planStrictly(this.#registry, task);
      const { serverNode, layers, unapplied } = plan;
      requireValues(plan.graph);
      const server = optionsOf(serverNode, serverOptions);
      const facts = factsOf(plan, server);
      if (this.#bricks.has(facts.brick)) throw new BrickError('BRICK_ALREADY_SERVED', facts.brick);
      // What is captured stays for as long as the brick does.
      const name = facts.brick;
      const brick = new Brick(
        name,
        serverNode.name,
        rulesOf(server),
        layers.map((n) => this.#spec(n)),
        (reason) => this.#notify({ event: 'failed', brick: name, reason }),
      );
      if (layers.some((n) => n.type === this.#registry.namespaceType)) brick.table.trackNamespaces();
      await brick.init();
      this.#schedule(brick, plan.scheduling, facts);
      tellUnapplied(brick, unapplied);
      const started = new Map(layers.map((n) => [n.name, n.parsed.given]));
      this.#bricks.set(facts.brick, { brick, server, auth: null, started });
      return facts;
    } catch (error) {
      throw brickError('BRICK_NOT_STARTED', task.brick, error);
    }
  }

  /**
   * New options for a running brick. All of them take effect but for those that can't: these are told of in the log and in the
   * facts, and a brick that would go without protection serves nobody. Rejects when the volfile can't be read at all.
   */
  async reconfigure(task: BrickTask): Promise<BrickFacts> {
    const serving = this.#bricks.get(task.brick);
    if (serving === undefined) throw new BrickError('BRICK_NOT_SERVED', task.brick);
    const { brick } = serving;
    try {
      const plan = planLeniently(this.#registry, task);
      const { serverNode, layers, unapplied } = plan;
      const server = valuesFor(serverNode, serving.server) as ProtocolServerOptions;
      const facts = factsOf(plan, server);
      // What protects goes first: translators may have to wait for a disk.
      const tlsSwitched = isTls(serving.server) !== isTls(server);
      serving.server = server;
      brick.applyRules(rulesOf(server));
      brick.withhold(withheldBy(unapplied));
      serving.auth = authRules(facts);
      if (tlsSwitched) {
        const [now, then] = isTls(server) ? ['on', 'in plain text'] : ['off', 'by TLS'];
        brick.log.warning(0, `brick ${brick.name}: server.ssl is ${now} now: connections ${then} are closed`);
      }
      if (facts.dynamicAuth || tlsSwitched) await brick.clients.reauthorise(serving.auth);
      const byName = new Map(layers.map((n) => [n.name, n]));
      const refusals = await brick.reconfigure((layer) => {
        const node = byName.get(layer.name);
        return node?.type === layer.type ? valuesFor(node, layer.options as object) : undefined;
      });
      for (const { layer, error } of refusals) {
        unapplied.push({ volume: layer.name, option: '', value: '', reason: reasonOf(error), guards: false });
      }
      unapplied.push(...this.#reshaped(brick, layers), ...this.#frozen(brick, serving.started, layers));
      tellUnapplied(brick, unapplied);
      this.#schedule(brick, plan.scheduling, facts);
      return facts;
    } catch (error) {
      throw brickError('BRICK_NOT_RECONFIGURED', task.brick, error);
    }
  }

  /** Translators that the new volfile has and the running brick has not, and the reverse: those come and go with a new start. */
  #reshaped(brick: Brick, layers: readonly GraphNode[]): Unapplied[] {
    const wanted = new Map(layers.map((node) => [node.name, node.type]));
    const running = new Map(brick.layers.map((layer) => [layer.name, layer.type]));
    const change = (volume: string, reason: string, guards: boolean): Unapplied => {
      return { volume, option: '', value: '', reason, guards };
    };
    const added = layers
      // What is lacking altogether is told of already.
      .filter((node) => running.get(node.name) !== node.type && this.#registry.isServed(node))
      .map((node) => {
        const guards = [...node.options.keys()].some((option) => this.#registry.guards(node.type, option));
        return change(node.name, `${node.type} is added only when the brick is restarted`, guards);
      });
    const gone = brick.layers
      .filter((layer) => wanted.get(layer.name) !== layer.type)
      .map(({ name, type, options }) => {
        const guards = Object.keys(options as object).some((option) => this.#registry.guards(type, option));
        return change(name, `${type} is removed only when the brick is restarted`, guards);
      });
    return [...added, ...gone];
  }

  /** Options that are read only when the brick starts, and differ from what it was started with. */
  #frozen(
    brick: Brick,
    started: ReadonlyMap<string, ReadonlyMap<string, string>>,
    layers: readonly GraphNode[],
  ): Unapplied[] {
    const running = new Map(brick.layers.map((layer) => [layer.name, layer.type]));
    return layers.flatMap(({ name: volume, type, table, parsed }) => {
      const before = started.get(volume);
      if (before === undefined || running.get(volume) !== type) return [];
      return changedOptions(table, before, parsed.given).frozen.map((option) => {
        const value = parsed.given.get(option) ?? '';
        const reason = 'it is taken over only when the brick is started anew';
        return { volume, option, value, reason, guards: this.#registry.guards(type, option) };
      });
    });
  }

  async detach(name: ByteString): Promise<void> {
    const serving = this.#bricks.get(name);
    if (serving === undefined) return;
    this.#bricks.delete(name);
    await serving.brick.close();
  }

  /** Takes over a connection whose handshake is done but for its answer. */
  adopt(name: ByteString, handover: Handover): Promise<void> {
    return adopt(this.#bricks.get(name), handover);
  }

  /** Has a brick scheduled as its volfile says; what of that can't be used goes to the log. */
  #schedule(brick: Brick, node: VolfileNode | undefined, facts: BrickFacts): void {
    if (node === undefined) {
      this.#rules.delete(brick);
      brick.schedule(null, '');
      return;
    }
    const options = new Map([...node.options].map(([name, { value }]): [string, string] => [name, value]));
    const before = this.#rules.get(brick) ?? null;
    const rules = this.#registry.scheduling(options, before);
    this.#rules.set(brick, rules);
    const log = loggerFor(node.name);
    for (const { option, value, reason, instead } of rules.bad) {
      const known = before?.bad.some((b) => b.option === option && b.value === value && b.reason === reason);
      if (!known)
        log.error(0, `${brick.name}: option ${shown(option)}: value ${shown(value)} ${reason}; in effect: ${instead}`);
    }
    brick.schedule(rules.enabled ? rules : null, facts.volumeId ?? latin1OfBytes(brick.name));
  }

  #spec(node: GraphNode): LayerSpec {
    return {
      name: node.name,
      type: node.type,
      options: node.parsed.values,
      create: (init) => this.#registry.create(node.type, init),
    };
  }
}

const isTls = (server: ProtocolServerOptions): boolean => server['transport.socket.ssl-enabled'];

/** Has the brick, and the log, know what of its volfile is not in effect. */
function tellUnapplied(brick: Brick, unapplied: readonly Unapplied[]): void {
  const before = new Set(brick.unapplied.map(unappliedText));
  const now = new Set(unapplied.map(unappliedText));
  brick.unapplied = unapplied;
  for (const u of unapplied) {
    const text = unappliedText(u);
    if (before.has(text)) continue;
    const consequence = u.guards ? 'the brick serves no client' : 'the brick serves without it';
    brick.log.error(
      0,
      `brick ${brick.name}: ${text}; ${consequence} until the change is reverted or the brick is restarted by a server that can apply it`,
    );
  }
  for (const text of before) {
    if (!now.has(text)) brick.log.info(0, `brick ${brick.name}: resolved: ${text}`);
  }
  brick.withhold(withheldBy(unapplied));
}

const reasonOf = (error: unknown): string =>
  error instanceof FopError ? errnoName(error.errno) : error instanceof Error ? error.message : String(error);

function brickError(code: BrickErrorCode, brick: ByteString, cause: unknown): BrickError {
  if (cause instanceof BrickError) return cause;
  const errno = Math.abs(
    cause instanceof FopError ? cause.errno : ((cause as { errno?: number } | null)?.errno ?? EINVAL),
  );
  const message = cause instanceof Error ? cause.message : `errno ${errno}`;
  if (isProgramFault(cause)) loggerFor('server').error(0, `brick ${brick}: ${describeThrown(cause)}`);
  return new BrickError(code, brick, { message, errno, cause });
}
