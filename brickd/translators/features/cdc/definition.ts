/** features/cdc: data compressed on the wire. */
import { defineTranslator } from '../../definition.js';
import { CdcTranslator } from './cdc.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/cdc',
  options,
  implemented: true,
  demands: [{ needs: 'decompression of what clients send' }],
  // Clients compress and expect compressed data from when the volume is set so: without it that would end up in files.
  guards: /^mode$/,
  create: (init) => new CdcTranslator(init),
});
