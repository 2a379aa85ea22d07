/**
 * Volfile text → nodes in definition order. Grammar: any number of
 *
 *   volume NAME
 *     type TYPE
 *     option KEY VALUE      (any number)
 *     subvolumes NAME …     (at most once, before, after or among the options; the names defined above)
 *   end-volume
 *
 * The last volume is the top. A parser never throws on bad text: it collects what is wrong and goes on at the next volume.
 */
import { backquoteLine, Lexer, Token } from './lexer.js';
import { shown, VolfileError, type VolfileProblem } from './problem.js';

export interface OptionEntry {
  readonly value: string;
  /** Line in the volfile; 0 if it doesn't come from there. */
  readonly line: number;
  /** Set where the option was put in by a rule, not by the author of the volfile: an unknown key is no cause to warn. */
  readonly implied?: boolean;
}

export interface VolfileNode {
  readonly name: string;
  readonly type: string;
  /** Line of the `volume` word. */
  readonly line: number;
  /** In the order of the file. */
  readonly options: Map<string, OptionEntry>;
  readonly subvolumes: readonly string[];
}

export interface ParseResult {
  /** Complete volumes in definition order, the last one the top. Only of use when there is no error among the problems. */
  readonly nodes: VolfileNode[];
  readonly problems: VolfileProblem[];
}

/** A file with more errors than this is not a volfile: the rest goes unreported. */
const MAX_PROBLEMS = 50;
const EXPECTED = "expected 'type', 'option', 'subvolumes' or 'end-volume'";

/** Parses volfile text (a byte string). Throws VolfileError, naming `file`, on any error. */
export function parseVolfile(text: string, file: string): VolfileNode[] {
  const { nodes, problems } = scanVolfile(text);
  if (problems.some((p) => p.severity === 'error')) throw new VolfileError(file, problems);
  return nodes;
}

/** Parses volfile text (a byte string) and tells all that is wrong with it. Never throws. */
export function scanVolfile(text: string): ParseResult {
  return new Parser(text).run();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #text: string;
  readonly #nodes: VolfileNode[] = [];
  readonly #problems: VolfileProblem[] = [];
  /** Line of definition by name, broken volumes included, so that one mistake is reported once. */
  readonly #defined = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
    this.#lexer = new Lexer(text);
  }

  run(): ParseResult {
    const line = backquoteLine(this.#text);
    if (line > 0) {
      this.#error('a back-quoted command is not supported and was not run; write its output instead', line, undefined);
      return { nodes: [], problems: this.#problems };
    }
    this.#lexer.next();
    while (this.#lexer.token !== Token.end && this.#problems.length < MAX_PROBLEMS) {
      if (this.#lexer.token === Token.volume) {
        this.#volume();
      } else {
        this.#error(`${this.#word()} is outside of any volume; expected 'volume NAME'`);
        this.#skipToVolume();
      }
    }
    if (this.#nodes.length === 0 && this.#problems.length === 0) this.#error('the volfile defines no volume');
    return { nodes: this.#nodes, problems: this.#problems };
  }

  /** The current word as messages show it. */
  #word(): string {
    const { token, text } = this.#lexer;
    if (token === Token.end) return 'the end of the file';
    return token === Token.unclosed ? `the string ${shown(text)}, which no quote closes,` : shown(text);
  }

  #error(message: string, line = this.#lexer.line, volume?: string): void {
    this.#problems.push({ severity: 'error', line, volume, message });
  }

  #skipToVolume(): void {
    const lexer = this.#lexer;
    while (lexer.token !== Token.end && lexer.token !== Token.volume) lexer.next();
  }

  /** One volume, from its `volume` word to after `end-volume`; on an error, to the next `volume` word. */
  #volume(): void {
    const lexer = this.#lexer;
    const line = lexer.line;
    if (lexer.next() !== Token.word) {
      this.#error(`${this.#word()} can't be the name of a volume`);
      if (lexer.token !== Token.volume) this.#skipToVolume();
      return;
    }
    const name = lexer.text;
    if (name === '') this.#error('a volume needs a name');
    const before = this.#defined.get(name);
    if (before !== undefined) this.#error(`is defined again; it was defined on line ${before} already`, line, name);
    lexer.next();
    const options = new Map<string, OptionEntry>();
    const subvolumes: string[] = [];
    const type = this.#body(name, line, options, subvolumes);
    this.#defined.set(name, before ?? line);
    if (type === undefined) this.#skipToVolume();
    else this.#nodes.push({ name, type, line, options, subvolumes });
  }

  /** The lines of a volume. Returns its type, or undefined after an error that spoils the rest of the volume. */
  #body(name: string, line: number, options: Map<string, OptionEntry>, subvolumes: string[]): string | undefined {
    const lexer = this.#lexer;
    let type: string | undefined;
    let typeMissing = false;
    for (;;) {
      const token = lexer.token;
      if (
        token !== Token.type &&
        type === undefined &&
        !typeMissing &&
        token >= Token.option &&
        token <= Token.endVolume
      ) {
        this.#error(`has no type: 'type' must come before ${this.#word()}`, lexer.line, name);
        typeMissing = true;
      }
      if (token === Token.type) {
        if (type !== undefined) return this.#spoilt(`has a second 'type'`, name);
        if (lexer.next() !== Token.word) return this.#spoilt(`'type' has no value; found ${this.#word()}`, name);
        if (lexer.text === '') this.#error(`'type' has an empty value`, lexer.line, name);
        type = lexer.text;
        lexer.next();
      } else if (token === Token.option) {
        if (!this.#option(name, options)) return undefined;
      } else if (token === Token.subvolumes) {
        if (subvolumes.length > 0) return this.#spoilt(`has a second 'subvolumes'`, name);
        if (!this.#subvolumes(name, subvolumes)) return undefined;
      } else if (token === Token.endVolume) {
        lexer.next();
        return type;
      } else if (token === Token.end || token === Token.volume) {
        return this.#spoilt(`has no 'end-volume' before ${this.#word()}`, name, line);
      } else {
        return this.#spoilt(`${this.#word()} is out of place; ${EXPECTED}`, name);
      }
    }
  }

  #spoilt(message: string, volume: string, line = this.#lexer.line): undefined {
    this.#error(message, line, volume);
    return undefined;
  }

  #option(name: string, options: Map<string, OptionEntry>): boolean {
    const lexer = this.#lexer;
    const line = lexer.line;
    if (lexer.next() !== Token.word) {
      this.#error(`'option' has no key; found ${this.#word()}`, line, name);
      return false;
    }
    const key = lexer.text;
    if (lexer.next() !== Token.word) {
      this.#error(`option ${shown(key)} has no value; found ${this.#word()}`, line, name);
      return false;
    }
    const value = lexer.text;
    lexer.next();
    // glusterfsd drops an option with an empty key or value and goes on.
    if (key === '' || value === '') {
      this.#warn(`option ${shown(key)} is ignored: its ${key === '' ? 'key' : 'value'} is empty`, line, name);
    } else {
      if (options.has(key)) this.#warn(`option ${shown(key)} is given again; the last value counts`, line, name);
      options.set(key, { value, line });
    }
    return true;
  }

  #warn(message: string, line: number, volume: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ severity: 'warning', line, volume, message });
  }

  #subvolumes(name: string, into: string[]): boolean {
    const lexer = this.#lexer;
    const line = lexer.line;
    const seen = new Set<string>();
    while (lexer.next() === Token.word) {
      const child = lexer.text;
      if (child === name) this.#error('names itself as its subvolume', lexer.line, name);
      else if (!this.#defined.has(child))
        this.#error(`subvolume ${shown(child)} is not defined above it`, lexer.line, name);
      else if (seen.has(child)) this.#error(`names subvolume ${shown(child)} twice`, lexer.line, name);
      seen.add(child);
      into.push(child);
      if (this.#problems.length >= MAX_PROBLEMS) return false;
    }
    if (into.length === 0) this.#error(`'subvolumes' names none; found ${this.#word()}`, line, name);
    return into.length > 0;
  }
}
