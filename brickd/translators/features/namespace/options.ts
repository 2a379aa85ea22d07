/** Options of features/namespace: tags requests with the top-level directory that they are in. */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'tag-namespaces': bool({ default: 'off' }),
});
export type Options = OptionsOf<typeof options>;
