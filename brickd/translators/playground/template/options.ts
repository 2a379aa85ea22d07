/** Options of playground/template. */
import { int } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Has no effect; shows how an option is declared. */
  dummy: int({ default: '1', min: 1, max: 1024 }),
});
export type Options = OptionsOf<typeof options>;
