/** features/trash: keeps what is unlinked or cut short in a folder of the brick. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { TrashTranslator } from './trash.js';

export const definition = defineTranslator({
  type: 'features/trash',
  options,
  implemented: true,
  demands: [{ option: 'trash', needs: 'a trash folder for deleted files' }],
  create: (init) => new TrashTranslator(init),
});
