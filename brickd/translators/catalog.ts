/**
 * Every translator type that a brick volfile may name: its options, and which of them ask for work that a pass-through would
 * leave undone. From it follows what a brick refuses to serve rather than serve wrongly.
 */
import type { Unapplied } from '../../mux/brick/brick-facts.js';
import { options as server } from '../../mux/brick/server-options.js';
import { options as posix } from '../../posix/options.js';
import { type Graph, type GraphNode, optionsOf } from '../../volfiles/graph.js';
import type { OptionsOf, OptionTable } from '../../volfiles/options.js';
import { problemText, type VolfileProblem } from '../../volfiles/problem.js';
import { options as delayGen } from './debug/delay-gen/options.js';
import { options as errorGen } from './debug/error-gen/options.js';
import { options as ioStats } from './debug/io-stats/options.js';
import { options as trace } from './debug/trace/options.js';
import { options as arbiter } from './features/arbiter/options.js';
import { options as barrier } from './features/barrier/options.js';
import { options as bitrotStub } from './features/bitrot-stub/options.js';
import { options as cdc } from './features/cdc/options.js';
import { options as changelog } from './features/changelog/options.js';
import { options as index } from './features/index/options.js';
import { options as leases } from './features/leases/options.js';
import { options as locks } from './features/locks/options.js';
import { options as marker } from './features/marker/options.js';
import { options as namespace } from './features/namespace/options.js';
import { options as quota } from './features/quota/options.js';
import { options as readOnly } from './features/read-only/options.js';
import { options as sdfs } from './features/sdfs/options.js';
import { options as selinux } from './features/selinux/options.js';
import { SIMPLE_QUOTA_TYPE, options as simpleQuota } from './features/simple-quota/options.js';
import { options as thinArbiter } from './features/thin-arbiter/options.js';
import { options as trash } from './features/trash/options.js';
import { options as upcall } from './features/upcall/options.js';
import { options as worm } from './features/worm/options.js';
import { options as ioThreads } from './performance/io-threads/options.js';
import { options as posixAcl } from './system/posix-acl/options.js';
import { QOS_TYPE, options as qos } from './user/qos/options.js';

/** Something that a volume asks for and a pass-through doesn't do. */
export interface Demand {
  /**
   * What has to be implemented: the translator's type, or `type#part` for a part that a translator may lack.
   */
  readonly needs: string;
  /** The option that asks for it; undefined if the volume's presence does. */
  readonly option: string | undefined;
  /** Whether a volume with these options asks for it. */
  readonly enabledWhen: (node: GraphNode) => boolean;
  /** What would be missing, as the end of "…, which needs ". */
  readonly missing: string;
  /** What users would get instead; decides whether the brick is refused or the log gets a line. */
  readonly severity: 'error' | 'warning';
}

export interface CatalogEntry {
  /** The type's own name; aliases have entries of their own with the same. */
  readonly type: string;
  readonly table: OptionTable;
  readonly demands: readonly Demand[];
}

type When<T extends OptionTable> = (options: OptionsOf<T>) => boolean;

/** Collects a type's demands with its options typed. */
class Entry<T extends OptionTable> implements CatalogEntry {
  readonly demands: Demand[] = [];
  readonly type: string;
  readonly table: T;

  constructor(type: string, table: T) {
    this.type = type;
    this.table = table;
  }

  /** The volume needs its translator in any case. */
  always(missing: string): this {
    return this.#add(this.type, undefined, () => true, missing, 'error');
  }

  /** With these options the volume needs its translator. */
  when(
    option: keyof T['specs'] & string,
    when: When<T>,
    missing: string,
    severity: Demand['severity'] = 'error',
  ): this {
    return this.#add(this.type, option, when, missing, severity);
  }

  /** With these options the volume needs a part of its translator. */
  part(name: string, option: keyof T['specs'] & string, when: When<T>, missing: string): this {
    return this.#add(`${this.type}#${name}`, option, when, missing, 'error');
  }

  #add(needs: string, option: string | undefined, when: When<T>, missing: string, severity: Demand['severity']): this {
    const enabledWhen = (node: GraphNode) => when(optionsOf(node, this.table));
    this.demands.push({ needs, option, enabledWhen, missing, severity });
    return this;
  }
}

const locksEntry = new Entry('features/locks', locks);
const posixAclEntry = new Entry('system/posix-acl', posixAcl).always('checks of permissions');

const entries: readonly CatalogEntry[] = [
  new Entry('storage/posix', posix).always('storage'),
  new Entry('features/trash', trash).when('trash', (o) => o.trash, 'a trash folder for deleted files'),
  new Entry('features/changelog', changelog)
    .when('changelog', (o) => o.changelog, 'a journal of changes')
    .when('changelog-notification', (o) => o['changelog-notification'], 'notices of changes to bit-rot detection'),
  new Entry('features/bitrot-stub', bitrotStub).when('bitrot', (o) => o.bitrot, 'versions and signatures of files'),
  posixAclEntry,
  locksEntry
    .always('locks')
    .part('mandatory', 'mandatory-locking', (o) => MANDATORY.has(o['mandatory-locking']), 'mandatory locks')
    .part('enforce', 'enforce-mandatory-lock', (o) => o['enforce-mandatory-lock'], 'enforced mandatory locks')
    .part('revocation', 'revocation-secs', (o) => o['revocation-secs'] > 0, 'revocation of old locks')
    .part(
      'revocation',
      'revocation-max-blocked',
      (o) => o['revocation-max-blocked'] > 0,
      'revocation of contended locks',
    )
    .part('monkey', 'monkey-unlocking', (o) => o['monkey-unlocking'], 'lost unlocks for tests'),
  new Entry('features/worm', worm)
    .when('worm', (o) => o.worm, 'write-once protection of the volume')
    .when('worm-file-level', (o) => o['worm-file-level'], 'write-once protection of files'),
  new Entry('features/read-only', readOnly).when('read-only', (o) => o['read-only'], 'protection from writes'),
  new Entry('features/leases', leases).when('leases', (o) => o.leases, 'leases and their recall'),
  new Entry('features/upcall', upcall).when(
    'cache-invalidation',
    (o) => o['cache-invalidation'],
    'notices to clients whose caches become stale',
  ),
  new Entry('performance/io-threads', ioThreads),
  // What it asks for, the scheduler does: it is lifted out of the graph.
  new Entry(QOS_TYPE, qos),
  new Entry('features/selinux', selinux).when(
    'selinux',
    (o) => o.selinux,
    'the stored name of security labels (labels written now would not be found by another brick server)',
    'warning',
  ),
  new Entry('features/marker', marker)
    .when('quota', (o) => o.quota, 'accounting of directory sizes')
    .when('inode-quota', (o) => o['inode-quota'], 'accounting of file counts')
    .when('xtime', (o) => o.xtime, 'change times for geo-replication'),
  new Entry('features/barrier', barrier).when('barrier', (o) => o.barrier, 'a barrier for snapshots'),
  new Entry('features/index', index).always('the index of files to heal'),
  new Entry('features/quota', quota).when('server-quota', (o) => o['server-quota'], 'enforcement of quota limits'),
  new Entry('features/sdfs', sdfs).when(
    'pass-through',
    (o) => !o['pass-through'],
    'serialised changes of directory entries',
  ),
  new Entry(SIMPLE_QUOTA_TYPE, simpleQuota).when(
    'pass-through',
    (o) => !o['pass-through'],
    'limits on the space that namespaces take',
  ),
  // What it does is not visible outside the server.
  new Entry('features/namespace', namespace),
  new Entry('features/arbiter', arbiter).always('a brick without data'),
  new Entry('features/thin-arbiter', thinArbiter).always('a tie-breaker'),
  new Entry('features/cdc', cdc).always('decompression of what clients send'),
  new Entry('debug/trace', trace)
    .when('log-file', (o) => o['log-file'], 'a log of requests', 'warning')
    .when('log-history', (o) => o['log-history'], 'a history of requests', 'warning'),
  new Entry('debug/error-gen', errorGen).always('failures for tests'),
  new Entry('debug/delay-gen', delayGen).always('delays for tests'),
  new Entry('debug/io-stats', ioStats)
    .when('latency-measurement', (o) => o['latency-measurement'], 'measured latencies', 'warning')
    .when('count-fop-hits', (o) => o['count-fop-hits'], 'counted requests', 'warning'),
  new Entry('protocol/server', server)
    .always('a server')
    .part('tls', 'transport.socket.ssl-enabled', (o) => o['transport.socket.ssl-enabled'], 'TLS on the brick port')
    .part('squash', 'root-squash', (o) => o['root-squash'], 'squashing of root')
    .part('squash', 'all-squash', (o) => o['all-squash'], 'squashing of users')
    .part('manage-gids', 'manage-gids', (o) => o['manage-gids'], "look-up of users' groups")
    .part('unix', 'transport-type', (o) => o['transport-type'] === 'unix', 'a Unix socket for clients'),
];

/** Words of `mandatory-locking` that turn it on. */
const MANDATORY = new Set(['file', 'forced', 'optimal']);

/** Entries by the names that volfiles use. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map([
  ...entries.map((entry) => [entry.type, entry] as const),
  ['features/access-control', posixAclEntry],
  ['features/posix-locks', locksEntry],
]);

/** Table of a type's options: the registry that brick graphs are built with. */
export const optionTableOf = (type: string): OptionTable | undefined => catalog.get(type)?.table;

/** Options that protect data or access, by type: without them a brick must not serve. */
const GUARDS: ReadonlyMap<string, RegExp> = new Map([
  [
    'protocol/server',
    /^(auth\.|ssl-allow$|strict-auth-accept$|(root|all)-squash$|anon[ug]id$|rpc-auth|transport\.socket\.ssl-)/,
  ],
  ['features/read-only', /^read-only$/],
  ['features/worm', /./],
]);

/** Whether an option protects data or access. option: its name in the graph, where aliases are replaced. */
export function guards(type: string, option: string): boolean {
  return GUARDS.get(type)?.test(option) === true;
}

/**
 * What the graph asks for that is not implemented. `implemented` holds translator types (`features/locks`) and parts of them
 * (`features/locks#mandatory`). Errors mean that the brick must not be served; warnings are for the log.
 */
export function unmetDemands(graph: Graph, implemented: ReadonlySet<string>): VolfileProblem[] {
  return unmet(graph, implemented).map(({ node, demand: { severity, option, missing } }) => {
    const line = (option === undefined ? undefined : node.options.get(option)?.line) ?? node.line;
    const cause =
      option === undefined ? `type '${node.type}'` : `option '${option} ${node.options.get(option)?.value ?? ''}'`;
    return { severity, line, volume: node.name, message: `${cause} needs ${missing}, ${LACKING}` };
  });
}

const LACKING = 'which this brick server does not have';

function unmet(graph: Graph, implemented: ReadonlySet<string>): { node: GraphNode; demand: Demand }[] {
  return graph.nodes.flatMap((node) =>
    (catalog.get(node.type)?.demands ?? [])
      .filter((demand) => !implemented.has(demand.needs) && demand.enabledWhen(node))
      .map((demand) => ({ node, demand })),
  );
}

/** Whether a volume asks for work, and nothing is lacking for it. */
export function isServed(node: GraphNode, implemented: ReadonlySet<string>): boolean {
  const enabled = (catalog.get(node.type)?.demands ?? []).filter((demand) => demand.enabledWhen(node));
  return enabled.length > 0 && enabled.every((demand) => implemented.has(demand.needs));
}

/** What a running brick does not do of what the graph asks for. See {@link unmetDemands}. */
export function unappliedDemands(graph: Graph, implemented: ReadonlySet<string>): Unapplied[] {
  return unmet(graph, implemented)
    .filter(({ demand }) => demand.severity === 'error')
    .map(({ node, demand: { option = '', missing } }) => ({
      volume: node.name,
      option,
      value: node.options.get(option)?.value ?? '',
      reason: `it needs ${missing}, ${LACKING}`,
      guards: guards(node.type, option),
    }));
}

/** Why the graph must not be served, a sentence each; empty if it may be. See {@link unmetDemands}. */
export function refusals(graph: Graph, implemented: ReadonlySet<string>): string[] {
  return unmetDemands(graph, implemented)
    .filter((p) => p.severity === 'error')
    .map((p) => problemText(graph.file, p));
}
