/** features/changelog while it is off: keeps its directories in place, for when it is turned on. */
import { Translator } from '../../../../posix/contract/translator.js';
import { makeDirectory } from '../../directories.js';
import type { Options } from './options.js';

export class ChangelogTranslator extends Translator<Options> {
  override async init(): Promise<void> {
    const dir = this.options['changelog-dir'];
    if (dir === undefined) return;
    for (const path of [dir, `${dir}/htime`, `${dir}/csnap`]) await makeDirectory(this.brick.name, path, 0o600);
  }
}
