/** features/locks: POSIX locks of applications, inode and entry locks of Gluster's own clients. */
import { defineTranslator } from '../../definition.js';
import { LocksTranslator } from './locks.js';
import { options } from './options.js';

/** Words of `mandatory-locking` that turn it on. */
const MANDATORY = new Set(['file', 'forced', 'optimal']);

export const definition = defineTranslator({
  type: 'features/locks',
  aliases: ['features/posix-locks'],
  options,
  implemented: true,
  parts: { mandatory: true, enforce: true, revocation: true, monkey: true },
  demands: [
    { needs: 'locks' },
    {
      part: 'mandatory',
      option: 'mandatory-locking',
      when: (o) => MANDATORY.has(o['mandatory-locking']),
      needs: 'mandatory locks',
    },
    { part: 'enforce', option: 'enforce-mandatory-lock', needs: 'enforced mandatory locks' },
    {
      part: 'revocation',
      option: 'revocation-secs',
      when: (o) => o['revocation-secs'] > 0,
      needs: 'revocation of old locks',
    },
    {
      part: 'revocation',
      option: 'revocation-max-blocked',
      when: (o) => o['revocation-max-blocked'] > 0,
      needs: 'revocation of contended locks',
    },
    { part: 'monkey', option: 'monkey-unlocking', needs: 'lost unlocks for tests' },
  ],
  create: (init) => new LocksTranslator(init),
});
