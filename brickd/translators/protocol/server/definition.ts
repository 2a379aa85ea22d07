/** protocol/server: the server itself, in `mux/`. What it does, sessions do: nothing of it is part of a brick's stack. */
import { options } from '../../../../mux/brick/server-options.js';
import { defineTranslator } from '../../definition.js';

export const definition = defineTranslator({
  type: 'protocol/server',
  options,
  implemented: true,
  parts: { tls: true, squash: true, 'manage-gids': true, unix: false },
  demands: [
    { needs: 'a server' },
    { part: 'tls', option: 'transport.socket.ssl-enabled', needs: 'TLS on the brick port' },
    { part: 'squash', option: 'root-squash', needs: 'squashing of root' },
    { part: 'squash', option: 'all-squash', needs: 'squashing of users' },
    { part: 'manage-gids', option: 'manage-gids', needs: "look-up of users' groups" },
    {
      part: 'unix',
      option: 'transport-type',
      when: (o) => o['transport-type'] === 'unix',
      needs: 'a Unix socket for clients',
    },
  ],
  guards: /^(auth\.|ssl-allow$|strict-auth-accept$|(root|all)-squash$|anon[ug]id$|rpc-auth|transport\.socket\.ssl-)/,
  create: () => null,
});
