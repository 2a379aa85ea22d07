/**
 * Options of user/qos. Their names hold the names of tenants, and glusterd takes any: what they mean is found out in settings.ts,
 * and what can't be used never makes the volfile bad.
 */
import { each, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const QOS_TYPE = 'user/qos';

export const options = defineOptions({ '*': each(str()) });
export type Options = OptionsOf<typeof options>;
