/** features/bitrot-stub: versions and signatures of files for bit-rot detection.  */
import { defineTranslator } from '../../definition.js';
import { BitrotStubTranslator } from './bitrot-stub.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/bitrot-stub',
  options,
  implemented: true,
  demands: [{ option: 'bitrot', needs: 'versions and signatures of files' }],
  create: (init) => new BitrotStubTranslator(init),
});
