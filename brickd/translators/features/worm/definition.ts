/** features/worm: write once, read many, for the volume or file by file. Only known while it is off. */
import { bool, oneOf, time } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  worm: bool({ default: 'off' }),
  'worm-file-level': bool({ default: 'off' }),
  'worm-files-deletable': bool({ default: 'on' }),
  'default-retention-period': time({ default: '120' }),
  'retention-mode': oneOf(['relax', 'enterprise'], { default: 'relax' }),
  'auto-commit-period': time({ default: '180' }),
});

export const definition = defineTranslator({
  type: 'features/worm',
  options,
  implemented: false,
  demands: [
    { option: 'worm', needs: 'write-once protection of the volume' },
    { option: 'worm-file-level', needs: 'write-once protection of files' },
  ],
  guards: /./,
});
