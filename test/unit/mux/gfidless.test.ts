/** A file without a gfid, which a client asks to be shown, leaves no inode behind: it is about to get one. */
import t from 'tap';
import { BORDERS } from '../../../mux/fops/borders.js';
import { fopByName } from '../../../mux/fops/table.js';
import { InodeTable } from '../../../mux/inode-table.js';
import type { Session } from '../../../mux/session.js';
import { Call } from '../../../posix/contract/call.js';
import type { LookupArgs } from '../../../posix/contract/fops.js';
import { NULL_GFID, ROOT_KEY } from '../../../posix/contract/gfid.js';
import { Iatt, S_IFDIR } from '../../../posix/contract/iatt.js';

t.test('look-ups of a file without and with a gfid', async (t) => {
  const table = new InodeTable(0, () => {});
  const asked: LookupArgs[] = [];
  let gfid = NULL_GFID;
  const top = {
    lookup(_call: Call, args: LookupArgs) {
      asked.push({ ...args, loc: { ...args.loc } });
      return { stat: Object.assign(new Iatt(), { gfid, mode: S_IFDIR | 0o755 }), postparent: new Iatt(), xdata: null };
    },
  };
  const client = { ctx: [] };
  const session = { client, top, brick: { table, top }, mapRoot: (key: string) => key } as unknown as Session;
  const look = async () => {
    const request = { gfid: '\0'.repeat(16), pargfid: ROOT_KEY, flags: 0, bname: 'd', xdata: null };
    const border = BORDERS[fopByName('lookup').number]!;
    await border.wind(session, new Call(client as never, 27), request as never, null as never, 0, 0);
  };
  await look();
  t.equal(table.child(table.root, 'd'), undefined);
  t.equal(table.size, 1);
  gfid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  await look();
  t.equal(asked[1]!.loc.inode, null, 'the second look-up is a first one for the file');
  t.ok(table.child(table.root, 'd'));
});
