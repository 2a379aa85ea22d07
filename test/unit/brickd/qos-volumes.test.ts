/** Volumes whose user/qos keeps stock bricks from starting. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { qosVolumes, resetCommands } from '../../../brickd/cli/qos-volumes.js';

t.test('volumes with user/qos, and what takes it out', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'brickd-vols-'));
  const info = (name: string, text: string): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'info'), text);
  };
  info('plain', 'type=0\ncount=1\nperformance.io-cache=off\n');
  info(
    'v',
    'type=0\nstatus=1\nbrick-0=h:-d-b1\nuser.xlator.qos=io-stats\nuser.xlator.qos.limit=ops=500\nauth.allow=10.0.0.1,10.0.0.2\n' +
      "storage.fips-mode-rchecksum=on\nuser.note=it's mine\ntransport.address-family=inet\n",
  );
  mkdirSync(join(folder, 'empty'));
  const found = qosVolumes(folder);
  t.same(found, [
    {
      name: 'v',
      others: [
        ['auth.allow', '10.0.0.1,10.0.0.2'],
        ['user.note', "it's mine"],
      ],
    },
  ]);
  t.same(resetCommands(found[0]!), [
    'gluster volume reset v',
    'gluster volume set v auth.allow 10.0.0.1,10.0.0.2',
    "gluster volume set v user.note 'it'\\''s mine'",
  ]);
  t.same(qosVolumes(join(folder, 'none')), []);
});
