/** features/arbiter: a brick that keeps names and metadata but no data. */
import { defineTranslator } from '../../definition.js';
import { ArbiterTranslator } from './arbiter.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/arbiter',
  options,
  implemented: true,
  demands: [{ needs: 'a brick without data' }],
  create: (init) => new ArbiterTranslator(init),
});
