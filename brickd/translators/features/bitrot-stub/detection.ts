/**
 * What there is of a brick's bit-rot detection from when it is switched on until it is switched off: the states of files, the signer, the
 * list of bad files as clients see it. What was known before is not relied on: files may have changed meanwhile.
 */
import type { Logger } from '../../../../mux/base/log.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { BadFilesDirectory } from './bad-files-directory.js';
import { Objects } from './objects.js';
import type { Quarantine } from './quarantine.js';
import { Signer } from './signer.js';
import type { BootTime } from './xattr-formats.js';

export class Detection {
  readonly quarantine: Quarantine;
  readonly objects: Objects;
  readonly signer: Signer;
  readonly directory: BadFilesDirectory;

  constructor(layer: Translator, quarantine: Quarantine, boot: BootTime, log: Logger) {
    this.quarantine = quarantine;
    this.objects = new Objects(layer, quarantine, boot, log);
    this.signer = new Signer(layer, this.objects, quarantine, log);
    this.directory = new BadFilesDirectory(layer, quarantine);
  }
}
