/** The part of features/marker that accounts for quota what directories hold. */
import { Translator } from '../../../../../mux/xlator/translator.js';
import type { Options } from '../options.js';

export class QuotaAccounting extends Translator<Options> {}
