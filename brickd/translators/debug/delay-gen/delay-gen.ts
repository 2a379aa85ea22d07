/** debug/delay-gen: delays a share of the requests, for tests. */
import type { FopName } from '../../../../mux/xlator/fops.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { ALL_FOPS, chosenFops } from '../fop-choice.js';
import type { Options } from './options.js';

export class DelayGenTranslator extends Translator<Options> {
  readonly #fops: ReadonlySet<FopName>;
  /** 0 to 1. */
  readonly #share: number;
  readonly #delayMs: number;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    const { options: o, name, brick } = init;
    this.#fops = chosenFops(o.enable, true, (fop) => {
      throw new Error(`brick ${brick.name}: volume ${name}: option enable: ${fop} is no fop`);
    });
    this.#share = o['delay-percentage'] / 100;
    this.#delayMs = o['delay-duration'] / 1000;
  }

  override wants(fop: FopName): boolean {
    return this.#fops.has(fop) && this.#share > 0;
  }

  /** Null: not this time. */
  delay(): Promise<void> | null {
    if (Math.random() >= this.#share) return null;
    return new Promise((resolve) => {
      this.brick.timer(this.#delayMs, false, resolve);
    });
  }
}

intercept(
  DelayGenTranslator,
  ALL_FOPS,
  (name) =>
    function (call, args) {
      const delay = this.delay();
      return delay === null ? below(this, name)(call, args) : delay.then(() => below(this, name)(call, args));
    },
);
