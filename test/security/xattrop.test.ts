/**
 * Extended attributes that are not a user's: by no fop does uid 1000 set or remove a file's or brick's identity, its time
 * record, what quota counts, security.*, or an ACL of another's file. And nobody sets any of them by xattrop.
 */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Dict } from '../../mux/xlator/dict.js';
import { EACCES, EPERM } from '../../native/errno.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { dictOf, newKey, RawClient, ROOT_KEY, ROOT_USER, USER, type Who } from '../support/raw-client.js';

const skip = whyNotRoot ?? false;
/** Operations of xattrop: an addition, get-and-set, an addition with a default. */
const OPERATIONS = [0, 4, 5];
const ANONYMOUS = -2;
const O_RDONLY = 0;
const S_IFREG = 0o100000;

const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';
/** Everything for user 1000. */
const ACL = Uint8Array.from(
  [
    [2, 0, 0, 0],
    [1, 0, 7, 0, 255, 255, 255, 255],
    [2, 0, 7, 0, 0xe8, 3, 0, 0],
    [4, 0, 5, 0, 255, 255, 255, 255],
    [16, 0, 7, 0, 255, 255, 255, 255],
    [32, 0, 5, 0, 255, 255, 255, 255],
  ].flat(),
);
const ACL_TEXT = 'u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r-x';
const CAPABILITY = Uint8Array.from(Buffer.from('0100000200200000000000000000000000000000', 'hex'));
const SIXTEEN = Uint8Array.from(Buffer.from('0123456789abcdef'));
const MDATA = Uint8Array.from(Buffer.alloc(56, 1));

/** What no user may set, by no fop. Identities are left out of what is set, as stock has it; the rest is refused. */
const FOREIGN: Record<string, Uint8Array> = {
  'trusted.gfid': SIXTEEN,
  'trusted.glusterfs.volume-id': SIXTEEN,
  'trusted.gfid2path.0123456789abcdef': SIXTEEN,
  'trusted.pgfid.00000000-0000-0000-0000-000000000001': SIXTEEN,
  'trusted.glusterfs.mdata': MDATA,
  'trusted.glusterfs.quota.limit-set': SIXTEEN,
  'security.capability': CAPABILITY,
  'security.ima': SIXTEEN,
};
/** What only the owner may set. */
const OWNERS: Record<string, Uint8Array | string> = {
  [ACCESS]: ACL,
  [DEFAULT]: ACL,
  'glusterfs.posix.acl': ACL_TEXT,
  'glusterfs.posix.acl.more': ACL_TEXT,
  'glusterfs.posix.default_acl': ACL_TEXT,
};

let started: Promise<BrickProcess> | null = null;
t.teardown(async () => (await started)?.remove());

async function start(t: Test): Promise<{ brick: BrickProcess; client: RawClient }> {
  started ??= new BrickProcess().start();
  const brick = await started;
  const client = await RawClient.login(brick.port, brick.brick);
  t.teardown(() => client.end());
  return { brick, client };
}

/** All xattrs that a file of the brick has, with their values. */
function xattrsOf(path: string): string {
  const text = execFileSync('getfattr', ['-h', '-d', '-m', '.', '-e', 'hex', '--absolute-names', path]).toString();
  // Times move with every change that is allowed.
  return text.replace(/trusted\.glusterfs\.mdata=.*\n/, '');
}

async function errnoOf(client: RawClient, fop: Parameters<RawClient['call']>[0], fields: object, who?: Who) {
  const answer = await client.call(fop, fields as Record<string, unknown>, who);
  return answer.ret >= 0 ? 0 : answer.errno;
}

t.test('xattrop knows counters only, whoever asks', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const { gfid, fd } = await client.create(ROOT_KEY, 'counted', 0o666, ROOT_USER);
  const path = join(brick.brick, 'counted');
  const before = xattrsOf(path);
  const root = xattrsOf(brick.brick);
  const keys = [...Object.keys(FOREIGN), ...Object.keys(OWNERS), 'user.own', 'trusted.other', 'security.selinux'];
  for (const who of [USER, ROOT_USER]) {
    for (const name of [...keys, 'trusted.glusterfs.dht', 'trusted.glusterfs.dht.linkto', 'trusted.afr']) {
      for (const op of OPERATIONS) {
        const dict = dictOf({ 'trusted.afr.dirty': new Uint8Array(24).fill(1), [name]: new Uint8Array(48).fill(1) });
        t.equal(await errnoOf(client, 'xattrop', { gfid, flags: op, dict }, who), EPERM, `XATTROP ${op} of ${name}`);
        t.equal(
          await errnoOf(client, 'fxattrop', { gfid, fd, flags: op, dict }, who),
          EPERM,
          `FXATTROP ${op} of ${name}`,
        );
        t.equal(await errnoOf(client, 'xattrop', { gfid: ROOT_KEY, flags: op, dict }, who), EPERM);
      }
    }
  }
  t.equal(xattrsOf(path), before, 'nothing was stored');
  t.equal(xattrsOf(brick.brick), root);
  // The same line each time, and so counted by the log.
  const lines = brick.log.split('\n').filter((line) => line.includes('none of its counters'));
  t.ok(lines.length < 10, `${lines.length} lines: ${lines.slice(0, 3).join('\n')}`);
});

t.test('an application of uid 1000 keeps the books of replication', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const folder = await client.mkdir(ROOT_KEY, 'books', 0o777, ROOT_USER);
  const { gfid, fd } = await client.create(folder, 'file', 0o640);
  const one = Uint8Array.from(Buffer.from('000000010000000000000001', 'hex'));
  const names = [
    'trusted.afr.dirty',
    'trusted.afr.v-client-1',
    'trusted.ec.dirty',
    'trusted.glusterfs.shard.file-size',
  ];
  for (const name of [...names, 'trusted.glusterfs.shard.block-size', 'trusted.glusterfs.dht.mds']) {
    const dict = dictOf({ [name]: one });
    t.equal(await errnoOf(client, 'xattrop', { gfid, flags: 0, dict }), 0, name);
    t.equal(await errnoOf(client, 'fxattrop', { gfid, fd, flags: 0, dict }), 0, name);
    t.equal(await errnoOf(client, 'xattrop', { gfid: folder, flags: 0, dict }), 0, `${name} of a directory`);
  }
  const stored = xattrsOf(join(brick.brick, 'books/file'));
  for (const name of names) t.match(stored, `${name}=0x000000020000000000000002`);
});

t.test('SETXATTR and REMOVEXATTR by a user', { skip }, async (t) => {
  const { brick, client } = await start(t);
  for (const [kind, folder] of [
    ['file', false],
    ['directory', true],
  ] as const) {
    // Everybody may write to it: that is not enough.
    const name = `foreign-${kind}`;
    let gfid: string;
    let fd = ANONYMOUS;
    if (folder) {
      gfid = await client.mkdir(ROOT_KEY, name, 0o777, ROOT_USER);
    } else {
      ({ gfid } = await client.create(ROOT_KEY, name, 0o666, ROOT_USER));
      fd = (await client.call('open', { gfid, flags: O_RDONLY })).rsp.fd;
    }
    const path = join(brick.brick, name);
    execFileSync('setfacl', ['-m', 'u:1234:r', path]);
    execFileSync('setfattr', ['-n', 'security.z', '-v', 'z', path]);
    const before = xattrsOf(path);
    const { mode, uid } = statSync(path);
    for (const [key, value] of Object.entries({ ...FOREIGN, ...OWNERS })) {
      const identity = /gfid$|volume-id/.test(key);
      const what = `${key} of a ${kind}`;
      for (const dict of [dictOf({ [key]: value }), dictOf({ 'user.a': 'a', [key]: value })] as Dict[]) {
        const set = [
          await errnoOf(client, 'setxattr', { gfid, dict }),
          await errnoOf(client, 'fsetxattr', { gfid, fd, dict }),
          await errnoOf(client, 'fsetxattr', { gfid, fd: ANONYMOUS, dict }),
        ];
        for (const errno of set) t.ok(identity || errno !== 0, `set ${what}: ${errno}`);
      }
      const removed = [
        await errnoOf(client, 'removexattr', { gfid, name: key }),
        await errnoOf(client, 'fremovexattr', { gfid, fd, name: key }),
        await errnoOf(client, 'removexattr', { gfid, name: '', xdata: dictOf({ 'user.none': 1, [key]: 1 }) }),
        await errnoOf(client, 'fremovexattr', { gfid, fd, name: '', xdata: dictOf({ 'user.none': 1, [key]: 1 }) }),
      ];
      for (const errno of removed) t.not(errno, 0, `removal of ${what}`);
    }
    t.equal(await errnoOf(client, 'removexattr', { gfid, name: 'security.z' }), EPERM);
    const sync = { gfid, dict: dictOf({ 'user.a': 'a' }), xdata: dictOf({ sync_backend_xattrs: 1 }) };
    t.equal(await errnoOf(client, 'setxattr', sync), EPERM, 'healing that removes ACLs');
    const stbuf = { ...(await client.call('stat', { gfid })).rsp.stat, mode: 0o104777, uid: 1000 };
    for (const valid of [1, 2]) {
      t.not(await errnoOf(client, 'setattr', { gfid, valid, stbuf }), 0, 'SETATTR');
      t.not(await errnoOf(client, 'fsetattr', { gfid, fd, valid, stbuf }), 0, 'FSETATTR');
      t.not(await errnoOf(client, 'fsetattr', { gfid, fd: ANONYMOUS, valid, stbuf }), 0, 'FSETATTR of an anonymous fd');
    }
    const after = xattrsOf(path).replace(/user\.a=.*\n/, '');
    t.equal(after, before, `the ${kind} has what it had`);
    t.same({ mode: statSync(path).mode, uid: statSync(path).uid }, { mode, uid });
  }
});

t.test('an anonymous fd gives no rights on a file that is closed to its user', { skip }, async (t) => {
  const { client } = await start(t);
  const { gfid } = await client.create(ROOT_KEY, 'closed', 0o600, ROOT_USER);
  t.equal(await errnoOf(client, 'fsetxattr', { gfid, dict: dictOf({ 'user.a': 'a' }) }), EACCES);
  t.equal(await errnoOf(client, 'fremovexattr', { gfid, name: 'user.a' }), EACCES);
});

t.test('owners set ACLs, root sets what it likes', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const folder = await client.mkdir(ROOT_KEY, 'own', 0o777, ROOT_USER);
  const { gfid, fd } = await client.create(folder, 'file', 0o640);
  t.equal(await errnoOf(client, 'setxattr', { gfid, dict: dictOf({ [ACCESS]: ACL }) }), 0);
  t.equal(await errnoOf(client, 'fsetxattr', { gfid, fd, dict: dictOf({ [ACCESS]: ACL }) }), 0);
  t.equal(await errnoOf(client, 'setxattr', { gfid, dict: dictOf({ 'security.selinux': 'a:b:c:s0' }) }), 0);
  t.equal(
    await errnoOf(client, 'fsetattr', { gfid, fd, valid: 1, stbuf: (await client.call('stat', { gfid })).rsp.stat }),
    0,
  );
  t.equal(
    await errnoOf(client, 'setxattr', { gfid, dict: dictOf({ 'security.capability': CAPABILITY }) }, ROOT_USER),
    0,
  );
  t.match(execFileSync('getcap', [join(brick.brick, 'own/file')]).toString(), 'cap_');
  t.equal(await errnoOf(client, 'removexattr', { gfid, name: ACCESS }), 0);
});

t.test('a new file gets no xattr that its maker may not set', { skip }, async (t) => {
  const { brick, client } = await start(t);
  const folder = await client.mkdir(ROOT_KEY, 'makers', 0o777, ROOT_USER);
  const wish = (gfid: string): Dict => {
    const dict = dictOf({ ...FOREIGN, 'user.mine': 'x', 'trusted.glusterfs.dht.linkto': 'v' });
    return dict.setGfid('gfid-req', Uint8Array.from(Buffer.from(gfid, 'latin1')));
  };
  for (const [fop, name, fields] of [
    ['create', 'create', { mode: 0o644, flags: 2 }],
    ['mknod', 'mknod', { mode: S_IFREG | 0o644 }],
    ['mkdir', 'mkdir', { mode: 0o755 }],
    ['symlink', 'symlink', { linkname: 'x' }],
  ] as const) {
    const gfid = newKey();
    const request = { pargfid: folder, bname: name, ...fields, xdata: wish(gfid) };
    t.equal(await errnoOf(client, fop, request), 0, fop);
    const stored = xattrsOf(join(brick.brick, 'makers', name));
    t.match(stored, `trusted.gfid=0x${Buffer.from(gfid, 'latin1').toString('hex')}`);
    t.notMatch(stored, /security\.|pgfid|volume-id|quota|gfid2path\.0123456789abcdef/, `${fop}: ${stored}`);
    if (fop === 'create') t.match(stored, /user\.mine/);
  }
  // A further name of another's file.
  const foreign = await client.create(ROOT_KEY, 'foreign', 0o644, ROOT_USER);
  const before = xattrsOf(join(brick.brick, 'foreign'));
  const xdata = wish(foreign.gfid).setText('glusterfs-internal-fop', 'yes').setBytes(ACCESS, ACL);
  await errnoOf(client, 'mknod', { pargfid: folder, bname: 'link', mode: S_IFREG | 0o1000, xdata });
  const after = xattrsOf(join(brick.brick, 'foreign')).replace(/trusted\.gfid2path\..*\n/g, '');
  t.equal(after, before.replace(/trusted\.gfid2path\..*\n/g, ''));
});
