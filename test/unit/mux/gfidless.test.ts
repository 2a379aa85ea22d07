/** Files without a gfid: one that a client asks to be shown leaves no inode behind, and one that had a gfid gets another. */

import t from 'tap';
import { InodeTable } from '../../../mux/brick/inode-table.js';
import type { FopContext } from '../../../mux/fops/fop-context.js';
import { HANDLERS } from '../../../mux/fops/handlers.js';
import { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { LookupArgs } from '../../../mux/xlator/fops.js';
import { NULL_GFID, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { ENODATA } from '../../../native/errno.js';
import { S_IFDIR } from '../../../native/linux.js';

const gfidOf = (first: number) => Uint8Array.from({ length: 16 }, (_, i) => i + first);

/** A brick whose root has one file. */
class Setting {
  readonly table = new InodeTable(0, () => {});
  readonly asked: LookupArgs[] = [];
  /** What the disk says. */
  gfid = NULL_GFID;
  /** Asks the bottom to fail for a file that the table has. */
  lost = false;

  async look(): Promise<void> {
    const top = {
      lookup: (_call: Call, args: LookupArgs) => {
        this.asked.push({ ...args, loc: { ...args.loc } });
        if (this.lost && args.loc.inode !== null) throw failure(ENODATA);
        const stat = Object.assign(new Iatt(), { gfid: this.gfid, mode: S_IFDIR | 0o755 });
        return { stat, postparent: new Iatt(), xdata: null };
      },
    };
    const client = { ctx: [], mapRoot: (key: string) => key };
    const session = {
      client,
      top,
      table: this.table,
    } as unknown as FopContext;
    const request = { gfid: '\0'.repeat(16), pargfid: ROOT_KEY, flags: 0, bname: 'd', xdata: null };
    const handler = HANDLERS.lookup;
    await handler.wind(session, new Call(client as never, 27), request as never, null as never, 0, 0);
  }
}

t.test('look-ups of a file without and with a gfid', async (t) => {
  const s = new Setting();
  await s.look();
  t.equal(s.table.child(s.table.root, 'd'), undefined);
  t.equal(s.table.size, 1);
  s.gfid = gfidOf(1);
  await s.look();
  t.equal(s.asked[1]!.loc.inode, null, 'the second look-up is a first one for the file');
  t.ok(s.table.child(s.table.root, 'd'));
});

t.test('a look-up of a known file that has lost its gfid', async (t) => {
  const s = new Setting();
  s.gfid = gfidOf(1);
  await s.look();
  const known = s.table.child(s.table.root, 'd');
  s.lost = true;
  s.gfid = gfidOf(2);
  await s.look();
  t.equal(s.asked.length, 3, 'is tried again');
  t.equal(s.asked[1]!.loc.inode, known);
  t.equal(s.asked[2]!.loc.inode, null, 'as a first one, which gives the file a gfid');
  t.same(s.table.child(s.table.root, 'd')?.gfid, gfidOf(2));
});
