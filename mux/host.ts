/**
 * The bricks of one worker thread: brings them up from their volfiles, takes over connections, ends them. Everything here
 * is asked for by the main thread as tasks; no fop passes through.
 */

import { addon } from '../native/addon.js';
import { region } from '../native/memory.js';
import { Dict } from '../posix/contract/dict.js';
import { EINVAL } from '../posix/contract/errno.js';
import { FopError } from '../posix/contract/error.js';
import { loggerFor } from '../posix/contract/log.js';
import type { Translator, TranslatorInit } from '../posix/contract/translator.js';
import { buildGraph, type Graph, type GraphNode, optionsOf, topologyOf } from '../volfiles/graph.js';
import { finalGraphText } from '../volfiles/graph-text.js';
import { liftOut } from '../volfiles/lift.js';
import type { OptionTable } from '../volfiles/options.js';
import { applyOverrides, copyAuthOptions } from '../volfiles/overrides.js';
import { parseVolfile, type VolfileNode } from '../volfiles/parser.js';
import { shown } from '../volfiles/problem.js';
import { Brick, type ServerRules, SubdirMissing } from './brick.js';
import { authRules, type BrickFacts, type BrickTask, type WorkerEvent } from './facts.js';
import type { Handover } from './greeting.js';
import { keepHouse } from './housekeeping.js';
import { options as serverOptions } from './options.js';
import type { QosRules } from './qos/rules.js';
import type { Session } from './session.js';
import { encodeSetvolumeReply, welcome } from './setvolume-reply.js';
import { setKeepalive } from './socket-options.js';
import type { LayerSpec } from './stack.js';
import { XdrWriter } from './wire/xdr.js';

/** What the host needs to know of translators; given by the daemon, as mux knows no single one. */
export interface TranslatorRegistry {
  optionTable(type: string): OptionTable | undefined;
  /** Null: the type is known and does nothing here. */
  create(type: string, init: TranslatorInit<unknown>): Translator | null;
  /** Type of the volumes that set how a brick's fops are scheduled; they are no part of its stack. */
  readonly schedulingType: string;
  /** The rules that their options come to. before: those in effect. What can't be used is told of in the rules. */
  scheduling(options: ReadonlyMap<string, string>, before: QosRules | null): QosRules;
  /** Sentences that say what the graph asks for and nothing serves yet. */
  refusals(graph: Graph): string[];
}

/** Why a brick can't be served; structured-clonable, rethrown on the main thread. */
export interface BrickFailure {
  brick: string;
  errno: number;
  message: string;
}

interface Serving {
  brick: Brick;
  /** Shape of the graph, which no new volfile may change. The graph itself is not kept. */
  topology: string;
}

export class Host {
  readonly #registry: TranslatorRegistry;
  readonly #bricks = new Map<string, Serving>();
  /** Rules of bricks that have any, as they were last set. */
  readonly #rules = new WeakMap<Brick, QosRules>();
  readonly #notify: (event: WorkerEvent) => void;

  constructor(registry: TranslatorRegistry, notify: (event: WorkerEvent) => void) {
    this.#registry = registry;
    this.#notify = notify;
    keepHouse(() => this.bricks());
  }

  brick(name: string): Brick | undefined {
    return this.#bricks.get(name)?.brick;
  }

  /** Every brick of this worker, for status and statistics. */
  bricks(): Brick[] {
    return [...this.#bricks.values()].map((s) => s.brick);
  }

  async attach(task: BrickTask): Promise<BrickFacts> {
    try {
      const { graph, scheduling } = this.#graph(task);
      const { serverNode, layers } = this.#layers(graph, task.brick);
      const facts = factsOf(graph, serverNode, layers);
      if (this.#bricks.has(facts.brick)) throw new Error('the brick is already being served');
      // What is captured stays for as long as the brick does.
      const name = facts.brick;
      const brick = new Brick(
        name,
        serverNode.name,
        rulesOf(serverNode),
        layers.map((n) => this.#spec(n)),
        (reason) => this.#notify({ event: 'failed', brick: name, reason }),
      );
      await brick.init();
      this.#schedule(brick, scheduling, facts);
      this.#bricks.set(facts.brick, { brick, topology: topologyOf(graph.top) });
      return facts;
    } catch (error) {
      throw brickFailure(task.brick, error);
    }
  }

  /** New options for a brick whose graph keeps its shape; a graph of another shape is refused. */
  async reconfigure(task: BrickTask): Promise<BrickFacts> {
    const serving = this.#bricks.get(task.brick);
    if (serving === undefined) throw brickFailure(task.brick, new Error('the brick is not being served'));
    try {
      const { graph, scheduling } = this.#graph(task);
      if (serving.topology !== topologyOf(graph.top)) {
        throw new Error('the new volfile has another set of translators: the brick has to be started anew for it');
      }
      const { serverNode, layers } = this.#layers(graph, task.brick);
      const byName = new Map(layers.map((n) => [n.name, n]));
      await serving.brick.reconfigure(rulesOf(serverNode), (layer) => byName.get(layer.name)?.parsed.values);
      const facts = factsOf(graph, serverNode, layers);
      this.#schedule(serving.brick, scheduling, facts);
      if (facts.dynamicAuth) await serving.brick.reauthorise(authRules(facts));
      return facts;
    } catch (error) {
      throw brickFailure(task.brick, error);
    }
  }

  async detach(name: string): Promise<void> {
    const serving = this.#bricks.get(name);
    if (serving === undefined) return;
    this.#bricks.delete(name);
    await serving.brick.close();
  }

  /** Takes over a connection whose handshake is done but for its answer. */
  async adopt(name: string, handover: Handover): Promise<void> {
    if (!addon.takeFd(handover.fd, handover.ticket)) return;
    const serving = this.#bricks.get(name);
    if (serving === undefined) {
      addon.closeFd(handover.fd);
      return;
    }
    const { brick } = serving;
    const { identity } = handover;
    const refused = setKeepalive(handover.fd, brick.keepalive);
    if (refused.length > 0)
      brick.log.warning(0, `connection of ${identity.peer}: the kernel does not take ${refused.join(', ')}`);
    let session: Session;
    try {
      session = await brick.join(identity, handover.fd);
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
    brick.schedule(rules.enabled ? rules : null, facts.volumeId ?? brick.name);
  }

  /** The graph, and the volume that was lifted out of it. */
  #graph(task: BrickTask): { graph: Graph; scheduling: VolfileNode | undefined } {
    const file = task.volfileId === '' ? task.brick : task.volfileId;
    const overrides = task.overrides.map((o) => ({ volume: o.xlator, key: o.key, value: o.value }));
    const { nodes: all, lifted } = liftOut(parseVolfile(task.volfile, file), this.#registry.schedulingType);
    const nodes = applyOverrides(copyAuthOptions(all), overrides);
    const graph = buildGraph(nodes, (type) => this.#registry.optionTable(type), file);
    for (const w of graph.warnings)
      loggerFor(w.volume ?? 'graph').warning(101174, `${file}: line ${w.line}: ${w.message}`);
    const refused = this.#registry.refusals(graph);
    if (refused.length > 0) throw new Error(refused.join('; '));
    return { graph, scheduling: lifted[0] === undefined ? undefined : applyOverrides(lifted, overrides)[0] };
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

function rulesOf(server: GraphNode): ServerRules {
  const o = optionsOf(server, serverOptions);
  return {
    inodeLruLimit: o['inode-lru-limit'],
    outstandingRpcLimit: o['rpc.outstanding-rpc-limit'],
    rootSquash: o['root-squash'],
    allSquash: o['all-squash'],
    anonUid: o.anonuid,
    anonGid: o.anongid,
    manageGids: o['manage-gids'],
    gidTimeoutSec: o['gid-timeout'],
    keepalive: {
      on: o['transport.socket.keepalive'],
      idleSec: o['transport.socket.keepalive-time'],
      intervalSec: o['transport.socket.keepalive-interval'],
      count: o['transport.socket.keepalive-count'],
      userTimeoutSec: o['transport.tcp-user-timeout'],
    },
  };
}

function factsOf(graph: Graph, server: GraphNode, layers: GraphNode[]): BrickFacts {
  const o = optionsOf(server, serverOptions);
  const top = layers[0]!;
  const text = (node: GraphNode, key: string): string | undefined => node.options.get(key)?.value;
  const authOptions = [...server.options]
    .filter(([key]) => key.startsWith('auth.'))
    .map(([key, entry]): [string, string] => [key, entry.value]);
  return {
    brick: top.name,
    serverName: server.name,
    volumeId: text(top, 'volume-id') ?? text(layers.at(-1)!, 'volume-id'),
    authOptions,
    allowInsecure: o['rpc-auth-allow-insecure'],
    strictAuth: o['strict-auth-accept'],
    dynamicAuth: o['dynamic-auth'],
    finalGraph: finalGraphText(graph.top).join('\n'),
    listen: {
      port: o['transport.socket.listen-port'],
      bindAddress: text(server, 'transport.socket.bind-address') ?? '',
      backlog: o['transport.listen-backlog'],
      family: o['transport.address-family'] === 'inet6' ? 6 : 4,
    },
  };
}

function brickFailure(brick: string, error: unknown): BrickFailure {
  const errno = error instanceof FopError ? error.errno : ((error as { errno?: number }).errno ?? EINVAL);
  const message = error instanceof Error ? error.message : `errno ${errno}`;
  return { brick, errno: Math.abs(errno), message };
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
