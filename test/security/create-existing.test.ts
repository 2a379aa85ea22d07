/** CREATE without O_EXCL opens a file that exists, for those only who may open it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { gfidRequest, newKey, RawClient, ROOT_KEY, ROOT_USER, USER } from '../support/raw-client.js';

const EACCES = 13;
const [O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC] = [0, 1, 2, 0o100, 0o1000];

t.test("another user's file", { skip: whyNotRoot ?? false }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  chmodSync(brick.brick, 0o777);
  const client = await RawClient.login(brick.port, brick.brick);
  const at = (name: string) => join(brick.brick, name);
  const make = async (name: string, mode: number, uid = 0) => {
    const { gfid } = await client.create(ROOT_KEY, name, mode, ROOT_USER);
    writeFileSync(at(name), 'content');
    chownSync(at(name), uid, uid);
    chmodSync(at(name), mode);
    return gfid;
  };
  const create = (name: string, flags: number) =>
    client.call(
      'create',
      { pargfid: ROOT_KEY, bname: name, mode: 0o644, flags: flags | O_CREAT, xdata: gfidRequest(newKey()) },
      USER,
    );

  await make('secret', 0o600);
  for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_RDONLY | O_TRUNC]) {
    const { ret, errno } = await create('secret', flags);
    t.same([ret, errno], [-1, EACCES], `flags ${flags.toString(8)}`);
  }
  t.equal(readFileSync(at('secret'), 'utf8'), 'content');

  const gfid = await make('readable', 0o644);
  t.equal((await create('readable', O_RDWR | O_TRUNC)).errno, EACCES);
  t.equal((await create('readable', O_RDONLY | O_TRUNC)).errno, EACCES);
  const opened = await create('readable', O_RDONLY);
  t.equal(opened.ret, 0);
  t.equal(Buffer.from(opened.rsp.stat.gfid).latin1Slice(), gfid, 'the file that is there');
  t.equal((await client.call('readv', { gfid, fd: opened.rsp.fd, size: 10 }, USER)).payload.toString(), 'content');
  t.equal((await client.call('open', { gfid, flags: O_RDWR }, USER)).errno, EACCES);
  t.equal(readFileSync(at('readable'), 'utf8'), 'content');

  await make('shared', 0o600);
  execFileSync('setfacl', ['-m', 'u:1000:rw', at('shared')]);
  t.equal((await create('shared', O_RDWR)).ret, 0, 'by an ACL');

  await make('own', 0o600, 1000);
  t.equal((await create('own', O_RDWR | O_TRUNC)).ret, 0);
  t.equal(readFileSync(at('own'), 'utf8'), '');
  t.equal((await create('new', O_RDWR)).ret, 0);
  client.end();
});
