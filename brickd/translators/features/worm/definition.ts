/** features/worm: write once, read many, for the volume or file by file. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { WormTranslator } from './worm.js';

export const definition = defineTranslator({
  type: 'features/worm',
  options,
  implemented: true,
  demands: [
    { option: 'worm', needs: 'write-once protection of the volume' },
    { option: 'worm-file-level', needs: 'write-once protection of files' },
  ],
  guards: /./,
  create: (init) => new WormTranslator(init),
});
