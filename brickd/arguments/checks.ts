/** Checks values of glusterfsd options as glusterfsd does. */

import { defined } from '../../native/assert.js';
import { parseOverride } from '../../volfiles/overrides.js';
import { booleanOf } from '../../volfiles/values.js';

/** A value is refused with this message; the exit status is 255. */
export class RefusedValue {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Decimal (also 0x and 0 octal unless `base10`) integer with an optional sign; undefined when it is none. */
export function integerOf(text: string, base10 = false): number | undefined {
  const s = text.trim();
  if (/^[-+]?\d+$/.test(s) && (base10 || !/^[-+]?0\d/.test(s))) return Number.parseInt(s, 10);
  if (base10) return undefined;
  if (/^[-+]?0[0-7]+$/.test(s)) return Number.parseInt(s, 8);
  if (/^0x[0-9a-f]+$/i.test(s)) return Number(s);
  return undefined;
}

const UINT32 = 2 ** 32 - 1;

/** Check of one option's value. `v` is undefined when an optional value was left out. */
export type Check = (v: string | undefined) => RefusedValue | undefined;

const bool =
  (refusal: (v: string) => string, extra: string[] = []): Check =>
  (v) =>
    v === undefined || booleanOf(v) !== undefined || extra.includes(v) ? undefined : new RefusedValue(refusal(v));

const integer =
  (refusal: (v: string) => string, min = -(2 ** 31), max = 2 ** 31 - 1): Check =>
  (v) => {
    const n = v === undefined ? undefined : integerOf(v);
    return n !== undefined && n >= min && n <= max ? undefined : new RefusedValue(refusal(v ?? '(null)'));
  };

/** Check of an option that never comes without a value. */
const ofValue =
  (check: (v: string) => RefusedValue | undefined): Check =>
  (v) =>
    check(defined(v, 'the option has a value'));

/** An unsigned number, and within [min, max] or refused by another message. */
const ranged =
  (unknown: (v: string) => string, outside: (v: string) => string, min: number, max: number): Check =>
  (v) => {
    const n = v === undefined ? undefined : integerOf(v);
    if (v === undefined || n === undefined || n < 0 || n > UINT32) return new RefusedValue(unknown(v ?? '(null)'));
    return n < min || n > max ? new RefusedValue(outside(v)) : undefined;
  };

const oneOf = (words: string[], refusal: (v: string) => string): Check =>
  ofValue((v) => (words.includes(v.toLowerCase()) ? undefined : new RefusedValue(refusal(v))));

const seconds = (refusal: (v: string) => string, mustParse: boolean): Check =>
  ofValue((v) => {
    const n = Number.parseFloat(v);
    if (Number.isNaN(n)) return mustParse ? new RefusedValue(refusal(v)) : undefined;
    return n < 0 ? new RefusedValue(refusal(v)) : undefined;
  });

const isPort = (text: string): boolean => {
  const n = integerOf(text, true);
  return n !== undefined && n >= 1 && n <= 65535;
};

const brickPort = ofValue((v) => {
  const [first = '', second] = v.split(',');
  if (!isPort(first)) return new RefusedValue(`unknown brick (listen) port ${first}`);
  return second === undefined || isPort(second) ? undefined : new RefusedValue(`wrong brick (listen) port ${first}`);
});

const xlatorOption = ofValue((v) =>
  parseOverride(v) === undefined ? new RefusedValue(`invalid xlator option  ${v}`) : undefined,
);

const subdir = ofValue((v) =>
  v.startsWith('/') ? undefined : new RefusedValue(`expect '/${v}', provided just "${v}"`),
);

const LOG_LEVELS = ['none', 'trace', 'debug', 'info', 'warning', 'error', 'critical'];

/** Checks by option name; an option without one takes any value. */
export const CHECKS: Readonly<Record<string, Check>> = {
  'log-level': oneOf(LOG_LEVELS, (v) => `unknown log level ${v}`),
  logger: oneOf(['gluster-log', 'syslog'], (v) => `unknown logger ${v}`),
  'log-format': oneOf(['no-msg-id', 'with-msg-id'], (v) => `unknown log format ${v}`),
  'log-buf-size': ranged(
    (v) => `unknown log buf size option ${v}`,
    (v) => `Invalid log buf size ${v}. Valid range: [0,20]`,
    0,
    20,
  ),
  'log-flush-timeout': ranged(
    (v) => `unknown log flush timeout option ${v}`,
    (v) => `Invalid log flush timeout ${v}. Valid range: [30,300]`,
    30,
    300,
  ),
  'volfile-server-port': ofValue((v) => (isPort(v) ? undefined : new RefusedValue(`unknown volfile server port ${v}`))),
  'brick-port': brickPort,
  'xlator-option': xlatorOption,
  'subdir-mount': subdir,
  'mac-compat': bool((v) => `invalid value "${v}" for mac-compat`),
  'direct-io-mode': bool((v) => `unknown direct I/O mode setting "${v}"`, ['auto']),
  'entry-timeout': seconds((v) => `unknown entry timeout ${v}`, false),
  'negative-timeout': seconds((v) => `unknown negative timeout ${v}`, true),
  'attribute-timeout': seconds((v) => `unknown attribute timeout ${v}`, false),
  'client-pid': integer((v) => `unknown client pid ${v}`),
  'fopen-keep-cache': bool((v) => `unknown cache setting "${v}"`),
  'gid-timeout': integer((v) => `unknown group list timeout ${v}`),
  'lru-limit': integer((v) => `unknown LRU limit option ${v}`),
  'invalidate-limit': integer((v) => `unknown invalidate limit option ${v}`),
  'background-qlen': integer((v) => `unknown background qlen option ${v}`),
  'congestion-threshold': integer((v) => `unknown congestion threshold option ${v}`),
  'oom-score-adj': integer((v) => `unknown oom_score_adj value ${v}`, -1000, 1000),
  'use-readdirp': bool((v) => `unknown use-readdirp setting "${v}"`),
  'secure-mgmt': bool((v) => `unknown secure-mgmt setting "${v}"`),
  'event-history': bool((v) => `unknown event-history setting "${v}"`),
  'reader-thread-count': ranged(
    (v) => `unknown reader thread count option ${v}`,
    (v) => `Invalid reader thread count ${v}. Valid range: ["1, 64"]`,
    1,
    64,
  ),
  'kernel-writeback-cache': bool((v) => `unknown kernel writeback cache setting "${v}"`),
  'attr-times-granularity': ranged(
    (v) => `unknown attribute times granularity option ${v}`,
    (v) => `Invalid attribute times granularity value ${v}. Valid range: ["0, 1000000000"]`,
    0,
    1e9,
  ),
  'fuse-flush-handle-interrupt': bool((v) => `unknown fuse flush handle interrupt setting "${v}"`),
  'global-threading': bool((v) => `Invalid value for global threading "${v}"`, ['']),
  'fuse-dev-eperm-ratelimit-ns': ranged(
    (v) => `Non-numerical value for 'fuse-dev-eperm-ratelimit-ns' option ${v}`,
    (v) => `Invalid 'fuse-dev-eperm-ratelimit-ns' value ${v}. Valid range: ["0, 1000000000"]`,
    0,
    1e9,
  ),
};
