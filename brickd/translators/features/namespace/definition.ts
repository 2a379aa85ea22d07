/** features/namespace: tags requests with the top-level directory that they are in. The tags are not visible outside the server: nothing has to be done. */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  'tag-namespaces': bool({ default: 'off' }),
});

export const definition = defineTranslator({
  type: 'features/namespace',
  options,
  implemented: true,
  demands: [],
});
