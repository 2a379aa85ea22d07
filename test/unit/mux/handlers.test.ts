/** What a handler builds has exactly the fields of the reply's structure. */
import t from 'tap';
import { ClientState } from '../../../mux/brick/client.js';
import { codecOf } from '../../../mux/fops/codecs.js';
import type { FopContext } from '../../../mux/fops/fop-context.js';
import type { AnyFopHandler } from '../../../mux/fops/handler.js';
import { HANDLERS } from '../../../mux/fops/handlers.js';
import { FOPS } from '../../../mux/xlator/fop-table.js';

const client = new ClientState({
  uid: 'u',
  opVersion: 1,
  processName: 'p',
  peer: '1.2.3.4:5',
  version: '10',
  trusted: true,
  subdir: '/',
  credential: '',
  auth: {
    brick: '',
    peerAddress: '',
    peerPort: 0,
    username: undefined,
    password: undefined,
    subdir: '/',
    tlsName: null,
  },
});
const session = { client } as unknown as FopContext;

for (const { name } of FOPS) {
  const handler: AnyFopHandler = HANDLERS[name];
  const rsp = handler.rsp(handler.blank, session) as object;
  t.same(Object.keys(rsp).sort(), [...codecOf(name).response.fieldNames].sort(), `fields of the reply of ${name}`);
}
