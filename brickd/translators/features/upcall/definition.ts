/** features/upcall: tells clients when what they may have cached changes. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { UpcallTranslator } from './upcall.js';

export const definition = defineTranslator({
  type: 'features/upcall',
  options,
  implemented: true,
  demands: [{ option: 'cache-invalidation', needs: 'notices to clients whose caches become stale' }],
  create: (init) => new UpcallTranslator(init),
});
