/**
 * A translator's options as a table, and volfile options read by it. The TypeScript type of the values follows from the
 * table:
 *
 *   export const options = defineOptions({
 *     'health-check-interval': int({ default: '30', min: 0 }),
 *     'batch-fsync-mode': oneOf(['none', 'syncfs'], { default: 'none' }),
 *   });
 *   export type Options = OptionsOf<typeof options>;    // values['health-check-interval'] is a number
 *
 * Options that a table doesn't know are ignored with a warning, as glusterfsd ignores them.
 */
import { defined } from '../native/assert.js';
import { fnmatchNoEscape, isPattern } from './fnmatch.js';
import type { Option } from './option-types.js';
import type { OptionEntry } from './parser.js';
import { shown, type VolfileProblem } from './problem.js';
import { BadValue } from './values.js';

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of every value type; OptionsOf gives each its own back.
export type OptionSpecs = Readonly<Record<string, Option<any>>>;

/** What holds for volumes of a type beside their options. */
export interface VolumeRules {
  /** Options that the translator gives itself when the volfile has none: they show in the final graph. */
  readonly implied?: Readonly<Record<string, string>>;
  /** Least and greatest number of subvolumes; one and one if left out. */
  readonly subvolumes?: readonly [min: number, max: number];
}

export interface OptionTable<S extends OptionSpecs = OptionSpecs> {
  readonly specs: S;
  readonly volume: VolumeRules;
  /** Keys and aliases that are names, → key of the table. */
  readonly names: ReadonlyMap<string, string>;
  /** Keys and aliases that are patterns, in the order of the table. */
  readonly patterns: readonly (readonly [pattern: string, key: string])[];
}

/** Table of a translator type, undefined for a type that there is no translator of. */
export type OptionRegistry = (type: string) => OptionTable | undefined;

/** Values of a table's options by key. An option that has no default and isn't given is undefined. */
export type OptionsOf<T> =
  T extends OptionTable<infer S> ? { readonly [K in keyof S]: S[K] extends Option<infer V> ? V : never } : never;

export function defineOptions<const S extends OptionSpecs>(specs: S, volume: VolumeRules = {}): OptionTable<S> {
  const names = new Map<string, string>();
  const patterns: [string, string][] = [];
  for (const [key, option] of Object.entries(specs)) {
    for (const name of [key, ...option.aliases]) {
      if (isPattern(name)) patterns.push([name, key]);
      else names.set(name, key);
    }
  }
  return { specs, volume, names, patterns };
}

/** The table's key for an option name of a volfile (an alias, a name that a pattern takes), or undefined. */
export function keyFor(table: OptionTable, name: string): string | undefined {
  const exact = table.names.get(name);
  if (exact !== undefined) return exact;
  return table.patterns.find(([pattern]) => fnmatchNoEscape(pattern, name))?.[1];
}

/** The option of a key that {@link keyFor} has given. */
export function specOf(table: OptionTable, key: string): Option<unknown> {
  return defined(table.specs[key], 'a key of the table has an option');
}

/** An option whose value can't be used, or that is missing. */
export class OptionError extends Error {
  readonly volume: string;
  readonly key: string;
  /** The value given; undefined if a required option is missing. */
  readonly value: string | undefined;
  readonly reason: string;
  /** Line of the option (of the volume, if the option is missing); 0 for an option of the command line. */
  readonly line: number;

  constructor(volume: string, key: string, value: string | undefined, reason: string, line: number) {
    super(`volume ${shown(volume)}: ${OptionError.sentence(key, value, reason)}${line > 0 ? ` (line ${line})` : ''}`);
    this.name = 'OptionError';
    this.volume = volume;
    this.key = key;
    this.value = value;
    this.reason = reason;
    this.line = line;
  }

  static sentence(key: string, value: string | undefined, reason: string): string {
    return value === undefined
      ? `option ${shown(key)} ${reason}`
      : `option ${shown(key)}: value ${shown(value)} ${reason}`;
  }

  get problem(): VolfileProblem {
    const message = OptionError.sentence(this.key, this.value, this.reason);
    return { severity: 'error', line: this.line, volume: this.volume, message };
  }
}

export interface ParsedOptions<T extends OptionTable> {
  /** Value of every option of the table. Of use only without errors. */
  readonly values: OptionsOf<T>;
  /** Value text in effect by the table's key (for a pattern: by the name in the volfile); defaults are not among them. */
  readonly given: ReadonlyMap<string, string>;
  readonly errors: readonly OptionError[];
  /** Unknown options, ignored. */
  readonly warnings: readonly VolfileProblem[];
}

/** Where options come from: a volume of a volfile, or anything of that shape. */
export interface OptionSource {
  readonly name: string;
  readonly line: number;
  readonly options: ReadonlyMap<string, OptionEntry>;
}

/** Reads a volume's options by its table. Never throws; see `errors`. */
export function parseOptions<T extends OptionTable>(table: T, volume: OptionSource): ParsedOptions<T> {
  const reader = new OptionReader(table, volume);
  for (const [name, entry] of volume.options) reader.read(name, entry);
  reader.fillIn();
  return {
    values: Object.freeze(reader.values) as OptionsOf<T>,
    given: reader.given,
    errors: reader.errors,
    warnings: reader.warnings,
  };
}

/** As {@link parseOptions}, but throws the first OptionError. */
export function requireOptions<T extends OptionTable>(table: T, volume: OptionSource): OptionsOf<T> {
  const parsed = parseOptions(table, volume);
  if (parsed.errors[0] !== undefined) throw parsed.errors[0];
  return parsed.values;
}

class OptionReader {
  readonly values: Record<string, unknown> = {};
  readonly given = new Map<string, string>();
  readonly errors: OptionError[] = [];
  readonly warnings: VolfileProblem[] = [];
  readonly #table: OptionTable;
  readonly #volume: OptionSource;

  constructor(table: OptionTable, volume: OptionSource) {
    this.#table = table;
    this.#volume = volume;
  }

  read(name: string, entry: OptionEntry): void {
    const key = keyFor(this.#table, name);
    if (key === undefined) {
      if (entry.implied !== true) this.#unknown(name, entry.line);
      return;
    }
    const option = specOf(this.#table, key);
    const value = this.#value(option, name, entry.value, entry.line);
    if (value === undefined) return;
    if (option.each) {
      this.given.set(name, entry.value);
      this.#mapOf(key).set(name, value);
    } else {
      this.given.set(key, entry.value);
      this.values[key] = value;
    }
  }

  /** Defaults for what was not given; errors for what must be. */
  fillIn(): void {
    for (const [key, option] of Object.entries(this.#table.specs)) {
      if (option.each) {
        this.#mapOf(key);
      } else if (!(key in this.values)) {
        this.values[key] = option.default === undefined ? undefined : option.parse(option.default);
        if (option.required && !this.errors.some((e) => e.key === key)) {
          this.errors.push(new OptionError(this.#volume.name, key, undefined, 'is missing', this.#volume.line));
        }
      }
    }
  }

  #value(option: Option<unknown>, name: string, text: string, line: number): unknown {
    try {
      return option.parse(text);
    } catch (e) {
      if (!(e instanceof BadValue)) throw e;
      this.errors.push(new OptionError(this.#volume.name, name, text, e.message, line));
      return undefined;
    }
  }

  #mapOf(key: string): Map<string, unknown> {
    const have = this.values[key];
    if (have instanceof Map) return have;
    const map = new Map<string, unknown>();
    this.values[key] = map;
    return map;
  }

  #unknown(name: string, line: number): void {
    const message = `option ${shown(name)} is not known and has no effect`;
    this.warnings.push({ severity: 'warning', line, volume: this.#volume.name, message });
  }
}

/** Options that differ between two readings of one table: those that a running translator takes over, and those it can't. */
export interface OptionChanges {
  readonly live: readonly string[];
  readonly frozen: readonly string[];
}

export function changedOptions(
  table: OptionTable,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): OptionChanges {
  const live: string[] = [];
  const frozen: string[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const key = keyFor(table, name);
    if (key === undefined) continue;
    const option = specOf(table, key);
    const unset = option.each ? undefined : option.default;
    if ((before.get(name) ?? unset) === (after.get(name) ?? unset)) continue;
    (option.live ? live : frozen).push(name);
  }
  return { live, frozen };
}
