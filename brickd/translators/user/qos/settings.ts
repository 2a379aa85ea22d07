/**
 * Turns options of user/qos into rules of the volume's tenants. An invalid option keeps the last valid setting, or the
 * default, and is reported in the rules: glusterd has accepted it already, so the brick must go on.
 */
import {
  BACKGROUND,
  BACKGROUND_WEIGHT,
  type BadOption,
  DEFAULT_MAX_DELAY_MS,
  DEFAULT_WEIGHT,
  type Limits,
  type Match,
  type QosRules,
  type TenantRule,
} from '../../../../mux/qos/rules.js';
import { defined } from '../../../../native/assert.js';
import { BadValue, parseBool } from '../../../../volfiles/values.js';
import * as values from './values.js';

interface Draft {
  limit?: Limits | null;
  weight?: number;
  floor?: number;
  match?: Match | null;
}

const BACKGROUND_NAMES = new Set(BACKGROUND.values());
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
/** Names that stand for something else than a rule of the volume. */
const RESERVED = new Set(['total', 'default', 'max', 'volume']);
/** Tenants of a volume, at most: all are compared when one is chosen. */
const MAX_TENANTS = 256;

class Reader {
  readonly drafts = new Map<string, Draft>();
  readonly bad: BadOption[] = [];
  readonly good = new Map<string, string>();
  enabled = true;
  /** Of the volume among the others. */
  share = DEFAULT_WEIGHT;
  maxDelayMs = DEFAULT_MAX_DELAY_MS;
  total: Limits | null = null;
  order: string[] = [];

  read(option: string, value: string, before: string | undefined): void {
    try {
      this.#apply(option, value.trim());
      this.good.set(option, value);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const kept = before !== undefined && this.#applied(option, before);
      if (kept) this.good.set(option, before);
      const instead = kept ? `the value before: ${before}` : 'as if it were not set';
      this.bad.push({ option, value, reason: error.message, instead });
    }
  }

  #applied(option: string, value: string): boolean {
    try {
      this.#apply(option, value.trim());
      return true;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      return false;
    }
  }

  #apply(option: string, value: string): void {
    if (option === 'enable') this.enabled = parseBool(value);
    else if (option === 'weight') this.share = value === 'none' ? DEFAULT_WEIGHT : values.weight(value);
    else if (option === 'max-delay')
      this.maxDelayMs = value === 'default' ? DEFAULT_MAX_DELAY_MS : values.maxDelay(value);
    else if (option === 'order') this.order = values.order(value);
    else if (option === 'limit-total') this.total = values.limits(value);
    else if (option === 'limit' || option === 'limit-volume') this.#draft('volume').limit = values.limits(value);
    else if (option === 'floor' || option === 'floor-volume') this.#draft('volume').floor = values.floor(value);
    else if (option === 'weight-volume') this.#setWeight('volume', value);
    else this.#named(option, value);
  }

  #named(option: string, value: string): void {
    const m = /^(limit|weight|floor|match)-(.+)$/.exec(option);
    if (m === null) {
      throw new BadValue(
        'belongs to no option: there are limit, limit-total, limit-NAME, weight, weight-NAME, floor, floor-NAME, match-NAME, order, max-delay, enable',
      );
    }
    const [, what = '', name = ''] = m;
    if (!NAME.test(name) || RESERVED.has(name)) throw new BadValue(`is for '${name}', which can't name a tenant`);
    if (what === 'match') {
      if (BACKGROUND_NAMES.has(name))
        throw new BadValue(`is for ${name}, which goes by pid and has no other conditions`);
      this.#draft(name).match = values.match(value);
    } else if (what === 'limit') this.#draft(name).limit = values.limits(value);
    else if (what === 'floor') this.#draft(name).floor = values.floor(value);
    else this.#setWeight(name, value);
  }

  #setWeight(name: string, value: string): void {
    const draft = this.#draft(name);
    if (value === 'none') delete draft.weight;
    else draft.weight = values.weight(value);
  }

  #draft(name: string): Draft {
    let draft = this.drafts.get(name);
    if (draft === undefined) {
      draft = {};
      this.drafts.set(name, draft);
    }
    return draft;
  }
}

/** What is said of options that name a tenant nobody belongs to. */
function orphans(reader: Reader, options: ReadonlyMap<string, string>): void {
  for (const [option, value] of options) {
    const m = /^(limit|weight|floor)-(.+)$/.exec(option);
    const name = m?.[2];
    if (name === undefined || name === 'total' || name === 'volume' || BACKGROUND_NAMES.has(name)) continue;
    const { match } = reader.drafts.get(name) ?? {};
    if (match !== undefined || reader.bad.some((b) => b.option === option || b.option === `match-${name}`)) continue;
    if (value.trim() === 'none') continue;
    reader.bad.push({ option, value, reason: `is for '${name}', and there is no match-${name}`, instead: 'no effect' });
  }
  for (const name of reader.order) {
    if (reader.drafts.get(name)?.match !== undefined) continue;
    const value = options.get('order') ?? '';
    reader.bad.push({
      option: 'order',
      value,
      reason: `names '${name}', and there is no match-${name}`,
      instead: 'left out',
    });
  }
}

function tenant(name: string, kind: TenantRule['kind'], draft: Draft, match: Match | null, weight: number): TenantRule {
  const { limit = null, floor = 0 } = draft;
  return { name, kind, weight: draft.weight ?? weight, limits: limit, floor, match };
}

/** Floors that their own tenant's limits forbid. */
function floorsAboveLimits(reader: Reader, options: ReadonlyMap<string, string>): void {
  for (const [name, draft] of reader.drafts) {
    const most = Math.min(draft.limit?.rates.ops ?? Infinity, reader.total?.rates.ops ?? Infinity);
    if ((draft.floor ?? 0) <= most) continue;
    const option = name === 'volume' && options.has('floor') ? 'floor' : `floor-${name}`;
    const reason = `is above the limit of ${most} ops/s`;
    reader.bad.push({ option, value: options.get(option) ?? '', reason, instead: 'no floor' });
    delete draft.floor;
  }
}

/** The rules that options come to. before: those that were in effect, for what is bad now. */
export function qosRules(options: ReadonlyMap<string, string>, before: QosRules | null): QosRules {
  const reader = new Reader();
  for (const [option, value] of options) reader.read(option, value, before?.good.get(option));
  orphans(reader, options);
  floorsAboveLimits(reader, options);
  const named = new Map<string, { draft: Draft; match: Match }>();
  for (const [name, draft] of reader.drafts) {
    const { match } = draft;
    if (match !== undefined && match !== null) named.set(name, { draft, match });
  }
  const first = reader.order.filter((name) => named.has(name));
  const rest = [...named.keys()].filter((name) => !first.includes(name)).sort();
  const tenants: TenantRule[] = [];
  for (const [pid, name] of BACKGROUND) {
    tenants.push(tenant(name, 'background', reader.drafts.get(name) ?? {}, { pid: [pid] }, BACKGROUND_WEIGHT));
  }
  for (const name of new Set([...first, ...rest])) {
    const rule = defined(named.get(name), 'an ordered tenant is a named one');
    if (tenants.length < MAX_TENANTS) tenants.push(tenant(name, 'rule', rule.draft, rule.match, DEFAULT_WEIGHT));
    else {
      const value = options.get(`match-${name}`) ?? '';
      reader.bad.push({
        option: `match-${name}`,
        value,
        reason: `is one of more than ${MAX_TENANTS} tenants`,
        instead: 'no effect',
      });
    }
  }
  tenants.push(tenant('volume', 'volume', reader.drafts.get('volume') ?? {}, null, DEFAULT_WEIGHT));
  const { enabled, share, maxDelayMs, total, bad, good } = reader;
  return { enabled, weight: share, maxDelayMs, tenants, total, bad, good };
}
