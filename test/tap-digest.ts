/** Condenses TAP 14 with nested tests: a line per test, failures in full, counts of the single assertions. */

const POINT = /^(?<indent> *)(?<not>not )?ok\b(?: \d+)?(?: - )?(?<rest>.*)$/;
const TIME = / # time=(?<time>[\d.]+)ms$/;
const DIRECTIVE = / # (?<kind>SKIP|TODO)\b ?(?<reason>.*)$/i;
const INDENT = 4;

interface Level {
  failed: number;
  points: number;
}

export class TapDigest {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** What has been counted inside the tests that are open, by depth. */
  #levels: Level[] = [];
  /** Indentation of a failure's details while they last; -1 else. */
  #details = -1;
  /** Details of what is told already: not shown. */
  #silent = false;

  /** Takes a line of TAP; returns what to print of it, '' for nothing. */
  take(line: string): string {
    const depth = Math.floor(line.search(/\S|$/) / INDENT);
    if (this.#details >= 0) {
      const said = this.#silent ? '' : line;
      if (line.startsWith('...', this.#details)) this.#details = -1;
      return said;
    }
    const point = POINT.exec(line);
    if (point?.groups !== undefined) return this.#point(depth, point.groups, line);
    if (/^ *---$/.test(line)) {
      this.#details = line.indexOf('-');
      this.#silent = !this.#lastFailed;
      return this.#silent ? '' : line;
    }
    if (/^ *Bail out!/.test(line)) {
      this.failed++;
      return line;
    }
    // Remarks of tests; tap's own are times, plans and names of subtests.
    if (/^ *# (?!Subtest|time=|\{|No coverage)/.test(line)) return line;
    return '';
  }

  #lastFailed = false;

  #point(depth: number, { not, rest = '' }: Record<string, string | undefined>, line: string): string {
    const children = this.#levels.length > depth + 1 ? this.#levels[depth + 1] : undefined;
    this.#levels.length = Math.min(this.#levels.length, depth + 1);
    while (this.#levels.length <= depth) this.#levels.push({ failed: 0, points: 0 });
    const level = this.#levels[depth]!;
    level.points++;
    const time = TIME.exec(rest)?.groups?.['time'];
    const text = rest.replace(TIME, '');
    const directive = DIRECTIVE.exec(text)?.groups;
    const failing = not !== undefined && directive?.['kind']?.toUpperCase() !== 'TODO';
    this.#lastFailed = failing;
    if (failing) level.failed++;
    if (children !== undefined && children.points > 0) {
      // The closing line of a test: its parts are counted already, unless it failed as a whole (a time-out, a missing plan).
      this.#lastFailed = failing && children.failed === 0;
      if (this.#lastFailed) this.failed++;
      const mark = failing ? 'FAILED  ' : 'passed  ';
      return depth > 1 && !failing
        ? ''
        : `${mark} ${'  '.repeat(depth)}${text}${time === undefined ? '' : ` (${(Number(time) / 1000).toFixed(1)} s)`}`;
    }
    if (directive?.['kind'] !== undefined && !failing) {
      this.skipped++;
      return `skipped  ${'  '.repeat(depth)}${text.replace(DIRECTIVE, '')}: ${directive['reason'] || 'no reason given'}`;
    }
    if (failing) {
      this.failed++;
      return line;
    }
    this.passed++;
    return '';
  }
}
