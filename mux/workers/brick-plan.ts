/**
 * Derives from the text of a volfile what a brick is made of: its translators, the rules of its server volume, its
 * facts.
 */
import { defined } from '../../native/assert.js';
import { bytesOfLatin1, latin1OfBytes } from '../../native/bytes.js';
import { liftOut } from '../../volfiles/extract-volume.js';
import { buildGraph, buildGraphLeniently, type Graph, type GraphNode } from '../../volfiles/graph.js';
import { finalGraphText } from '../../volfiles/graph-text.js';
import { keyFor } from '../../volfiles/options.js';
import { applyOverrides, copyAuthOptions } from '../../volfiles/overrides.js';
import { parseVolfile, type VolfileNode } from '../../volfiles/parser.js';
import { shown } from '../../volfiles/problem.js';
import { loggerFor } from '../base/log.js';
import type { BrickFacts, Unapplied } from '../brick/brick-facts.js';
import type { ProtocolServerOptions } from '../brick/server-options.js';
import type { ServerRules } from '../brick/server-rules.js';
import { tlsProfile } from '../tls/tls-profile.js';
import type { TranslatorRegistry } from './translator-registry.js';
import type { BrickTask } from './worker-protocol.js';

/** A volfile as it is to be served. */
export interface BrickPlan {
  graph: Graph;
  serverNode: GraphNode;
  /** The brick's own chain of translators, top first. */
  layers: GraphNode[];
  /** The volume that sets how the brick's fops are scheduled; it is no part of the graph. */
  scheduling: VolfileNode | undefined;
  unapplied: Unapplied[];
}

/** The volfile for a first start: what can't be applied is an error. */
export function planStrictly(registry: TranslatorRegistry, task: BrickTask): BrickPlan {
  const { nodes, scheduling, file } = nodesOf(registry, task);
  const graph = buildGraph(nodes, (type) => registry.optionTable(type), file);
  logWarnings(graph);
  const refused = registry.refusals(graph);
  if (refused.length > 0) throw new Error(refused.join('; '));
  return { graph, scheduling, unapplied: [], ...layersOf(graph, latin1OfBytes(task.brick)) };
}

/** The volfile for a brick that runs: what can't be applied is told of. */
export function planLeniently(registry: TranslatorRegistry, task: BrickTask): BrickPlan {
  const { nodes, scheduling, file } = nodesOf(registry, task);
  const { graph, unknown } = buildGraphLeniently(nodes, (type) => registry.optionTable(type), file);
  logWarnings(graph);
  const unapplied = registry.unapplied(graph);
  for (const { name, type } of unknown) {
    const reason = `it needs ${shown(type)}, which this brick server does not have`;
    unapplied.push({ volume: name, option: '', value: '', reason, guards: false });
  }
  for (const node of graph.nodes) {
    for (const { key, value = '', reason } of node.parsed.errors) {
      const guards = registry.guards(node.type, key);
      // Who may use the brick is nobody else's business.
      const told = key.startsWith('auth.') ? '' : value;
      unapplied.push({ volume: node.name, option: key, value: told, reason: `the value ${reason}`, guards });
    }
  }
  return { graph, scheduling, unapplied, ...layersOf(graph, latin1OfBytes(task.brick)) };
}

function nodesOf(
  registry: TranslatorRegistry,
  task: BrickTask,
): { nodes: VolfileNode[]; scheduling: VolfileNode | undefined; file: string } {
  const file = task.volfileId === '' ? latin1OfBytes(task.brick) : task.volfileId;
  const overrides = task.overrides.map((o) => ({ volume: o.xlator, key: o.key, value: o.value }));
  const { schedulingType } = registry;
  const { nodes: all, lifted } = liftOut(parseVolfile(task.volfile, file), ({ type }) => type === schedulingType);
  const nodes = applyOverrides(copyAuthOptions(all), overrides);
  return { nodes, scheduling: lifted[0] === undefined ? undefined : applyOverrides(lifted, overrides)[0], file };
}

/** The server volume, and below it the brick's own chain of translators, top first. */
function layersOf(graph: Graph, name: string): { serverNode: GraphNode; layers: GraphNode[] } {
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

function logWarnings({ file, warnings }: Graph): void {
  for (const w of warnings) loggerFor(w.volume ?? 'graph').warning(101174, `${file}: line ${w.line}: ${w.message}`);
}

/** Throws for a value that must be there and can't be used. */
export function requireValues(graph: Graph): void {
  for (const { parsed, table } of graph.nodes) {
    const error = parsed.errors.find(({ key }) => table.specs[keyFor(table, key) ?? key]?.required);
    if (error !== undefined) throw error;
  }
}

/** Values of a volume's options; those that can't be used stay as they are in effect. */
export function valuesFor(node: GraphNode, before: object): object {
  const { parsed, table } = node;
  if (parsed.errors.length === 0) return parsed.values;
  const kept = parsed.errors.map(({ key }) => keyFor(table, key) ?? key);
  return Object.freeze({
    ...parsed.values,
    ...Object.fromEntries(kept.map((key) => [key, (before as Record<string, unknown>)[key]])),
  });
}

export function rulesOf(o: ProtocolServerOptions): ServerRules {
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

export function factsOf(
  { graph, serverNode: server, layers, unapplied }: BrickPlan,
  o: ProtocolServerOptions,
): BrickFacts {
  const top = defined(layers[0], 'a brick has at least one translator');
  const storage = layers.at(-1) ?? top;
  const text = (node: GraphNode, key: string): string | undefined => node.options.get(key)?.value;
  const authOptions = [...server.options]
    .filter(([key]) => key.startsWith('auth.'))
    .map(([key, entry]): [string, string] => [key, entry.value]);
  return {
    brick: bytesOfLatin1(top.name),
    serverName: server.name,
    volumeId: text(top, 'volume-id') ?? text(storage, 'volume-id'),
    authOptions,
    allowInsecure: o['rpc-auth-allow-insecure'],
    strictAuth: o['strict-auth-accept'],
    dynamicAuth: o['dynamic-auth'],
    tls: tlsProfile(o),
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
