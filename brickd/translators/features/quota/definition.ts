/** features/quota: limits of directories. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { QuotaTranslator } from './quota.js';

export const definition = defineTranslator({
  type: 'features/quota',
  options,
  implemented: true,
  demands: [{ option: 'server-quota', needs: 'enforcement of quota limits' }],
  create: (init) => new QuotaTranslator(init),
});
