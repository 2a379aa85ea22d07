/** debug/error-gen: makes requests fail, for tests. */
import { defineTranslator } from '../../definition.js';
import { ErrorGenTranslator } from './error-gen.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'debug/error-gen',
  options,
  implemented: true,
  demands: [{ needs: 'failures for tests' }],
  create: (init) => new ErrorGenTranslator(init),
});
