/** features/leases: lets clients keep a file in their caches until somebody else wants it. */
import { defineTranslator } from '../../definition.js';
import { LeasesTranslator } from './leases.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/leases',
  options,
  implemented: true,
  demands: [{ option: 'leases', needs: 'leases and their recall' }],
  create: (init) => new LeasesTranslator(init),
});
