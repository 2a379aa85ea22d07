import t from 'tap';
import type { Call } from '../../../mux/xlator/call.js';
import type { WriteArgs } from '../../../mux/xlator/fops.js';
import { AssertionError } from '../../../native/assert.js';
import type { OpenFile } from '../../../posix/disk/open-file.js';
import { Write } from '../../../posix/disk/write.js';

t.test('a write is queued once and answered once', async (t) => {
  let released = 0;
  const file = { direct: false, release: () => released++ } as unknown as OpenFile;
  const w = new Write({} as Call, { region: {} } as unknown as WriteArgs, file);
  const answers: unknown[] = [];
  w.onAnswer(
    (reply) => answers.push(reply),
    (thrown) => answers.push(thrown),
  );
  t.throws(
    () =>
      w.onAnswer(
        () => {},
        () => {},
      ),
    AssertionError,
  );
  w.fail('failed');
  t.throws(() => w.fail('again'), AssertionError);
  t.throws(() => w.address, AssertionError);
  t.same(answers, ['failed']);
  t.equal(released, 1);
});
