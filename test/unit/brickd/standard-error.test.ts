/** `-l -`: the log goes to standard error, as containers want it. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../../support/brick-process.js';

t.test('a brick that logs to standard error', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = new BrickProcess({ logTo: '-' });
  t.teardown(() => brick.remove());
  await brick.start();
  t.match(brick.stderr, /Started running version/);
  // Rotation has nothing to rotate.
  brick.signal('SIGHUP');
  await brick.stop();
  t.match(brick.stderr, /received signum \(15\)/, 'to its end');
  t.notOk(existsSync('-'), 'and no file is named so');
});
