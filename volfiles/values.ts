/**
 * Gluster's value syntaxes: text of an option → typed value. Every parser throws {@link BadValue} with a reason that reads
 * on after "value 'x' ". What is accepted is what glusterfsd accepts (bounds aside, which the option tables give):
 * numbers are C's (decimal, 0x, leading 0 for octal), units of sizes are powers of 1024 in any case, units of times are
 * lower-case words.
 */

/** A value that an option can't take; `message` is the reason. */
export class BadValue extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BadValue';
  }
}

const TRUE = new Set(['1', 'on', 'yes', 'true', 'enable']);
const FALSE = new Set(['0', 'off', 'no', 'false', 'disable']);

/** What a word for true or false says; undefined if it is neither. */
export function booleanOf(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (TRUE.has(word)) return true;
  return FALSE.has(word) ? false : undefined;
}

export function parseBool(text: string): boolean {
  const value = booleanOf(text);
  if (value !== undefined) return value;
  throw new BadValue('is not a boolean (on, off, yes, no, true, false, enable, disable, 1, 0)');
}

/** As strtoll(3) with base 0: blanks and a sign before, then 0x hex, 0 octal or decimal digits; the rest is the tail. */
const INTEGER = /^[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))/;
const INT64_MAX = 2n ** 63n - 1n;

/** Integer at the start of `text` and what follows it; undefined if there is none or it doesn't fit 64 bits. */
function leadingInteger(text: string): { value: bigint; tail: string } | undefined {
  const m = INTEGER.exec(text);
  if (m === null) return undefined;
  const [all, sign, hex, octal, decimal = ''] = m;
  // BigInt of a very long digit string takes quadratic time.
  if (all.length > 80) return undefined;
  const digits = hex !== undefined ? `0x${hex}` : octal !== undefined ? `0o${octal}` : decimal;
  const magnitude = BigInt(digits === '0o0' ? 0 : digits);
  const value = sign === '-' ? -magnitude : magnitude;
  if (value > INT64_MAX || value < -INT64_MAX - 1n) return undefined;
  return { value, tail: text.slice(all.length) };
}

/** An integer that a JS number holds exactly; larger ones are refused. */
export function parseInteger(text: string): number {
  const parsed = leadingInteger(text);
  if (parsed === undefined || parsed.tail !== '') throw new BadValue('is not a whole number');
  const value = Number(parsed.value);
  if (!Number.isSafeInteger(value)) throw new BadValue('is out of the range of numbers');
  return value;
}

const KIB = 1024;
const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', KIB],
  ['mb', KIB ** 2],
  ['gb', KIB ** 3],
  ['tb', KIB ** 4],
  ['pb', KIB ** 5],
]);
const UNITS_TEXT = 'B, KB, MB, GB, TB, PB';
const DECIMAL = /^[ \t\n\v\f\r]*\+?(0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(.*)$/s;
const BASE_10 = /^[ \t\n\v\f\r]*\+?([0-9]+)(.*)$/s;

/** Bytes: a number, with a fraction if it likes, and one of the units. `1.5GB`, `512kb`, `4096`. No bare K, M or G. */
export function parseSize(text: string): number {
  const m = (text.includes('.') ? DECIMAL : BASE_10).exec(text);
  const [, number, suffix = ''] = m ?? [];
  const unit = SIZE_UNITS.get(suffix.toLowerCase());
  if (m === null || unit === undefined)
    throw new BadValue(`is not a size (a number, with ${UNITS_TEXT} after it or not)`);
  const bytes = Math.floor(Number(number) * unit);
  if (bytes >= 2 ** 63) throw new BadValue('is too large for a size');
  return bytes;
}

/** Percent as a number from 0 to 100; the sign `%` may be left out. */
export function parsePercent(text: string): number {
  const m = DECIMAL.exec(text);
  if (m === null || (m[2] !== '' && m[2] !== '%')) throw new BadValue('is not a percentage');
  const percent = Number(m[1]);
  if (percent > 100) throw new BadValue('is out of the range 0 to 100 percent');
  return percent;
}

/** A share of a whole, or an amount. */
export type PercentOrSize = { readonly percent: number } | { readonly bytes: number };

/**
 * `5%` is a percentage; a size is as {@link parseSize} has it but without a fraction; a plain number up to 100 is a percentage,
 * above it bytes.
 */
export function parsePercentOrSize(text: string): PercentOrSize {
  const m = DECIMAL.exec(text);
  const [, number, suffix = ''] = m ?? [];
  const unit = suffix === '%' ? 1 : SIZE_UNITS.get(suffix.toLowerCase());
  // glusterfsd knows no plain B here.
  if (m === null || unit === undefined || suffix.toLowerCase() === 'b') {
    throw new BadValue(`is neither a percentage nor a size (a number, then %, KB, MB, GB, TB, PB or nothing)`);
  }
  if (suffix === '%') return { percent: parsePercent(text) };
  const fraction = text.split('.', 2)[1];
  if (fraction !== undefined && /[^0]/.test(fraction)) {
    throw new BadValue('is a size with a fraction; only whole numbers are taken, or put % after it');
  }
  const value = Number(number);
  if (suffix === '' && value <= 100) return { percent: value };
  return { bytes: parseSize(text) };
}

const TIME_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['s', 1],
  ['sec', 1],
  ['m', 60],
  ['min', 60],
  ['h', 3600],
  ['hr', 3600],
  ['d', 86400],
  ['days', 86400],
  ['w', 604800],
  ['wk', 604800],
]);

/** Seconds: a whole number and s, sec, m, min, h, hr, d, days, w, wk or nothing (seconds). */
export function parseTime(text: string): number {
  const parsed = leadingInteger(text);
  const unit = parsed === undefined ? undefined : TIME_UNITS.get(parsed.tail);
  if (parsed === undefined || unit === undefined || parsed.value < 0n) {
    throw new BadValue('is not a time (a whole number, then sec, min, hr, days, wk, their first letters, or nothing)');
  }
  const seconds = Number(parsed.value) * unit;
  if (!Number.isSafeInteger(seconds)) throw new BadValue('is out of the range of times');
  return seconds;
}

/** An absolute path without `../`. */
export function parsePath(text: string): string {
  if (text.includes('../')) throw new BadValue("is a path with '../' in it");
  if (!text.startsWith('/')) throw new BadValue('is not an absolute path');
  return text;
}
