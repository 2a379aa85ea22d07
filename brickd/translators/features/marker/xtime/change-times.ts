/** The part of features/marker that notes for geo-replication when files, and what is below directories, have changed. */
import { Translator } from '../../../../../mux/xlator/translator.js';
import type { Options } from '../options.js';

export class ChangeTimes extends Translator<Options> {}
