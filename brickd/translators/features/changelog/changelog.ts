/** features/changelog while it is off: keeps its directories in place, for when it is turned on. */

import { Translator } from '../../../../mux/xlator/translator.js';
import { bytesOfLatin1 } from '../../../../native/bytes.js';
import { makeDirectory } from '../../directories.js';
import type { Options } from './options.js';

export class ChangelogTranslator extends Translator<Options> {
  override async init(): Promise<void> {
    const dir = this.options['changelog-dir'];
    if (dir === undefined) return;
    for (const name of ['', '/htime', '/csnap']) {
      await makeDirectory(this.brick.name, bytesOfLatin1(`${dir}${name}`), 0o600);
    }
  }
}
