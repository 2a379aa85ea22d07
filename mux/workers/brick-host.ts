/**
 * The bricks of one worker thread: brings them up from their volfiles, takes over connections, ends them. Everything here
 * is asked for by the main thread as tasks; no fop passes through.
 */

import { addon } from '../../native/addon.js';
import { type ByteString, bytesOfLatin1, latin1OfBytes } from '../../native/bytes.js';
import { EACCES, EAGAIN, EINVAL, errnoName } from '../../native/errno.js';
import { region } from '../../native/memory.js';
import { liftOut } from '../../volfiles/extract-volume.js';
import { buildGraph, buildGraphLeniently, type Graph, type GraphNode, optionsOf } from '../../volfiles/graph.js';
import { finalGraphText } from '../../volfiles/graph-text.js';
import { keyFor, type OptionTable } from '../../volfiles/options.js';
import { applyOverrides, copyAuthOptions } from '../../volfiles/overrides.js';
import { parseVolfile, type VolfileNode } from '../../volfiles/parser.js';
import { shown } from '../../volfiles/problem.js';
import { BrickError, type BrickErrorCode } from '../base/brick-error.js';
import { describeThrown, isProgramFault } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { AuthRules } from '../brick/auth.js';
import { Brick } from '../brick/brick.js';
import { authRules, type BrickFacts, type Unapplied, unappliedText, withheldBy } from '../brick/brick-facts.js';
import type { ClientIdentity } from '../brick/client.js';
import { SubdirMissing } from '../brick/client-registry.js';
import { type Options as ServerOptions, options as serverOptions } from '../brick/server-options.js';
import type { ServerRules } from '../brick/server-rules.js';
import type { LayerSpec } from '../brick/stack.js';
import type { Handover } from '../handshake/handshake.js';
import { encodeSetvolumeReply, welcome } from '../handshake/setvolume-reply.js';
import type { QosRules } from '../qos/rules.js';
import { openSession, type Session } from '../session/session.js';
import { setKeepalive, setWindow } from '../transport/socket-options.js';
import { XdrWriter } from '../wire/xdr.js';
import { Dict } from '../xlator/dict.js';
import { FopError } from '../xlator/fop-error.js';
import type { Translator, TranslatorInit } from '../xlator/translator.js';
import { keepHouse } from './idle-trim.js';
import type { BrickTask, WorkerEvent } from './worker-protocol.js';

/** What the host needs to know of translators; given by the daemon, as mux knows no single one. */
export interface TranslatorRegistry {
  optionTable(type: string): OptionTable | undefined;
  /** Null: the type is known and does nothing here. */
  create(type: string, init: TranslatorInit<unknown>): Translator | null;
  /** Type of the volumes that set how a brick's fops are scheduled; they are no part of its stack. */
  readonly schedulingType: string;
  /** Type of a translator whose presence, switched on or not, says that inodes belong to namespaces. */
  readonly namespaceType: string;
  /** The rules that their options come to. before: those in effect. What can't be used is told of in the rules. */
  scheduling(options: ReadonlyMap<string, string>, before: QosRules | null): QosRules;
  /** Sentences that say what the graph asks for and nothing serves yet. */
  refusals(graph: Graph): string[];
  /** The same, of a brick that runs already. */
  unapplied(graph: Graph): Unapplied[];
  /** Whether the volume asks for work, and there is a translator that does it. */
  isServed(node: GraphNode): boolean;
  /** Whether an option protects data or access: a brick must not serve without. */
  guards(type: string, option: string): boolean;
}

interface Serving {
  brick: Brick;
  /** Options of the server volume in effect. The graph is not kept. */
  server: ServerOptions;
  /** Rules that have changed while the brick runs: a connection may have been let in by those before. */
  auth: AuthRules | null;
}

/** A volfile as it is to be served. */
interface Plan {
  graph: Graph;
  /** The volume that was lifted out of the graph. */
  scheduling: VolfileNode | undefined;
  unapplied: Unapplied[];
}

/** Whether the rules in effect, not only those of the handshake, let a client in. */
async function admits(serving: Serving, identity: ClientIdentity): Promise<boolean> {
  for (let rules = serving.auth; rules !== null; ) {
    if (!(await rules.check(identity.auth)).accepted) return false;
    if (rules === serving.auth) return true;
    rules = serving.auth;
  }
  return true;
}

export class Host {
  readonly #registry: TranslatorRegistry;
  readonly #bricks = new Map<ByteString, Serving>();
  /** Rules of bricks that have any, as they were last set. */
  readonly #rules = new WeakMap<Brick, QosRules>();
  readonly #notify: (event: WorkerEvent) => void;

  constructor(registry: TranslatorRegistry, notify: (event: WorkerEvent) => void) {
    this.#registry = registry;
    this.#notify = notify;
    keepHouse(() => this.bricks());
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
      const plan = task.again === true ? this.#leniently(task) : this.#strictly(task);
      const { graph, scheduling, unapplied } = plan;
      const { serverNode, layers } = this.#layers(graph, latin1OfBytes(task.brick));
      requireValues(graph);
      const server = optionsOf(serverNode, serverOptions);
      const facts = factsOf(graph, serverNode, server, layers, unapplied);
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
      this.#schedule(brick, scheduling, facts);
      tellUnapplied(brick, unapplied);
      this.#bricks.set(facts.brick, { brick, server, auth: null });
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
      const { graph, scheduling, unapplied } = this.#leniently(task);
      const { serverNode, layers } = this.#layers(graph, latin1OfBytes(task.brick));
      const server = valuesFor(serverNode, serving.server) as ServerOptions;
      const facts = factsOf(graph, serverNode, server, layers, unapplied);
      // What protects goes first: translators may have to wait for a disk.
      serving.server = server;
      brick.applyRules(rulesOf(server));
      brick.withhold(withheldBy(unapplied));
      serving.auth = authRules(facts);
      if (facts.dynamicAuth) await brick.clients.reauthorise(serving.auth);
      const byName = new Map(layers.map((n) => [n.name, n]));
      const refusals = await brick.reconfigure((layer) => {
        const node = byName.get(layer.name);
        return node?.type === layer.type ? valuesFor(node, layer.options as object) : undefined;
      });
      for (const { layer, error } of refusals) {
        unapplied.push({ volume: layer.name, option: '', value: '', reason: reasonOf(error), guards: false });
      }
      unapplied.push(...this.#reshaped(brick, layers));
      tellUnapplied(brick, unapplied);
      this.#schedule(brick, scheduling, facts);
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
        return change(node.name, `${node.type} is added only when the brick is started anew`, guards);
      });
    const gone = brick.layers
      .filter((layer) => wanted.get(layer.name) !== layer.type)
      .map(({ name, type }) => change(name, `${type} is removed only when the brick is started anew`, false));
    return [...added, ...gone];
  }

  async detach(name: ByteString): Promise<void> {
    const serving = this.#bricks.get(name);
    if (serving === undefined) return;
    this.#bricks.delete(name);
    await serving.brick.close();
  }

  /** Takes over a connection whose handshake is done but for its answer. */
  async adopt(name: ByteString, handover: Handover): Promise<void> {
    if (!addon.takeFd(handover.fd, handover.ticket)) return;
    const serving = this.#bricks.get(name);
    if (serving === undefined) {
      addon.closeFd(handover.fd);
      return;
    }
    const { brick } = serving;
    const { identity } = handover;
    if (brick.withheld !== '') {
      refuseAndClose(handover, EAGAIN, brick.withheld);
      return;
    }
    if (!(await admits(serving, identity))) {
      brick.log.error(115034, `Cannot authenticate client from ${identity.uid} ${identity.version}`);
      refuseAndClose(handover, EACCES, 'Authentication failed');
      return;
    }
    const refused = [
      ...setKeepalive(handover.fd, brick.rules.keepalive),
      ...setWindow(handover.fd, brick.rules.windowBytes),
    ];
    if (refused.length > 0)
      brick.log.warning(0, `connection of ${identity.peer}: the kernel does not take ${refused.join(', ')}`);
    let session: Session;
    try {
      session = await openSession(brick, identity, handover.fd);
    } catch (error) {
      if (error instanceof SubdirMissing) {
        brick.log.error(115030, `${error.message}: errno ${error.errno}`);
        refuseAndClose(handover, error.errno, error.message);
        return;
      }
      brick.log.error(115030, `${name}: the connection of ${identity.uid} is not taken: ${String(error)}`);
      addon.closeFd(handover.fd);
      return;
    }
    // From here on the descriptor is the session's.
    if (!(await admits(serving, identity))) {
      session.connection.close('authorisation withdrawn');
      return;
    }
    try {
      encodeSetvolumeReply(session.connection.writer(), handover.xid, 0, 0, welcome(handover.reply));
      session.connection.queued(null, 0);
      brick.log.info(
        115029,
        `accepted client from ${identity.uid} (version: ${identity.version}) with subvol ${brick.name}`,
      );
      session.connection.inject(handover.rest);
    } catch (error) {
      brick.log.error(115030, `${name}: the handshake of ${identity.uid} failed at its end: ${String(error)}`);
      session.connection.close('handshake failed');
    }
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

  /** The volfile for a first start: what can't be applied is an error. */
  #strictly(task: BrickTask): Plan {
    const { nodes, scheduling, file } = this.#nodes(task);
    const graph = buildGraph(nodes, (type) => this.#registry.optionTable(type), file);
    logWarnings(graph);
    const refused = this.#registry.refusals(graph);
    if (refused.length > 0) throw new Error(refused.join('; '));
    return { graph, scheduling, unapplied: [] };
  }

  /** The volfile for a brick that runs: what can't be applied is told of. */
  #leniently(task: BrickTask): Plan {
    const { nodes, scheduling, file } = this.#nodes(task);
    const { graph, unknown } = buildGraphLeniently(nodes, (type) => this.#registry.optionTable(type), file);
    logWarnings(graph);
    const unapplied = this.#registry.unapplied(graph);
    for (const { name, type } of unknown) {
      const reason = `it needs ${shown(type)}, which this brick server does not have`;
      unapplied.push({ volume: name, option: '', value: '', reason, guards: false });
    }
    for (const node of graph.nodes) {
      for (const { key, value = '', reason } of node.parsed.errors) {
        const guards = this.#registry.guards(node.type, key);
        // Who may use the brick is nobody else's business.
        const told = key.startsWith('auth.') ? '' : value;
        unapplied.push({ volume: node.name, option: key, value: told, reason: `the value ${reason}`, guards });
      }
    }
    return { graph, scheduling, unapplied };
  }

  #nodes(task: BrickTask): { nodes: VolfileNode[]; scheduling: VolfileNode | undefined; file: string } {
    const file = task.volfileId === '' ? latin1OfBytes(task.brick) : task.volfileId;
    const overrides = task.overrides.map((o) => ({ volume: o.xlator, key: o.key, value: o.value }));
    const { schedulingType } = this.#registry;
    const { nodes: all, lifted } = liftOut(parseVolfile(task.volfile, file), ({ type }) => type === schedulingType);
    const nodes = applyOverrides(copyAuthOptions(all), overrides);
    return { nodes, scheduling: lifted[0] === undefined ? undefined : applyOverrides(lifted, overrides)[0], file };
  }

  /** The server volume, and below it the brick's own chain of translators, top first. */
  #layers(graph: Graph, name: string): { serverNode: GraphNode; layers: GraphNode[] } {
    const serverNode = graph.top;
    if (serverNode.type !== 'protocol/server') {
      throw new Error(`the top volume is ${serverNode.type}, not protocol/server`);
    }
    const wanted = serverNode.children.find((c) => c.name === name) ?? serverNode.children[0];
    if (wanted === undefined) throw new Error('protocol/server has no subvolume');
    if (name !== '' && wanted.name !== name) throw new Error(`the volfile is of brick ${wanted.name}, not of ${name}`);
    const layers: GraphNode[] = [];
    for (let node: GraphNode | undefined = wanted; node !== undefined; node = node.children[0]) {
      layers.push(node);
      if (node.children.length > 1) throw new Error(`volume ${node.name} has more than one subvolume`);
    }
    return { serverNode, layers };
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

function logWarnings({ file, warnings }: Graph): void {
  for (const w of warnings) loggerFor(w.volume ?? 'graph').warning(101174, `${file}: line ${w.line}: ${w.message}`);
}

/** Throws for a value that must be there and can't be used. */
function requireValues(graph: Graph): void {
  for (const { parsed, table } of graph.nodes) {
    const error = parsed.errors.find(({ key }) => table.specs[keyFor(table, key) ?? key]?.required);
    if (error !== undefined) throw error;
  }
}

/** Values of a volume's options; those that can't be used stay as they are in effect. */
function valuesFor(node: GraphNode, before: object): object {
  const { parsed, table } = node;
  if (parsed.errors.length === 0) return parsed.values;
  const kept = parsed.errors.map(({ key }) => keyFor(table, key) ?? key);
  return Object.freeze({
    ...parsed.values,
    ...Object.fromEntries(kept.map((key) => [key, (before as Record<string, unknown>)[key]])),
  });
}

/** Has the brick, and the log, know what of its volfile is not in effect. */
function tellUnapplied(brick: Brick, unapplied: readonly Unapplied[]): void {
  const before = new Set(brick.unapplied.map(unappliedText));
  const now = new Set(unapplied.map(unappliedText));
  brick.unapplied = unapplied;
  for (const u of unapplied) {
    const text = unappliedText(u);
    if (before.has(text)) continue;
    const consequence = u.guards ? 'the brick serves no client' : 'the brick serves on without';
    brick.log.error(
      0,
      `brick ${brick.name}: ${text}; ${consequence} until the change is taken back or the brick is started anew with a brick server that can apply it`,
    );
  }
  for (const text of before) {
    if (!now.has(text)) brick.log.info(0, `brick ${brick.name}: no longer so: ${text}`);
  }
  brick.withhold(withheldBy(unapplied));
}

const reasonOf = (error: unknown): string =>
  error instanceof FopError ? errnoName(error.errno) : error instanceof Error ? error.message : String(error);

function rulesOf(o: ServerOptions): ServerRules {
  return {
    inodeLruLimit: o['inode-lru-limit'],
    outstandingRpcLimit: o['rpc.outstanding-rpc-limit'],
    rootSquash: o['root-squash'],
    allSquash: o['all-squash'],
    anonUid: o.anonuid,
    anonGid: o.anongid,
    manageGids: o['manage-gids'],
    gidTimeoutSec: o['gid-timeout'],
    windowBytes: o['tcp-window-size'] ?? 0,
    keepalive: {
      on: o['transport.socket.keepalive'],
      idleSec: o['transport.socket.keepalive-time'],
      intervalSec: o['transport.socket.keepalive-interval'],
      count: o['transport.socket.keepalive-count'],
      userTimeoutSec: o['transport.tcp-user-timeout'],
    },
  };
}

function factsOf(
  graph: Graph,
  server: GraphNode,
  o: ServerOptions,
  layers: GraphNode[],
  unapplied: Unapplied[],
): BrickFacts {
  const top = layers[0]!;
  const text = (node: GraphNode, key: string): string | undefined => node.options.get(key)?.value;
  const authOptions = [...server.options]
    .filter(([key]) => key.startsWith('auth.'))
    .map(([key, entry]): [string, string] => [key, entry.value]);
  return {
    brick: bytesOfLatin1(top.name),
    serverName: server.name,
    volumeId: text(top, 'volume-id') ?? text(layers.at(-1)!, 'volume-id'),
    authOptions,
    allowInsecure: o['rpc-auth-allow-insecure'],
    strictAuth: o['strict-auth-accept'],
    dynamicAuth: o['dynamic-auth'],
    finalGraph: finalGraphText(graph.top).join('\n'),
    unapplied,
    listen: {
      port: o['transport.socket.listen-port'],
      bindAddress: text(server, 'transport.socket.bind-address') ?? '',
      backlog: o['transport.listen-backlog'],
      family: o['transport.address-family'] === 'inet6' ? 6 : 4,
    },
  };
}

function brickError(code: BrickErrorCode, brick: ByteString, cause: unknown): BrickError {
  if (cause instanceof BrickError) return cause;
  const errno = Math.abs(cause instanceof FopError ? cause.errno : ((cause as { errno?: number }).errno ?? EINVAL));
  const message = cause instanceof Error ? cause.message : `errno ${errno}`;
  if (isProgramFault(cause)) loggerFor('server').error(0, `brick ${brick}: ${describeThrown(cause)}`);
  return new BrickError(code, brick, { message, errno, cause });
}

/** Answers a handshake that failed at the last step, and closes: the client starts over. */
function refuseAndClose(handover: Handover, errno: number, text: string): void {
  const w = new XdrWriter(region(4096));
  encodeSetvolumeReply(w, handover.xid, -1, errno, new Dict().setText('ERROR', text).setUint('child_up', 1));
  addon.sendv(handover.fd, Float64Array.of(w.region.address, w.at), 1);
  w.region.release();
  addon.shutdown(handover.fd, 1);
  addon.closeFd(handover.fd);
}
