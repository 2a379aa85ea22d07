/** features/sdfs: one change of a directory entry at a time. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { SdfsTranslator } from './sdfs.js';

export const definition = defineTranslator({
  type: 'features/sdfs',
  options,
  implemented: true,
  demands: [
    { option: 'pass-through', when: (o) => !o['pass-through'], needs: 'serialised changes of directory entries' },
  ],
  create: (init) => new SdfsTranslator(init),
});
