/** No name leads out of the brick: whatever the fop, and whatever the directory, virtual ones included. */
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { keyOf, RawClient, ROOT_KEY } from '../support/raw-client.js';

t.test('look-up of .. from a virtual directory', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const client = await RawClient.login(brick.port, brick.brick);
  const answer = await client.call('getxattr', { name: 'glusterfs.xattrop_index_gfid', namelen: 29 });
  t.equal(answer.ret >= 0, true, `errno ${answer.errno}`);
  const index = answer.rsp.dict.bytes('glusterfs.xattrop_index_gfid') as Uint8Array;
  const up = await client.lookup(keyOf(index), '..');
  t.equal(up.ret, -1);
  t.equal((await client.lookup(ROOT_KEY, 'x')).errno, 2);
  client.end();
});
