/** features/selinux: keeps security labels under a name of Gluster's own. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { SelinuxTranslator } from './selinux.js';

export const definition = defineTranslator({
  type: 'features/selinux',
  options,
  implemented: true,
  demands: [
    {
      option: 'selinux',
      needs: 'the stored name of security labels (labels written now would not be found by another brick server)',
      severity: 'warning',
    },
  ],
  create: (init) => new SelinuxTranslator(init),
});
