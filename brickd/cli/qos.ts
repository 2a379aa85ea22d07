/**
 * `brickd qos show` and `explain`: tenants of the running brick processes of this node, queried through their sockets.
 */

import type { QosStats, TenantStats } from '../../mux/qos/stats.js';
import { Classifier } from '../../mux/qos/tenants.js';
import { defined } from '../../native/assert.js';
import { QOS_QUESTION } from '../glusterd/brick-ops.js';
import { qosRules } from '../translators/user/qos/settings.js';
import { askAll } from './brick-question.js';
import { CommandError } from './command-error.js';

/** Names are text here. */
interface Served {
  brick: string;
  qos: QosStats;
}

/** Bricks with user/qos of all brick processes of this node, or of one volume. Throws a CommandError if there are none. */
async function served(volume: string | undefined): Promise<(Served & { pid: number })[]> {
  const found: (Served & { pid: number })[] = [];
  for (const { pid, answer } of await askAll<Served[]>(QOS_QUESTION)) {
    for (const s of answer) if (volume === undefined || s.qos.volume === volume) found.push({ ...s, pid });
  }
  if (found.length > 0) return found;
  const of = volume === undefined ? '' : ` of volume ${volume}`;
  throw new CommandError(
    `no brick${of} on this node has user/qos; to add it: gluster volume set ${volume ?? 'VOLUME'} user.xlator.qos io-stats`,
  );
}

const short = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(n < 10 ? 2 : 1));

function rate(ceiling: string, perSecond: number): string {
  if (!ceiling.endsWith('bytes')) return `${short(perSecond)}/s`;
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let n = perSecond;
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${short(n)}${units[i]}/s`;
}

const limitsText = (t: TenantStats): string =>
  t.limits
    .map((l) => `${l.ceiling} ${rate(l.ceiling, l.perSecond)} (${short(Math.round(l.tokens))} left)`)
    .join(', ') || '-';

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => r[i]?.length ?? 0)));
  return rows.map((r) => `  ${r.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

/** What is said of one brick. */
export function showText(brick: string, qos: QosStats): string {
  const delay = qos.maxDelaySeconds === 0 ? 'as long as it takes' : `${short(qos.maxDelaySeconds)} s at most`;
  const head =
    `brick ${brick} of volume ${qos.volume}: share ${qos.weight}, fops wait ${delay}, ` +
    `${qos.inFlight} of ${qos.inFlightLimit} under way`;
  const rows = [
    ['tenant', 'weight', 'floor', 'fops', 'delayed', 'mean delay', 'waiting', 'overdue', 'dropped', 'limits'],
  ];
  for (const t of qos.tenants) {
    const mean = t.delayed === 0 ? '-' : `${((t.delaySeconds / t.delayed) * 1000).toFixed(1)} ms`;
    const floor = t.floor === 0 ? '-' : t.floorRefused === '' ? `${short(t.floor)}/s` : 'refused';
    const numbers = [t.overdue, t.dropped].map(String);
    const weight = t.kind === 'total' ? '-' : String(t.weight);
    rows.push([
      t.tenant,
      weight,
      floor,
      String(t.fops),
      String(t.delayed),
      mean,
      String(t.queued),
      ...numbers,
      limitsText(t),
    ]);
  }
  const refused = qos.tenants
    .filter((t) => t.floorRefused !== '')
    .map((t) => `  floor of ${t.tenant}: ${t.floorRefused}`);
  const bad = qos.badOptions.map(
    (b) => `  bad option ${b.option}: value '${b.value}' ${b.reason}; in effect: ${b.instead}`,
  );
  return [head, table(rows), ...refused, ...bad].join('\n');
}

export async function show(o: { volume: string | undefined; json: boolean }): Promise<void> {
  const all = await served(o.volume);
  if (o.json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  else process.stdout.write(`${all.map(({ brick, qos }) => showText(brick, qos)).join('\n\n')}\n`);
}

/** Who is asked about. */
export interface Who {
  client: string;
  pid: number;
  uid: number;
  gid: number;
  process: string;
  user: string | undefined;
  subdir: string;
  path: string;
}

/** The tenant that somebody's fops belong to, under a brick's options. */
export function explainText(options: readonly (readonly [string, string])[], who: Who): string {
  const rules = qosRules(new Map(options), null);
  const { client, pid, uid, gid, process: name, user, subdir } = who;
  const traits = { address: client, uid: name, processName: name, user, subdir };
  const path = `${subdir}/${who.path}`.split('/').filter((part) => part !== '');
  const found = new Classifier(rules.tenants).forClient(traits).tenant({ pid, uid, gid }, () => path[0] ?? null);
  const {
    name: tenant,
    kind,
    weight,
    limits,
    floor,
    match,
  } = defined(rules.tenants[found], 'a classifier answers with one of its tenants');
  const by =
    kind === 'rule'
      ? `the rule match-${tenant} (${options.find(([key]) => key === `match-${tenant}`)?.[1] ?? ''})`
      : kind === 'background'
        ? `the pid ${match?.pid?.join()}`
        : 'no rule: it is what the volume has for all others';
  const lines = [`tenant ${tenant}, by ${by}`, `  weight ${weight}${floor > 0 ? `, floor ${short(floor)}/s` : ''}`];
  for (const [what, l] of [['limits', limits] as const, ['limits of the volume as a whole', rules.total] as const]) {
    if (l === null) continue;
    const text = Object.entries(l.rates).map(([ceiling, perSecond]) => `${ceiling} ${rate(ceiling, perSecond)}`);
    lines.push(`  ${what}: ${text.join(', ')}, burst ${short(l.burstSec)} s`);
  }
  if (limits === null && rules.total === null) lines.push('  no limits');
  return lines.join('\n');
}

export async function explain(o: Who & { volume: string | undefined }): Promise<void> {
  const all = await served(o.volume);
  const texts = new Map<string, string>();
  for (const { qos } of all) texts.set(qos.volume, explainText(qos.options, o));
  const lines = [...texts].map(([volume, text]) => `volume ${volume}: ${text}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
