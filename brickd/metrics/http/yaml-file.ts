/**
 * Reads YAML files and checks their keys and values one by one: all problems are reported at once, each with its line.
 */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';

/** What is wrong with a file; the message has one line for each problem. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export class YamlFile {
  readonly path: string;
  readonly #lines = new LineCounter();
  readonly #problems: { line: number; text: string }[] = [];
  readonly root: YamlMap;

  constructor(path: string, text: string) {
    this.path = path;
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, prettyErrors: false });
    for (const error of [...document.errors, ...document.warnings]) this.problem(error.pos[0], error.message);
    const { contents } = document;
    const fit = isMap(contents) || contents === null || (isScalar(contents) && contents.value === null);
    if (!fit && this.#problems.length === 0) this.problem(contents?.range?.[0] ?? 0, 'keys and values are expected');
    this.root = new YamlMap(this, isMap(contents) ? contents : null, '');
  }

  /** Reads and parses a file. Throws the error of the file system. */
  static read(path: string): YamlFile {
    return new YamlFile(path, readFileSync(path, 'utf8'));
  }

  /** offset: of the character at which it is. */
  problem(offset: number, text: string): void {
    this.#problems.push({ line: this.#lines.linePos(offset).line || 1, text });
  }

  /** Throws a {@link ConfigError} if anything is wrong. */
  check(): void {
    if (this.#problems.length === 0) return;
    const sorted = this.#problems.toSorted((a, b) => a.line - b.line);
    throw new ConfigError(sorted.map(({ line, text }) => `${this.path}:${line}: ${text}`));
  }
}

const offsetOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0;

/** Keys and values. Each value is asked for as what it should be; {@link only} tells of keys that nobody asks for. */
export class YamlMap {
  readonly #file: YamlFile;
  readonly #map: YAMLMap | null;
  /** Keys that lead here, with a dot after each. */
  readonly #prefix: string;

  constructor(file: YamlFile, map: YAMLMap | null, prefix: string) {
    this.#file = file;
    this.#map = map;
    this.#prefix = prefix;
  }

  get there(): boolean {
    return this.#map !== null;
  }

  #pairs(): Pair<Node, Node | null>[] {
    return (this.#map?.items ?? []) as Pair<Node, Node | null>[];
  }

  #keyOf(pair: Pair<Node, Node | null>): string {
    return isScalar(pair.key) ? String(pair.key.value) : '';
  }

  #value(key: string): Node | null {
    return this.#pairs().find((p) => this.#keyOf(p) === key)?.value ?? null;
  }

  /** Tells of a problem with the value of a key, or with the key itself. */
  wrong(key: string, text: string): void {
    const pair = this.#pairs().find((p) => this.#keyOf(p) === key);
    this.#file.problem(offsetOf(pair?.value ?? pair?.key ?? this.#map), `${this.#prefix}${key}: ${text}`);
  }

  /** Problems for all keys but these. */
  only(...known: string[]): this {
    for (const pair of this.#pairs()) {
      const key = this.#keyOf(pair);
      if (known.includes(key)) continue;
      this.#file.problem(offsetOf(pair.key), `${this.#prefix}${key}: no such setting; there are ${known.join(', ')}`);
    }
    return this;
  }

  keys(): string[] {
    return this.#pairs().map((p) => this.#keyOf(p));
  }

  map(key: string): YamlMap {
    const value = this.#value(key);
    const fit = isMap(value) ? value : null;
    if (fit === null && value !== null && !(isScalar(value) && value.value === null))
      this.wrong(key, 'keys and values are expected');
    return new YamlMap(this.#file, fit, `${this.#prefix}${key}.`);
  }

  /** Text; numbers are taken as they are written. */
  text(key: string): string | undefined {
    const value = this.#value(key);
    if (value === null) return undefined;
    const text = this.#scalar(value);
    if (text === undefined) this.wrong(key, 'text is expected');
    return text;
  }

  #scalar(node: Node): string | undefined {
    if (!isScalar(node)) return undefined;
    if (typeof node.value === 'string') return node.value;
    return typeof node.value === 'number' ? (node.source ?? String(node.value)) : undefined;
  }

  boolean(key: string): boolean | undefined {
    const value = this.#value(key);
    if (value === null) return undefined;
    if (isScalar(value) && typeof value.value === 'boolean') return value.value;
    this.wrong(key, 'true or false is expected');
    return undefined;
  }

  /** One of some words. */
  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    if ((choices as readonly string[]).includes(text)) return text as T;
    this.wrong(key, `${text} is none of ${choices.join(', ')}`);
    return undefined;
  }

  /** A text or a list of them, each with the means to tell that it is wrong. */
  list(key: string): { text: string; wrong: (problem: string) => void }[] {
    const value = this.#value(key);
    if (value === null) return [];
    const items = isSeq(value) ? (value.items as Node[]) : [value];
    return items.flatMap((item) => {
      const text = this.#scalar(item);
      const wrong = (problem: string): void => this.#file.problem(offsetOf(item), `${this.#prefix}${key}: ${problem}`);
      if (text === undefined) wrong('text is expected');
      return text === undefined ? [] : [{ text, wrong }];
    });
  }
}
