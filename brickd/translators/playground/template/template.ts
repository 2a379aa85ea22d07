/**
 * playground/template: passes every fop on unchanged, like the translator of this name in GlusterFS. Copy the folder to write a
 * new one:
 *
 * 1. Copy `playground/template` to `<category>/<name>`, the type as volfiles have it, and rename class and file.
 * 2. options.ts declares the options of the volfile; their TypeScript types follow from the table.
 * 3. definition.ts says which options ask for something that must not be left undone (`demands`), what of it is implemented,
 *    and how the translator is made.
 * 4. Fops that the translator cares about are methods of the class with their names in `Fops` (mux/xlator/fops.ts): the stack
 *    links past all others. A method passes a fop on by `return this.next.<fop>(call, args)` and fails it by
 *    `throw failure(errno)`. It must not change args that it passes on; a dict of xdata is copied first. What should happen after the
 *    lower translators have done their work goes behind `await`, or `then` where a fop that did not have to wait should not be made to.
 *    Many fops that are treated alike: `intercept` (mux/xlator/intercept.ts).
 * 5. State belongs to objects that end: `inode.ctx[this.slot]` until `forget`, `fd.ctx[this.slot]` until `release`,
 *    `client.ctx[this.slot]` until `clientGone`, the translator's own until `fini`.
 * 6. `npm run build:ts` finds the folder. Tests: test/unit/translators/template.test.ts.
 *
 * Everything here but the dump can be left out: the base class does the same.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import type { MaybePromise, OpenArgs, Xdata } from '../../../../mux/xlator/fops.js';
import { type DumpSection, Translator } from '../../../../mux/xlator/translator.js';
import type { Options } from './options.js';

export class TemplateTranslator extends Translator<Options> {
  /** Comes up after the translators below it. An Error thrown here keeps the brick from starting. */
  override async init(): Promise<void> {}

  /** The options have changed while the brick runs. An Error thrown here refuses them; the old ones stay. */
  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
  }

  /** The last call is over and the clients are gone. */
  override async fini(): Promise<void> {}

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    return this.next.open(call, args);
  }

  override dump(): DumpSection[] {
    return [{ title: this.name, lines: [`template.dummy=${this.options.dummy}`] }];
  }
}
