/** Errors of bricks: what they carry, and that they cross between threads whole. */
import t from 'tap';
import { BRICK_ERRORS, BrickError } from '../../../mux/base/brick-error.js';
import { workerTask } from '../../../mux/workers/worker-task.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EACCES, ENOENT } from '../../../native/errno.js';

const BRICK = bytesOfText('/d/b');

t.test('the code gives errno and text, unless the error has its own', async (t) => {
  t.match(new BrickError('BRICK_NOT_SERVED', BRICK), {
    code: 'BRICK_NOT_SERVED',
    brick: '/d/b',
    errno: ENOENT,
    message: 'the brick is not being served',
  });
  const own = new BrickError('BRICK_NOT_STARTED', BRICK, { message: 'no access', errno: EACCES });
  t.match(own, { errno: EACCES, message: 'no access' });
});

t.test('every code has an errno and a text', async (t) => {
  for (const { errno, text } of Object.values(BRICK_ERRORS)) {
    t.ok(errno > 0);
    t.not(text, '');
  }
});

t.test(
  'an error leaves a worker as a record that can be cloned, and is an error again on the other side',
  async (t) => {
    const error = new BrickError('WORKER_LOST', BRICK, { message: 'gone' });
    const task = workerTask(() => {
      throw error;
    });
    const thrown: unknown = await task({ argument: null }).catch((e: unknown) => structuredClone(e));
    const revived = BrickError.revive(thrown);
    t.ok(revived instanceof BrickError);
    t.strictSame((revived as BrickError).toJSON(), error.toJSON());
  },
);

t.test('anything else stays what it is', async (t) => {
  const other = new TypeError('x is not a function');
  t.equal(BrickError.revive(other), other);
  for (const thrown of [null, 'text', { code: 'ENOENT' }, { code: 'toString' }])
    t.equal(BrickError.revive(thrown), thrown);
});
