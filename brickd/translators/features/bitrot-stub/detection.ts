/**
 * The state of a brick's bit-rot detection while it is on: states of files, the signer, the list of bad files. Nothing
 * is kept while it is off, because files may change meanwhile.
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
