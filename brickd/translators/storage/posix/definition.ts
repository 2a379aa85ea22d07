/** storage/posix: the brick's directory. The translator is `posix/`. */
import { options } from '../../../../posix/options.js';
import { PosixTranslator } from '../../../../posix/translator.js';
import { defineTranslator } from '../../definition.js';

export const definition = defineTranslator({
  type: 'storage/posix',
  options,
  implemented: true,
  demands: [{ needs: 'storage' }],
  create: (init) => new PosixTranslator(init),
});
