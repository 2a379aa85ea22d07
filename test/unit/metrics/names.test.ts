/** What labels call bricks, and how text gets into the format. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { labels, sample } from '../../../brickd/metrics/families/exposition.js';
import { BrickNames, hostOf, subvolumesOf } from '../../../brickd/metrics/families/names.js';
import { bytesOfText, textOfBytes, textOfLatin1 } from '../../../native/bytes.js';

t.test('host of a volfile id', async (t) => {
  t.equal(hostOf('vol.node-1.example.org.d-b1', 'vol', bytesOfText('/d/b1')), 'node-1.example.org');
  t.equal(hostOf('/etc/brick.vol', 'vol', bytesOfText('/d/b1')), '');
  t.equal(hostOf('vol.node.d-b2', 'vol', bytesOfText('/d/b1')), '');
});

t.test('sub-volumes', async (t) => {
  const info = (more: string): string =>
    `type=2\n${more}\nbrick-0=a:-d-b0\nbrick-1=b:-d-b1\nbrick-2=a:-d-b2\nbrick-3=b:-d-b3\n`;
  t.equal(subvolumesOf('v', info('replica_count=2')).get('b:-d-b3')?.name, 'v-replicate-1');
  t.equal(subvolumesOf('v', info('replica_count=1')).get('b:-d-b3')?.name, 'v-distribute-3');
  t.equal(subvolumesOf('v', info('disperse_count=4\nreplica_count=1')).get('b:-d-b3')?.name, 'v-disperse-0');
});

t.test('data of sub-volumes', async (t) => {
  const bricks = 'brick-0=a:-b\nbrick-1=b:-b\nbrick-2=c:-b\n';
  const replica = subvolumesOf('v', `replica_count=3\narbiter_count=1\n${bricks}`);
  t.same(
    [...replica.values()].map((s) => s.arbiter),
    [false, false, true],
  );
  const disperse = subvolumesOf('v', `disperse_count=3\nredundancy_count=1\n${bricks}`);
  t.same(disperse.get('c:-b'), { name: 'v-disperse-0', dataBricks: 2, arbiter: false });
});

t.test('names from the files of glusterd', async (t) => {
  const glusterd = t.testdir();
  const state = {
    brick: bytesOfText('/d/b3'),
    volume: 'v',
    volfileId: 'v.b.d-b3',
    state: 'up' as const,
    unapplied: [],
  };
  const names = new BrickNames('c1', glusterd);
  await names.refresh([state]);
  t.match(names.labels(state).capacity, 'host="b",id="",brick_path="/d/b3",volume="v",subvolume=""');
  mkdirSync(join(glusterd, 'vols/v'), { recursive: true });
  writeFileSync(join(glusterd, 'glusterd.info'), 'UUID=1b2c\noperating-version=100000\n');
  writeFileSync(join(glusterd, 'vols/v/info'), 'replica_count=2\nbrick-2=a:-d-b2\nbrick-3=b:-d-b3\n');
  await names.refresh([state]);
  t.match(
    names.labels(state).capacity,
    'cluster_id="c1",host="b",id="",brick_path="/d/b3",volume="v",subvolume="v-replicate-1"',
  );
  t.match(names.labels(state).status, 'peer_id="1b2c"');
});

t.test('text', async (t) => {
  t.equal(textOfLatin1('/d/a'), '/d/a');
  t.equal(textOfBytes(bytesOfText('/d/ä')), '/d/ä');
  t.equal(textOfLatin1('/d/\xff'), '/d/\\xff', 'bytes that are no text are shown');
  t.equal(labels({ a: 'x"y\\z\n', b: '' }), 'a="x\\"y\\\\z\\n",b=""');
  t.equal(sample('n', '', Number.POSITIVE_INFINITY), 'n +Inf\n');
  t.equal(sample('n', 'a="1"', 1e21), 'n{a="1"} 1e+21\n');
});
