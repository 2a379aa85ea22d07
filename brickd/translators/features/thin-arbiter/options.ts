/** Options of features/thin-arbiter, a tie-breaker for two-way replicas: none. */
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({});
export type Options = OptionsOf<typeof options>;
