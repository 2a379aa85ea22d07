/** features/simple-quota: limits on the space that namespaces take (GlusterFS 11). */
import { defineTranslator } from '../../definition.js';
import { options, SIMPLE_QUOTA_TYPE } from './options.js';
import { SimpleQuotaTranslator } from './simple-quota.js';

export const definition = defineTranslator({
  type: SIMPLE_QUOTA_TYPE,
  options,
  implemented: true,
  demands: [
    { option: 'pass-through', when: (o) => !o['pass-through'], needs: 'limits on the space that namespaces take' },
  ],
  create: (init) => new SimpleQuotaTranslator(init),
});
