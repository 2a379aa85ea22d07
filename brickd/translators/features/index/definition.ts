/** features/index: the list of files that await healing. */
import { defineTranslator } from '../../definition.js';
import { IndexTranslator } from './index.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/index',
  options,
  implemented: true,
  demands: [{ needs: 'the index of files to heal' }],
  create: (init) => new IndexTranslator(init),
});
