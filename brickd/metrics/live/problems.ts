/** What an operator has to look at, from the state of bricks and what they did since the last sample. */
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { fopByNumber } from '../../../mux/xlator/fop-table.js';
import { textOfLatin1 } from '../../../native/bytes.js';
import { errnoName } from '../../../native/errno.js';
import type { BrickRow, Problem, SlowRow, TenantRow } from '../page/frame.js';
import { gain } from './latency-histogram.js';

/** A client hammers a brick if it calls as many fops a second, and most of those of all clients. */
const HAMMERS_PER_SEC = 200;
const HAMMERS_SHARE = 0.6;
/** Failures of one kind a second that are a problem. */
const FAILURES_PER_SEC = 5;
/** A slow fop is a problem for as long after its end. */
const SLOW_MS = 60_000;
/** What fails every day: a name that is not there, or is; a lock that somebody holds; an xattr that is not set. */
const EVERYDAY: ReadonlySet<string> = new Set(['ENOENT', 'EEXIST', 'EAGAIN', 'ENODATA', 'ESTALE', 'ENOTEMPTY']);

/** Bricks that do not serve. */
export const ofState = (bricks: readonly BrickRow[]): Problem[] =>
  bricks
    .filter((b) => b.state !== 'up')
    .map(({ brick, state }) => ({ text: `${brick}: ${state}`, brick, part: 'bricks' as const }));

/** Slow fops, one line for each brick: the worst one, and how many more there are. */
export function ofSlow(slow: readonly SlowRow[], now: number): Problem[] {
  const bricks = new Map<string, SlowRow[]>();
  for (const s of slow) {
    if (!s.underWay && now - s.at - s.sec * 1000 > SLOW_MS) continue;
    const of = bricks.get(s.brick);
    if (of === undefined) bricks.set(s.brick, [s]);
    else of.push(s);
  }
  return [...bricks].map(([brick, of]) => {
    const worst = of.reduce((w, s) => (s.sec > w.sec ? s : w));
    const state = worst.underWay ? 'in progress for' : 'took';
    const more = of.length > 1 ? `; ${of.length - 1} more` : '';
    const cause = worst.waits[0] ?? 'cause not known';
    const text = `${brick}: slow ${worst.fop} ${worst.path} ${state} ${worst.sec.toFixed(1)} s: ${cause}${more}`;
    return { text, brick, part: 'slow' as const };
  });
}

/** A client that makes most of the work of a brick that has others, too. */
export function ofClients(brick: string, now: BrickStats, before: BrickStats | undefined, span: number): Problem[] {
  if (before === undefined || span === 0 || now.clients < 2) return [];
  const old = new Map(before.topClients.map((c) => [c.uid, c.fops]));
  const all = now.hits.reduce((sum, n, fop) => sum + gain(n, before.hits[fop] ?? 0), 0);
  return now.topClients.flatMap((c) => {
    const had = old.get(c.uid);
    const fops = had === undefined ? 0 : gain(c.fops, had);
    if (fops < HAMMERS_PER_SEC * span || fops < HAMMERS_SHARE * all) return [];
    const who = textOfLatin1(`${c.name === '' ? c.uid : c.name} (${c.peer})`);
    const share = Math.round((fops / Math.max(all, 1)) * 100);
    const what = c.file === '' ? '' : `, mostly on ${textOfLatin1(c.file)}`;
    const text = `${brick}: client ${who} makes ${share} % of its fops, ${Math.round(fops / span)}/s${what}`;
    return [{ text, brick, part: 'clients' as const }];
  });
}

/** Failures that are none of every day. */
export function ofErrors(brick: string, now: BrickStats, before: BrickStats | undefined, span: number): Problem[] {
  if (before === undefined || span === 0) return [];
  const old = new Map<string, number>();
  const { errors } = before;
  for (let i = 0; i < errors.length; i += 3) old.set(`${errors[i]} ${errors[i + 1]}`, errors[i + 2] ?? 0);
  const problems: Problem[] = [];
  for (let i = 0; i < now.errors.length; i += 3) {
    const [fop = 0, errno = 0, count = 0] = now.errors.subarray(i, i + 3);
    const perSec = gain(count, old.get(`${fop} ${errno}`) ?? 0) / span;
    const name = errnoName(errno);
    if (perSec < FAILURES_PER_SEC || EVERYDAY.has(name)) continue;
    const text = `${brick}: ${fopByNumber(fop)?.display ?? fop} fails with ${name}, ${Math.round(perSec)}/s`;
    problems.push({ text, brick, part: 'fops' });
  }
  return problems;
}

/** Tenants that wait. */
export const ofTenants = (tenants: readonly TenantRow[]): Problem[] =>
  tenants
    .filter((t) => t.kind !== 'total' && t.queued > 0 && t.delayedPerSec > 0)
    .map((t) => ({
      text: `${t.volume}: tenant ${t.tenant} waits for its ceilings: ${t.queued} fops queued, ${((t.meanDelay ?? 0) * 1000).toFixed(0)} ms each`,
      brick: '',
      part: 'tenants' as const,
    }));
