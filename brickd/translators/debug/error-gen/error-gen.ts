/** debug/error-gen: makes a share of requests fail, for tests. */
import { constants } from 'node:os';
import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { FopName, MaybePromise, WriteArgs, WriteReply } from '../../../../mux/xlator/fops.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { EAGAIN } from '../../../../native/errno.js';
import { chosenFops } from '../fop-choice.js';
import { ERRORS, SHORT_WRITE } from './errors.js';
import type { Options } from './options.js';

const errnos = constants.errno as Readonly<Record<string, number>>;

export class ErrorGenTranslator extends Translator<Options> {
  #fops: ReadonlySet<FopName> = new Set();
  /** Requests since the last one that failed, and after how many the next one does (random-failure). */
  #count = 0;
  #every = 0;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#adopt(init.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#adopt(options);
  }

  #adopt(options: Options): void {
    const log = loggerFor(this.name);
    if (options.enable === undefined) log.warning(0, 'All fops are enabled.');
    this.#fops = chosenFops(options.enable, false, (fop) => log.warning(0, `Wrong option value ${fop}`));
  }

  override wants(fop: FopName): boolean {
    return this.#fops.has(fop);
  }

  override dump(): DumpSection[] {
    const { 'random-failure': random, 'error-no': error } = this.options;
    const lines = [
      `op_count=${this.#count}`,
      `failure_iter_no=${this.#every}`,
      `error_no=${error === undefined ? 0 : (errnos[error] ?? 0)}`,
      `random_failure=${random ? 1 : 0}`,
    ];
    return [{ title: `xlator.debug.error-gen.${this.name}.priv`, lines }];
  }

  /** Name of the error that a request fails with; null: it passes. */
  draw(fop: FopName): string | null {
    if (this.options['random-failure']) {
      // Every so many requests, and after each failure another so many.
      if (this.#every === 0) this.#every = nextInterval();
      if (++this.#count < this.#every) return null;
      this.#count = 0;
      this.#every = nextInterval();
      if (this.options['error-no'] !== undefined) return this.options['error-no'];
    } else if (Math.random() * 100 >= (this.options.failure ?? 0)) {
      return null;
    }
    const errors = ERRORS[fop] ?? [];
    return errors[Math.floor(Math.random() * errors.length)] ?? null;
  }

  refuse(fop: FopName, error: string): never {
    loggerFor(this.name).error(0, `${fop}: unwind(-1, ${error})`);
    throw failure(errnos[error] ?? EAGAIN);
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    const error = this.draw('writev');
    if (error === null) return this.next.writev(call, args);
    if (error !== SHORT_WRITE) this.refuse('writev', error);
    return this.next.writev(call, { ...args, size: args.size >> 1 });
  }
}

const nextInterval = (): number => 3 + Math.floor(Math.random() * 42);

const others = (Object.keys(ERRORS) as FopName[]).filter((name) => name !== 'writev');
intercept(
  ErrorGenTranslator,
  others,
  (name) =>
    function (call, args) {
      const error = this.draw(name);
      if (error !== null) this.refuse(name, error);
      return below(this, name)(call, args);
    },
);
