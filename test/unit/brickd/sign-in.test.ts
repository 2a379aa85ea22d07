/** Signing many bricks in with a glusterd that is busy, goes away or comes back; keeping their volfiles up to date. */
import t from 'tap';
import { GlusterdLink } from '../../../brickd/daemon/glusterd-link.js';
import { VolfileRefresh } from '../../../brickd/daemon/volfile-refresh.js';
import { VolfileRefused } from '../../../brickd/glusterd/management.js';
import { digestOf, type StoredVolfile } from '../../../brickd/glusterd/volfile-store.js';
import { setLogSink } from '../../../mux/base/log.js';
import { type ByteString, bytesOfText, latin1OfBytes } from '../../../native/bytes.js';
import { until } from '../../support/until.js';
import { commandLine } from './command-line.js';
import { FakeGlusterd } from './fake-glusterd.js';

setLogSink({ wants: () => false, write: () => {} });

const bricks = Array.from({ length: 100 }, (_, i) => bytesOfText(`/d/b${i}`));

async function linked(t: { teardown(f: () => void): void }, served: ByteString[]) {
  const glusterd = new FakeGlusterd();
  await glusterd.listen();
  const words = ['-s', '127.0.0.1', '--volfile-server-port', String(glusterd.port), '--volfile-id', 'v'];
  const args = commandLine(['glusterfsd', ...words, '--brick-name', '/d/b0', '--brick-port', '4711']);
  const link = new GlusterdLink(args, { volfilesChanged: () => {}, bricks: () => served });
  t.teardown(() => {
    link.management.close();
    glusterd.close();
  });
  await link.management.open();
  const signedIn = () => glusterd.asked.filter((a) => a.startsWith('signin')).map((a) => a.split(' ')[1]!);
  return { glusterd, link, signedIn };
}

t.test('every brick is signed in once', async (t) => {
  const { link, signedIn } = await linked(t, bricks);
  t.equal(await link.signIn(), 'accepted');
  t.same(signedIn().sort(), [...bricks].sort());
});

t.test('a refusal', async (t) => {
  const { link, glusterd } = await linked(t, [bytesOfText('/d/b0')]);
  glusterd.signInResult = -1;
  t.equal(await link.signIn(), 'refused');
});

t.test('a glusterd that goes away in the middle: nobody is lost', async (t) => {
  const { link, glusterd, signedIn } = await linked(t, bricks);
  glusterd.drops = 3;
  const first = link.signIn();
  for (let i = 0; i < 400 && new Set(signedIn()).size < bricks.length; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  t.same([...new Set(signedIn())].sort(), [...bricks].sort());
  await first;
});

t.test('a brick that has left meanwhile is not signed in', async (t) => {
  const served = ['/d/b0', '/d/b1'].map(bytesOfText);
  const { link, glusterd, signedIn } = await linked(t, served);
  glusterd.drops = 2;
  const outcome = link.signIn();
  served.pop();
  await outcome;
  await until(() => signedIn().length !== 0);
  t.same([...new Set(signedIn())], ['/d/b0']);
});

t.test('volfiles: a few at a time, one round for a burst of notices', async (t) => {
  const stored: StoredVolfile[] = bricks.map((brick) => ({
    id: latin1OfBytes(brick),
    brick,
    digest: digestOf('old'),
    generation: 1,
    appliedAtSec: 1,
  }));
  let now = 0;
  let most = 0;
  let fetches = 0;
  const applied: string[] = [];
  const refresh = new VolfileRefresh({
    fetch: async ({ brick }) => {
      fetches++;
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
      if (brick === bricks[3]) throw new VolfileRefused(2);
      return brick === bricks[7] ? 'new' : 'old';
    },
    reachable: () => true,
    all: () => stored,
    apply: ({ brick }, text) => void applied.push(`${brick} ${text}`),
  });
  for (let i = 0; i < 50; i++) refresh.notice();
  await refresh.idle();
  t.equal(fetches, bricks.length);
  t.equal(most, 8);
  t.same(applied, ['/d/b7 new']);
  refresh.notice();
  await Promise.resolve();
  await Promise.resolve();
  for (let i = 0; i < 50; i++) refresh.notice();
  await refresh.idle();
  t.equal(fetches, 3 * bricks.length, 'notices during a round are one more');
});

t.test('no glusterd: the round ends at once', async (t) => {
  let fetches = 0;
  const refresh = new VolfileRefresh({
    fetch: async () => `${fetches++}`,
    reachable: () => false,
    all: () => [{ id: 'a', brick: bytesOfText('/a'), digest: '', generation: 1, appliedAtSec: 1 }],
    apply: () => t.fail('nothing to apply'),
  });
  refresh.notice();
  await refresh.idle();
  t.equal(fetches, 0);
});
