/** features/changelog: the journal of changes that geo-replication and glusterfind read, and events for bit-rot detection. */
import { defineTranslator } from '../../definition.js';
import { ChangelogTranslator } from './changelog.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'features/changelog',
  options,
  implemented: true,
  demands: [
    { option: 'changelog', needs: 'a journal of changes' },
    { option: 'changelog-notification', needs: 'notices of changes to bit-rot detection' },
  ],
  create: (init) => new ChangelogTranslator(init),
});
