/** features/read-only: refuses changes. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { ReadOnlyTranslator } from './read-only.js';

export const definition = defineTranslator({
  type: 'features/read-only',
  options,
  implemented: true,
  demands: [{ option: 'read-only', needs: 'protection from writes' }],
  guards: /^read-only$/,
  create: (init) => new ReadOnlyTranslator(init),
});
