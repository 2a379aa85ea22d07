/** debug/delay-gen: makes requests slow, for tests. */
import { defineTranslator } from '../../definition.js';
import { DelayGenTranslator } from './delay-gen.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'debug/delay-gen',
  options,
  implemented: true,
  demands: [{ needs: 'delays for tests' }],
  create: (init) => new DelayGenTranslator(init),
});
