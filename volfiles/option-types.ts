/** The types of options: the syntax of the value, its default and its bounds. */
import { type ByteString, bytesOfLatin1 } from '../native/bytes.js';
import { type AddressRule, parseAddress, parseAddressList } from './addresses.js';
import {
  BadValue,
  type PercentOrSize,
  parseBool,
  parseInteger,
  parsePath,
  parsePercent,
  parsePercentOrSize,
  parseSize,
  parseTime,
} from './values.js';

/** One option. T is the type of its value, undefined included if it may be unset. */
export interface Option<T> {
  /** Name of the value syntax. */
  readonly kind: string;
  /** Other names of the option; the last one given in the volfile counts. */
  readonly aliases: readonly string[];
  /** Text that stands for the value when the option is not given. */
  readonly default: string | undefined;
  readonly required: boolean;
  /** Whether a running translator takes a new value over. */
  readonly live: boolean;
  /** The key is a pattern: the value is a map from each name in the volfile that it takes to that one's value. */
  readonly each: boolean;
  /** Text to value; throws BadValue. */
  readonly parse: (text: string) => NonNullable<T>;
}

export interface Settings {
  readonly aliases?: readonly string[];
  readonly default?: string;
  /** A volume without the option is refused. */
  readonly required?: true;
  /** False for an option that is read at start only. */
  readonly live?: boolean;
}

export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** T for an option that always has a value; T or undefined otherwise. */
type Valued<T, S> = S extends { readonly default: string } | { readonly required: true } ? T : T | undefined;

function option<T>(kind: string, settings: Settings, parse: (text: string) => NonNullable<T>): Option<T> {
  const { aliases = [], live = true, required = false } = settings;
  return { kind, aliases, default: settings.default, required, live, each: false, parse };
}

function bounded(value: number, { min, max }: Bounds, unit: string): number {
  if (min !== undefined && value < min) throw new BadValue(`is below the minimum of ${min}${unit}`);
  if (max !== undefined && value > max) throw new BadValue(`is above the maximum of ${max}${unit}`);
  return value;
}

type Any<S> = S & Settings;

export function bool<const S extends Settings>(settings: Any<S> = {} as Any<S>): Option<Valued<boolean, S>> {
  return option('bool', settings, parseBool);
}

const INT32 = { min: -0x80000000, max: 0x7fffffff };

/** A whole number; without bounds of its own it has those of 32 bits with sign. */
export function int<const S extends Settings & Bounds>(settings: S & Bounds = {} as S): Option<Valued<number, S>> {
  const bounds = { ...INT32, ...settings };
  return option('int', settings, (text) => bounded(parseInteger(text), bounds, ''));
}

/** Bytes. */
export function size<const S extends Settings & Bounds>(settings: S & Bounds = {} as S): Option<Valued<number, S>> {
  return option('size', settings, (text) => bounded(parseSize(text), settings, ' bytes'));
}

/** Seconds. */
export function time<const S extends Settings & Bounds>(settings: S & Bounds = {} as S): Option<Valued<number, S>> {
  return option('time', settings, (text) => bounded(parseTime(text), settings, ' s'));
}

export function percent<const S extends Settings>(settings: Any<S> = {} as Any<S>): Option<Valued<number, S>> {
  return option('percent', settings, parsePercent);
}

export function percentOrSize<const S extends Settings>(
  settings: Any<S> = {} as Any<S>,
): Option<Valued<PercentOrSize, S>> {
  return option('percent-or-size', settings, parsePercentOrSize);
}

/** Any text. `maxBytes` bounds its length. */
export function str<const S extends Settings & { readonly maxBytes?: number }>(
  settings: S = {} as S,
): Option<Valued<string, S>> {
  const { maxBytes = Number.POSITIVE_INFINITY } = settings;
  return option('str', settings, (text) => {
    if (text.length > maxBytes) throw new BadValue(`is longer than ${maxBytes} bytes`);
    return text;
  });
}

/** An absolute path, as a byte string. */
export function path<const S extends Settings>(settings: Any<S> = {} as Any<S>): Option<Valued<ByteString, S>> {
  return option('path', settings, (text) => bytesOfLatin1(parsePath(text)));
}

/** One of a few words, in their exact spelling. */
export function oneOf<const W extends string, const S extends Settings>(
  words: readonly W[],
  settings: Any<S> = {} as Any<S>,
): Option<Valued<W, S>> {
  return option('enum', settings, (text) => {
    const word = words.find((w) => w === text);
    if (word === undefined) throw new BadValue(`is none of ${words.join(', ')}`);
    return word as NonNullable<Valued<W, S>>;
  });
}

/** Words separated by commas; blanks around them don't count. */
export function list<const S extends Settings>(settings: Any<S> = {} as Any<S>): Option<Valued<readonly string[], S>> {
  return option('list', settings, (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
}

/** One internet address or host name. */
export function address<const S extends Settings>(settings: Any<S> = {} as Any<S>): Option<Valued<string, S>> {
  return option('address', settings, parseAddress);
}

/** Address patterns, for the whole volume or by directory. */
export function addressList<const S extends Settings>(
  settings: Any<S> = {} as Any<S>,
): Option<Valued<readonly AddressRule[], S>> {
  return option('address-list', settings, parseAddressList);
}

/** For a key that is a pattern: all the options whose names it takes, each with a value as `inner` has it, by full name. */
export function each<T>(inner: Option<T>): Option<ReadonlyMap<string, NonNullable<T>>> {
  return { ...inner, each: true, default: undefined } as unknown as Option<ReadonlyMap<string, NonNullable<T>>>;
}
