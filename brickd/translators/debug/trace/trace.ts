/**
 * debug/trace: writes down each fop that passes it, and its outcome: in the brick's log, in a history that the statedump shows, or both.
 * A line is `<number>: …`, by which the line of an outcome finds that of its fop; its place in the log is `trace_<fop>` or
 * `trace_<fop>_cbk`.
 */
import { loggerFor, Severity, type SeverityNumber } from '../../../../mux/base/log.js';
import { formatTime, nowUs } from '../../../../mux/base/time-text.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import { fopByName } from '../../../../mux/xlator/fop-table.js';
import type { FopName } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { ALL_FOPS, chosenFops } from '../fop-choice.js';
import { argumentsText, replyText } from './describe.js';
import { History } from './history.js';
import type { Options } from './options.js';

export class TraceTranslator extends Translator<Options> {
  readonly #log;
  readonly #severity: SeverityNumber;
  readonly #history: History;
  #traced: ReadonlySet<FopName> = new Set();
  #number = 0;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
    this.#severity = severityOf(init.options['force-log-level']);
    this.#history = new History(init.options['history-size']);
    this.#choose();
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#choose();
    if (!options['log-history']) this.#history.clear();
  }

  #choose(): void {
    const include = this.options['include-ops'];
    const exclude = this.options['exclude-ops'];
    const chosen = (names: readonly string[]): ReadonlySet<FopName> =>
      chosenFops(names, false, (name) => this.#log.warning(0, `${this.brick.name}: unknown fop '${name}' to trace`));
    if (include !== undefined) {
      if (exclude !== undefined)
        this.#log.warning(0, `${this.brick.name}: both include-ops and exclude-ops are set: include-ops is used`);
      this.#traced = chosen(include);
    } else if (exclude !== undefined) {
      const left = chosen(exclude);
      this.#traced = new Set(ALL_FOPS.filter((name) => !left.has(name)));
    } else this.#traced = new Set(ALL_FOPS);
  }

  get #on(): boolean {
    return this.options['log-file'] || this.options['log-history'];
  }

  override wants(fop: FopName): boolean {
    return this.#on && this.#traced.has(fop);
  }

  /** A number for the lines of a fop. */
  numbered(): number {
    this.#number++;
    return this.#number;
  }

  write(what: string, text: string): void {
    if (this.options['log-history']) this.#history.add(nowUs(), text);
    if (this.options['log-file']) this.#log.traced(this.#severity, what, text);
  }

  override release(fd: Fd): void {
    if (!fd.anonymous && (this.wants('open') || this.wants('create'))) this.#released('trace_release', fd);
  }
  override releasedir(fd: Fd): void {
    if (!fd.anonymous && this.wants('opendir')) this.#released('trace_releasedir', fd);
  }
  #released(what: string, fd: Fd): void {
    this.write(what, `gfid=${gfidText(fd.inode.gfid)} fd=${fd.number}`);
  }
  override forget(inode: Inode): void {
    if (this.wants('lookup')) this.write('trace_forget', `gfid=${gfidText(inode.gfid)}`);
  }

  override dump(): DumpSection[] {
    if (!this.options['log-history']) return [];
    const lines: string[] = [];
    for (const { timeUs, text } of this.#history.events())
      lines.push(`TIME=${formatTime(timeUs, false)}`, `FOP=${text}`, '');
    return [{ title: 'xlator.debug.trace.history', lines }];
  }
}

function severityOf(level: Options['force-log-level']): SeverityNumber {
  return Severity[level.toLowerCase() as Lowercase<typeof level>];
}

/** Gluster's name of a fop in the names of its functions. */
const nameOf = (fop: FopName): string => (fop === 'copyFileRange' ? fopByName(fop).display.toLowerCase() : fop);

intercept(TraceTranslator, ALL_FOPS, (name) => {
  const asked = `trace_${nameOf(name)}`;
  const answered = `${asked}_cbk`;
  return function (call, args) {
    const number = this.numbered();
    const succeeded = <R extends object>(reply: R): R => {
      this.write(answered, `${number}: ${replyText(reply)}`);
      return reply;
    };
    const failed = (error: unknown): never => {
      const errno = error instanceof FopError ? `op_errno=${error.errno}` : 'an exception';
      this.write(answered, `${number}: op_ret=-1, ${errno}`);
      throw error;
    };
    this.write(asked, `${number}: ${argumentsText(args)}`);
    try {
      const reply = below(this, name)(call, args);
      return reply instanceof Promise ? reply.then(succeeded, failed) : succeeded(reply);
    } catch (error) {
      return failed(error);
    }
  };
});
