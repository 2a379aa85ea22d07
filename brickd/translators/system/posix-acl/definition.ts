/** system/posix-acl: checks of permissions. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { PosixAclTranslator } from './posix-acl.js';

export const definition = defineTranslator({
  type: 'system/posix-acl',
  aliases: ['features/access-control'],
  options,
  implemented: true,
  demands: [{ needs: 'checks of permissions' }],
  create: (init) => new PosixAclTranslator(init),
});
