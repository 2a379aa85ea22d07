/**
 * Parses command lines as GNU argp does: `--name=value` or `--name value`, unambiguous abbreviations, clusters of short
 * options (`-Nl FILE`, `-lFILE`), `--` ends the options. Options and arguments keep their order.
 */

export type Takes = 'nothing' | 'value' | 'optional';

/** One option of a table. */
export interface OptionSpec {
  /** Long name without dashes. */
  name: string;
  /** One-letter name. */
  letter?: string;
  takes: Takes;
  /** Placeholder of the value in the help. */
  value?: string;
  help: string;
  /** Not shown in the help. */
  hidden?: boolean;
  /** Second name of another option: results carry that name. */
  aliasOf?: string;
}

/** A command line that cannot be used. `text` is what standard error shows, complete. */
export class UsageError {
  readonly text: string;
  readonly exitStatus: number;

  constructor(text: string, exitStatus: number) {
    this.text = text;
    this.exitStatus = exitStatus;
  }
}

/** Exit status of an unknown or malformed option (EX_USAGE). */
const EX_USAGE = 64;

export interface ParsedOption {
  name: string;
  /** Undefined when no value was given. */
  value: string | undefined;
}

export interface ParsedLine {
  options: ParsedOption[];
  args: string[];
}

/** program: how messages call it. Throws UsageError. */
export function parseLine(table: readonly OptionSpec[], argv: readonly string[], program: string): ParsedLine {
  const result: ParsedLine = { options: [], args: [] };
  const refuse = (message: string): UsageError => {
    const hint = `Try \`${program} --help' or \`${program} --usage' for more information.`;
    return new UsageError(`${program}: ${message}\n${hint}\n`, EX_USAGE);
  };
  const add = (spec: OptionSpec, value: string | undefined): void => {
    result.options.push({ name: spec.aliasOf ?? spec.name, value });
  };

  const long = (word: string, rest: string[]): void => {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const spec = findLong(table, name, word, refuse);
    const given = equals < 0 ? undefined : word.slice(equals + 1);
    if (spec.takes === 'nothing' && given !== undefined)
      throw refuse(`option '--${spec.name}' doesn't allow an argument`);
    const missing = spec.takes === 'value' && given === undefined;
    if (missing && rest.length === 0) throw refuse(`option '--${spec.name}' requires an argument`);
    add(spec, missing ? rest.shift() : given);
  };

  const cluster = (word: string, rest: string[]): void => {
    for (let i = 1; i < word.length; i++) {
      const letter = word.charAt(i);
      const spec = table.find((s) => s.letter === letter);
      if (spec === undefined) throw refuse(`invalid option -- '${letter}'`);
      if (spec.takes === 'nothing') {
        add(spec, undefined);
        continue;
      }
      const tail = word.slice(i + 1);
      const missing = spec.takes === 'value' && tail === '';
      if (missing && rest.length === 0) throw refuse(`option requires an argument -- '${letter}'`);
      add(spec, missing ? rest.shift() : tail === '' ? undefined : tail);
      return;
    }
  };

  const rest = [...argv];
  for (;;) {
    const word = rest.shift();
    if (word === undefined) return result;
    if (word === '--') {
      result.args.push(...rest);
      return result;
    }
    if (word.startsWith('--')) long(word, rest);
    else if (word.startsWith('-') && word.length > 1) cluster(word, rest);
    else result.args.push(word);
  }
}

function findLong(
  table: readonly OptionSpec[],
  name: string,
  word: string,
  refuse: (message: string) => UsageError,
): OptionSpec {
  const exact = table.find((s) => s.name === name);
  if (exact !== undefined) return exact;
  const candidates = table.filter((s) => s.name.startsWith(name));
  const [first] = candidates;
  if (first === undefined) throw refuse(`unrecognized option '${word.split('=', 1)[0]}'`);
  // Several spellings of one option are no ambiguity.
  const meanings = new Set(candidates.map((s) => s.aliasOf ?? s.name));
  if (meanings.size > 1) {
    const list = candidates.map((s) => `'--${s.name}'`).join(' ');
    throw refuse(`option '${word}' is ambiguous; possibilities: ${list}`);
  }
  return first;
}
