/**
 * Parses values of user/qos: limits, conditions, weights. Every parser throws BadValue with a reason that continues
 * "value 'x' ".
 */
import { BlockList } from 'node:net';
import { CEILINGS, type Ceiling, DEFAULT_BURST_SEC, type Limits, type Match } from '../../../../mux/qos/rules.js';
import { addNetwork } from '../../../../mux/qos/tenants.js';
import { BadValue, parseSize } from '../../../../volfiles/values.js';

const MAX_RATE = 2 ** 50;
const MAX_BURST_SEC = 3600;
const MIN_BURST_SEC = 0.01;

/** `name=value` pairs separated by commas. */
function pairs(text: string): [name: string, value: string][] {
  return text.split(',').map((part) => {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    if (at <= 0 || name === '' || value === '') {
      throw new BadValue(`has ${JSON.stringify(part.trim())} where NAME=VALUE belongs`);
    }
    return [name, value];
  });
}

const NUMBER = /^(\d+\.?\d*|\.\d+)$/;

function positive(text: string, what: string, most: number): number {
  const n = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!(n > 0)) throw new BadValue(`has ${JSON.stringify(text)} for ${what}, which is a number above 0`);
  if (n > most) throw new BadValue(`has ${text} for ${what}: more than ${most}`);
  return n;
}

/** A rate per second; `/s` behind it is taken too. */
function rate(name: Ceiling, text: string): number {
  const plain = text.replace(/\/s(ec)?$/, '');
  if (!name.endsWith('bytes')) return positive(plain, name, MAX_RATE);
  let bytes: number;
  try {
    bytes = parseSize(plain);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw new BadValue(`has ${JSON.stringify(text)} for ${name}, which ${error.message}`);
  }
  if (bytes <= 0 || bytes > MAX_RATE) throw new BadValue(`has ${text} for ${name}: not from 1 byte to 1 PB a second`);
  return bytes;
}

const DURATION = /^(\d+\.?\d*|\.\d+)(ms|s|sec|m|min)?$/;
const UNIT_SEC: Readonly<Record<string, number>> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60 };

/** Seconds: a number and ms, s, min, or nothing (seconds). */
export function duration(text: string): number {
  const m = DURATION.exec(text);
  const unitSec = m === null ? undefined : UNIT_SEC[m[2] ?? 's'];
  if (m === null || unitSec === undefined)
    throw new BadValue(`has ${JSON.stringify(text)} for a time: a number, then ms, s, min or nothing`);
  return Number(m[1]) * unitSec;
}

/** `ops=500,read-bytes=10MB,burst=2s`, or `none`. */
export function limits(text: string): Limits | null {
  if (text === 'none') return null;
  const rates: { [C in Ceiling]?: number } = {};
  let burstSec = DEFAULT_BURST_SEC;
  for (const [name, value] of pairs(text)) {
    if (name === 'burst') {
      burstSec = duration(value);
      if (burstSec < MIN_BURST_SEC || burstSec > MAX_BURST_SEC) {
        throw new BadValue(`has ${value} for burst: not from 10 ms to 60 min`);
      }
    } else if ((CEILINGS as readonly string[]).includes(name)) rates[name as Ceiling] = rate(name as Ceiling, value);
    else throw new BadValue(`has ${JSON.stringify(name)}, which is none of ${CEILINGS.join(', ')}, burst`);
  }
  if (Object.keys(rates).length === 0) throw new BadValue('sets no rate');
  return { rates, burstSec };
}

/** 1 to 10000. */
export function weight(text: string): number {
  const n = /^\d+$/.test(text) ? Number(text) : 0;
  if (n < 1 || n > 10_000) throw new BadValue('is not a whole number from 1 to 10000');
  return n;
}

/** `ops=200`, or `none`. */
export function floor(text: string): number {
  if (text === 'none') return 0;
  const [only, ...more] = pairs(text);
  if (only === undefined || more.length > 0 || only[0] !== 'ops') throw new BadValue('is not of the form ops=NUMBER');
  return positive(only[1].replace(/\/s(ec)?$/, ''), 'ops', 1e9);
}

/** Milliseconds; `none`: 0. */
export function maxDelay(text: string): number {
  if (text === 'none') return 0;
  const sec = duration(text);
  if (sec < 0.01 || sec > 600) throw new BadValue('is not from 10 ms to 10 min');
  return sec * 1000;
}

const integers = (values: string[], name: string, least: number): number[] =>
  values.map((v) => {
    const n = /^-?\d+$/.test(v) ? Number(v) : Number.NaN;
    if (!Number.isInteger(n) || n < least || n > 0xffffffff) {
      throw new BadValue(`has ${JSON.stringify(v)} for ${name}, which is a number`);
    }
    return n;
  });

const networks = (values: string[]): string[] => {
  for (const v of values) {
    if (!addNetwork(new BlockList(), v)) {
      throw new BadValue(`has ${JSON.stringify(v)} for client, which is an address or a network such as 10.0.0.0/8`);
    }
  }
  return values;
};

const directories = (values: string[]): string[] =>
  values.map((v) => {
    const name = v.replace(/^\/+|\/+$/g, '');
    if (name === '' || name.includes('/')) {
      throw new BadValue(`has ${JSON.stringify(v)} for dir, which is the name of a top-level directory`);
    }
    return name;
  });

const paths = (values: string[]): string[] => {
  for (const v of values)
    if (!v.startsWith('/')) throw new BadValue(`has ${JSON.stringify(v)} for subdir, which starts with /`);
  return values;
};

/** `client=10.0.0.0/8|192.168.1.7,uid=1000`: all of them must fit, of each one of its alternatives. `none`: nobody. */
export function match(text: string): Match | null {
  if (text === 'none') return null;
  const found: Record<string, unknown> = {};
  for (const [name, value] of pairs(text)) {
    const values = value.split('|').map((v) => v.trim());
    if (values.includes('')) throw new BadValue(`has an empty alternative for ${name}`);
    if (name in found) throw new BadValue(`has ${name} twice; alternatives are separated by |`);
    if (name === 'client') found['client'] = networks(values);
    else if (name === 'process') found['process'] = values;
    else if (name === 'user') found['user'] = values;
    else if (name === 'uid' || name === 'gid') found[name] = integers(values, name, 0);
    else if (name === 'pid') found['pid'] = integers(values, name, -0x80000000);
    else if (name === 'subdir') found['subdir'] = paths(values);
    else if (name === 'dir') found['dir'] = directories(values);
    else
      throw new BadValue(
        `has ${JSON.stringify(name)}, which is none of client, process, user, uid, gid, pid, subdir, dir`,
      );
  }
  return found as Match;
}

/** Names separated by commas. */
export function order(text: string): string[] {
  if (text === 'none') return [];
  return text.split(',').map((n) => n.trim());
}
