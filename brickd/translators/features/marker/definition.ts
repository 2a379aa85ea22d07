/** features/marker: sizes for quota, change times for geo-replication. */
import { defineTranslator } from '../../definition.js';
import { MarkerTranslator } from './marker.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/marker',
  options,
  implemented: true,
  parts: { quota: true, xtime: true },
  demands: [
    { option: 'quota', part: 'quota', needs: 'accounting of directory sizes' },
    { option: 'inode-quota', part: 'quota', needs: 'accounting of file counts' },
    { option: 'xtime', part: 'xtime', needs: 'change times for geo-replication' },
  ],
  create: (init) => new MarkerTranslator(init),
});
