/** features/thin-arbiter: a tie-breaker for two-way replicas. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { ThinArbiterTranslator } from './thin-arbiter.js';

export const definition = defineTranslator({
  type: 'features/thin-arbiter',
  options,
  implemented: true,
  demands: [{ needs: 'a tie-breaker' }],
  create: (init) => new ThinArbiterTranslator(init),
});
