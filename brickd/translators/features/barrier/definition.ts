/** features/barrier: holds acknowledgements back while a snapshot is taken. */
import { defineTranslator } from '../../definition.js';
import { BarrierTranslator } from './barrier.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/barrier',
  options,
  implemented: true,
  demands: [{ option: 'barrier', needs: 'a barrier for snapshots' }],
  create: (init) => new BarrierTranslator(init),
});
