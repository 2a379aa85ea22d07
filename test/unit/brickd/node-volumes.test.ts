/** Volumes of a node and the volfiles of their bricks, as glusterd keeps them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { brickVolfiles, isVolume, volumeNames } from '../../../brickd/cli/node-volumes.js';

function glusterd(folder: string): string {
  mkdirSync(join(folder, 'v/bricks'), { recursive: true });
  mkdirSync(join(folder, 'leftover'));
  const files = ['info', 'bricks/host-a:-d-b1', 'bricks/fe80::1:-d-b', 'v.host-a.d-b1.vol', 'v.fe80::1.d-b.vol'];
  for (const file of [...files, 'v.tcp-fuse.vol', 'trusted-v.tcp-fuse.vol', 'v.gfproxyd.vol'])
    writeFileSync(join(folder, 'v', file), '');
  return folder;
}

t.test('volumes', async (t) => {
  const folder = glusterd(t.testdir());
  t.same(volumeNames(folder), ['v']);
  t.ok(isVolume('v', folder));
  t.notOk(isVolume('../vols/v', folder), 'a path is no name');
  t.notOk(isVolume('w', folder));
  t.same(volumeNames(join(folder, 'nowhere')), [], 'no glusterd');
});

t.test('volfiles of bricks only', async (t) => {
  const folder = glusterd(t.testdir());
  t.same(brickVolfiles('v', folder), [join(folder, 'v/v.fe80::1.d-b.vol'), join(folder, 'v/v.host-a.d-b1.vol')]);
  t.same(brickVolfiles('leftover', folder), []);
});
