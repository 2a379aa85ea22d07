/** What clients are refused with an errno leaves no lines in the brick's log, however often and in however many ways. */
import t from 'tap';
import type { Dict } from '../../mux/xlator/dict.js';
import { FailureLog } from '../../mux/xlator/failure-log.js';
import { ENOSPC } from '../../native/errno.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { dictOf, gfidRequest, newKey, RawClient, ROOT_KEY, ROOT_USER, USER } from '../support/raw-client.js';

const EPERM = 1;
const ENOENT = 2;
const EEXIST = 17;
const EXDEV = 18;
const EINVAL = 22;
const ENODATA = 61;
const ENOTEMPTY = 39;
const EOPNOTSUPP = 95;
const EIO = 5;

const ROUNDS = 5;
const flock = { type: 2, whence: 0, start: 0n, len: 0n, pid: 0, lk_owner: '' };

t.test('refusals', { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  const client = await RawClient.login(brick.port, brick.brick);
  const dir = await client.mkdir(ROOT_KEY, 'd', 0o755, ROOT_USER);
  const { gfid: file, fd } = await client.create(dir, 'f', 0o644, ROOT_USER);
  const lines = (): string[] => brick.log.split('\n');
  const before = lines().length;
  const expect = async (errno: number, fop: Parameters<RawClient['call']>[0], fields: object, who = ROOT_USER) => {
    const answer = await client.call(fop, fields as Record<string, unknown>, who);
    t.equal(answer.ret < 0 ? answer.errno : 0, errno, fop);
  };
  const set = (key: string): Dict => dictOf({ [key]: Uint8Array.of(1) });
  for (let i = 0; i < ROUNDS; i++) {
    await expect(EOPNOTSUPP, 'setxattr', { gfid: file, dict: set(`system.nothing${i}`) });
    await expect(EOPNOTSUPP, 'fsetxattr', { gfid: file, fd, dict: set(`system.nothing${i}`) });
    await expect(ENODATA, 'removexattr', { gfid: file, name: `user.none${i}` });
    await expect(EOPNOTSUPP, 'removexattr', { gfid: file, name: `system.none${i}` });
    await expect(ENODATA, 'getxattr', { gfid: file, name: `user.none${i}`, namelen: 10 });
    await expect(EPERM, 'setattr', { gfid: file, valid: 1 }, USER);
    await expect(EEXIST, 'mkdir', { pargfid: ROOT_KEY, bname: 'd', mode: 0o755, xdata: gfidRequest(newKey()) });
    await expect(ENOTEMPTY, 'rmdir', { pargfid: ROOT_KEY, bname: 'd' });
    await expect(ENOENT, 'unlink', { pargfid: ROOT_KEY, bname: `none${i}` });
    await expect(EINVAL, 'truncate', { gfid: file, offset: -1 });
    await expect(EINVAL, 'inodelk', { gfid: file, volume: `v${i}`, cmd: 1, type: 2, flock });
    await expect(EINVAL, 'entrylk', { gfid: dir, volume: 'v', name: `n${i}`, namelen: 2, cmd: 1, type: 1 });
    await expect(EOPNOTSUPP, 'ipc', { op: 1000 + i });
  }
  t.same(lines().slice(before - 1), [''], 'no line in the log');
  client.end();
});

t.test('what speaks of the server', (t) => {
  const log = new FailureLog();
  t.notOk(log.deservesLine(EXDEV));
  t.ok(log.deservesLine(EIO));
  t.ok(log.deservesLine(EIO), 'each time');
  let now = 1e6;
  const full = (): boolean => log.deservesLine(ENOSPC, () => now);
  t.ok(full(), 'the disk gets full');
  for (let i = 0; i < 5; i++) {
    now += 50_000;
    t.notOk(full(), 'it still is');
  }
  now += 61_000;
  t.ok(full(), 'again, after a minute in which it was not');
  t.end();
});
