/** Every fop of the table has a border, and what a border builds has exactly the fields of the reply's structure. */
import t from 'tap';
import { ClientState } from '../../../mux/brick/client.js';
import { BORDERS } from '../../../mux/fops/handlers.js';
import type { Session } from '../../../mux/session/session.js';
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
  auth: { brick: '', peerAddress: '', peerPort: 0, username: undefined, password: undefined, subdir: '/' },
});
const session = { client } as unknown as Session;

for (const fop of FOPS) {
  const border = BORDERS[fop.number];
  t.ok(border, `${fop.name} has a border`);
  if (border === undefined) continue;
  const rsp = border.rsp(border.blank, session) as object;
  t.same(Object.keys(rsp).sort(), [...fop.response.fieldNames].sort(), `fields of the reply of ${fop.name}`);
}
