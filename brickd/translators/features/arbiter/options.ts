/** Options of features/arbiter, a brick that keeps names and metadata but no data: none. */
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({});
export type Options = OptionsOf<typeof options>;
