import t from 'tap';
import { type Acl, encodeAcl, inherit, parseAcl, permits } from '../../../brickd/translators/system/posix-acl/acl.js';
import { PosixAclTranslator } from '../../../brickd/translators/system/posix-acl/posix-acl.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { AccessReply, Fops } from '../../../mux/xlator/fops.js';
import { gfidKey } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EACCES, EINVAL, EPERM, ESTALE } from '../../../native/errno.js';
import {
  type Asked,
  callOf,
  dictOf,
  errnoOfAttempt,
  FakeBrick,
  FakeClient,
  fdOf,
  gfidOf,
  make,
  statOf,
} from './harness.js';

const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';
const DIR = 0o040000;
const FILE = 0o100000;

/** Entries as getfacl prints them: u::rwx, u:7:r--, g::r-x, m::r--, o::--- */
function acl(text: string): Acl {
  const tags: Record<string, [number, number]> = { u: [1, 2], g: [4, 8], m: [0x10, 0x10], o: [0x20, 0x20] };
  const entries = text.split(' ').map((e) => {
    const [kind, id, perms] = e.split(':') as [string, string, string];
    const perm = (perms[0] === 'r' ? 4 : 0) | (perms[1] === 'w' ? 2 : 0) | (perms[2] === 'x' ? 1 : 0);
    return { tag: tags[kind]![id === '' ? 0 : 1], perm, id: id === '' ? 0xffffffff : Number(id) };
  });
  return parseAcl(encodeAcl(entries))!;
}

interface File {
  mode: number;
  uid: number;
  gid: number;
  access?: Acl;
  default?: Acl;
}

/** A translator over a few files by gfid. */
function setup(files: Record<string, File>) {
  const brick = new FakeBrick();
  const asked: Asked[] = [];
  const inodes: Record<string, Inode> = {};
  const byKey = new Map<string, File>();
  for (const [name, file] of Object.entries(files)) {
    const inode = name === 'root' ? brick.root : brick.inode(file.mode & 0o170000);
    inodes[name] = inode;
    byKey.set(inode.key, file);
  }
  const statFor = (key: string, gfid: Uint8Array) => {
    const { mode, uid, gid } = byKey.get(key)!;
    return statOf({ gfid, mode, uid, gid });
  };
  const next: Partial<Fops> = {
    lookup: (_call, args) => {
      const gfid = args.gfid ?? args.loc.inode?.gfid;
      const file = gfid === undefined ? undefined : byKey.get(gfidKey(gfid));
      if (file === undefined) throw failure(ESTALE);
      const xdata = new Dict();
      if (file.access && args.xdata?.has(ACCESS)) xdata.setBytes(ACCESS, encodeAcl(file.access));
      if (file.default && args.xdata?.has(DEFAULT)) xdata.setBytes(DEFAULT, encodeAcl(file.default));
      return { stat: statFor(gfidKey(gfid!), gfid!), postparent: statOf({}), xdata };
    },
    setattr: (_call, args) => {
      const file = byKey.get(args.inode.key)!;
      const pre = statFor(args.inode.key, args.inode.gfid);
      if (args.valid & 1) file.mode = (file.mode & 0o170000) | args.stat.mode;
      if (args.valid & 2) file.uid = args.stat.uid;
      return { pre, post: statFor(args.inode.key, args.inode.gfid), xdata: null };
    },
    mkdir: (call, args) => ({
      stat: statOf({ gfid: gfidOf(99), mode: DIR | args.mode, uid: call.uid, gid: call.gid }),
      preparent: statOf({}),
      postparent: statOf({}),
      xdata: null,
    }),
  };
  const acls = make(PosixAclTranslator, { 'super-uid': 0 }, brick, next, asked);
  const client = new FakeClient();
  const user = (uid: number, gid = uid, groups: number[] = [], pid = 100): Call =>
    callOf(client, { uid, gid, groups, pid });
  return { acls, brick, inodes, asked, user, client, files };
}

t.test('the binary form', async (t) => {
  const list = acl('o::r-- m::rw- g:5:rwx u::rwx u:7:r-- g::r-x u:3:--x');
  t.strictSame(
    list.map((e) => e.tag),
    [1, 2, 2, 4, 8, 0x10, 0x20],
    'in order',
  );
  const bytes = encodeAcl(list);
  t.equal(bytes.length, 4 + 7 * 8);
  t.strictSame(parseAcl(bytes), list);
  for (const bad of [[], [2, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0, 1], [2, 0, 0, 0, 3, 0, 7, 0, 0, 0, 0, 0]]) {
    t.equal(parseAcl(Uint8Array.from(bad)), null, `${bad}`);
  }
});

t.test('the decision', async (t) => {
  const { user } = setup({});
  const plain = { uid: 1, gid: 10, mode: 0o640, access: null };
  t.ok(permits(plain, user(1), 6));
  t.notOk(permits(plain, user(1), 1));
  t.ok(permits(plain, user(2, 2, [10]), 4));
  t.notOk(permits(plain, user(2, 10), 2));
  t.notOk(permits(plain, user(2), 4));
  t.notOk(permits({ ...plain, mode: 0o077 }, user(1), 4), 'an owner has no more than its own bits');
  t.notOk(permits({ ...plain, mode: 0o707 }, user(2, 10), 4), 'and a group');
  const file = { uid: 1, gid: 10, mode: 0o664, access: acl('u::rw- u:7:rwx g::r-- g:20:-w- g:30:r-- m::rw- o::r--') };
  t.ok(permits(file, user(7), 6));
  t.notOk(permits(file, user(7), 1), 'the mask limits named users');
  t.ok(permits(file, user(8, 20), 2));
  t.notOk(permits(file, user(8, 20, [30]), 6), 'not from two groups together');
  t.ok(permits(file, user(8, 30), 4));
  t.notOk(permits(file, user(8, 20), 4), 'a group that says no keeps others out');
  t.ok(permits(file, user(9), 4));
});

t.test('inheritance', async (t) => {
  const { access, mode } = inherit(acl('u::rwx u:7:rwx g::rwx m::rwx o::r-x'), 0o100640);
  t.equal(mode, 0o100640);
  t.strictSame(access, acl('u::rw- u:7:rwx g::rwx m::r-- o::---'));
  const bare = inherit(acl('u::rwx g::r-x o::---'), 0o777);
  t.equal(bare.mode, 0o750);
});

t.test('root and internal clients cost a comparison', async (t) => {
  const { acls, inodes, asked, user } = setup({ root: { mode: DIR | 0o700, uid: 0, gid: 0 } });
  const root = inodes['root']!;
  for (const call of [user(0), user(5, 5, [], -3)]) {
    asked.length = 0;
    await acls.open(call, { inode: root, fd: fdOf(root, call.client), flags: 2, xdata: null });
    await acls.getxattr(call, { inode: root, name: 'user.x', xdata: null });
    t.strictSame(
      asked.map((a) => a.fop),
      ['open', 'getxattr'],
    );
  }
  t.equal(root.ctx[0], undefined);
});

t.test('permissions are read once, and changes are noticed', async (t) => {
  const { acls, inodes, asked, user, files } = setup({ file: { mode: FILE | 0o600, uid: 1, gid: 1 } });
  const inode = inodes['file']!;
  const open = (uid: number) =>
    errnoOfAttempt(() => acls.open(user(uid), { inode, fd: fdOf(inode, user(uid).client), flags: 0, xdata: null }));
  t.equal(await open(2), EACCES);
  t.equal(await open(1), 0);
  t.equal(asked.filter((a) => a.fop === 'lookup').length, 1);
  await acls.setattr(user(1), { inode, stat: statOf({ mode: 0o644 }), valid: 1, xdata: null });
  t.equal(await open(2), 0);
  files['file']!.access = acl('u::rw- u:2:--- g::r-- m::r-- o::r--');
  t.equal(await open(2), 0);
  await acls.setxattr(user(1), { inode, dict: dictOf({ [ACCESS]: new Uint8Array(4) }), flags: 0, xdata: null });
  t.equal(await open(2), EACCES);
  await acls.setattr(user(0), { inode, stat: statOf({ uid: 2 }), valid: 2, xdata: null });
  t.equal(await open(2), 0, 'its file now');
});

t.test('access', async (t) => {
  const { acls, inodes, user } = setup({ file: { mode: FILE | 0o640, uid: 1, gid: 10 } });
  const inode = inodes['file']!;
  const access = (call: Call, mask: number) => errnoOfAttempt(() => acls.access(call, { inode, mask, xdata: null }));
  t.equal(await access(user(2), 0), 0);
  t.equal(await access(user(2), 4), EACCES);
  t.equal(await access(user(1), 6), 0);
  t.equal(await access(user(1), 8), EINVAL);
  t.equal(await access(user(0), 7), 0);
  const nfs = (await acls.access(user(2, 10, [], 1), { inode, mask: 7, xdata: null })) as AccessReply;
  t.equal(nfs.errno, 4);
});

t.test('look-up needs search permission, and brings what later checks need', async (t) => {
  const { acls, inodes, asked, user } = setup({
    root: { mode: DIR | 0o755, uid: 0, gid: 0 },
    closed: { mode: DIR | 0o700, uid: 1, gid: 1 },
    file: { mode: FILE | 0o644, uid: 1, gid: 1 },
  });
  const { root, closed, file } = inodes as Record<string, Inode>;
  const lookup = (uid: number, parent: Inode) =>
    errnoOfAttempt(() => acls.lookup(user(uid), { loc: { inode: file!, parent, name: 'f' }, gfid: null, xdata: null }));
  t.equal(await lookup(2, closed!), EACCES);
  const shared = dictOf({ key: 1 });
  await acls.lookup(user(2), { loc: { inode: file!, parent: root!, name: 'f' }, gfid: null, xdata: shared });
  t.equal(shared.size, 1, 'the xdata may be that of another fop, to which ACL keys would be ACLs to set');
  const before = asked.length;
  const fd = fdOf(file!, user(2).client);
  t.equal(await errnoOfAttempt(() => acls.open(user(2), { inode: file!, fd, flags: 1, xdata: null })), EACCES);
  t.equal(
    await errnoOfAttempt(() => acls.open(user(2), { inode: file!, fd, flags: 0o40, xdata: null })),
    EACCES,
    'exec',
  );
  t.equal(asked.length, before);
});

t.test('creation: permission, umask, inheritance', async (t) => {
  const { acls, inodes, asked, user } = setup({
    root: { mode: DIR | 0o755, uid: 0, gid: 0 },
    open: { mode: DIR | 0o777, uid: 0, gid: 0 },
    passing: { mode: DIR | 0o777, uid: 0, gid: 0, default: acl('u::rwx u:7:rwx g::r-x m::rwx o::---') },
  });
  const mkdir = (uid: number, parent: Inode, xdata: Dict | null = null) =>
    errnoOfAttempt(() =>
      acls.mkdir(user(uid), { loc: { inode: null, parent, name: 'd' }, mode: 0o777, umask: 0o022, xdata }),
    );
  const last = () => asked.findLast((a) => a.fop === 'mkdir')!.args as { mode: number; xdata: Dict | null };
  t.equal(await mkdir(2, inodes['root']!), EACCES);
  t.equal(await mkdir(2, inodes['open']!), 0);
  t.equal(last().mode, 0o755);
  t.equal(await mkdir(2, inodes['open']!, dictOf({ umask: 0o077, mode: 0o777 })), 0);
  t.equal(last().mode, 0o700, 'umask of an old client');
  t.equal(last().xdata!.size, 0);
  for (const uid of [2, 0]) {
    t.equal(await mkdir(uid, inodes['passing']!), 0);
    t.equal(last().mode, 0o770, 'the umask does not count');
    t.strictSame(parseAcl(last().xdata!.bytes(ACCESS)!), acl('u::rwx u:7:rwx g::r-x m::rwx o::---'));
    t.ok(last().xdata!.has(DEFAULT));
  }
});

t.test('the sticky bit', async (t) => {
  const { acls, inodes, user } = setup({
    tmp: { mode: DIR | 0o1777, uid: 0, gid: 0 },
    theirs: { mode: FILE | 0o666, uid: 1, gid: 1 },
  });
  const loc = { inode: inodes['theirs']!, parent: inodes['tmp']!, name: 'x' };
  const unlink = (uid: number) => errnoOfAttempt(() => acls.unlink(user(uid), { loc, xflags: 0, xdata: null }));
  t.equal(await unlink(2), EACCES);
  t.equal(await unlink(1), 0);
  const rename = (uid: number) =>
    errnoOfAttempt(() =>
      acls.rename(user(uid), { oldLoc: loc, newLoc: { ...loc, inode: null, name: 'y' }, xdata: null }),
    );
  t.equal(await rename(2), EACCES);
  t.equal(await rename(1), 0);
});

t.test('who may change attributes', async (t) => {
  const { acls, inodes, asked, user } = setup({ file: { mode: FILE | 0o664, uid: 1, gid: 10 } });
  const inode = inodes['file']!;
  const set = (call: Call, valid: number, over = {}) =>
    errnoOfAttempt(() => acls.setattr(call, { inode, stat: statOf(over), valid, xdata: null }));
  t.equal(await set(user(2, 10), 1, { mode: 0o777 }), EPERM);
  t.equal(await set(user(2, 10), 0x30), 0, 'times with write permission');
  t.equal(await set(user(2), 0x30), EACCES);
  t.equal(await set(user(1), 2, { uid: 1 }), 0);
  t.equal(await set(user(1), 2, { uid: 2 }), EPERM);
  t.equal(await set(user(1, 1, [30]), 4, { gid: 30 }), 0);
  t.equal(await set(user(1, 1), 4, { gid: 30 }), EPERM);
  t.equal(await set(user(1, 1), 1, { mode: 0o2755 }), 0);
  const { stat } = asked.at(-1)!.args as { stat: { mode: number } };
  t.equal(stat.mode, 0o755, 'set-gid needs to be in the group');
  t.equal(await errnoOfAttempt(() => acls.removexattr(user(2, 10), { inode, name: ACCESS, xdata: null })), EPERM);
  t.equal(await errnoOfAttempt(() => acls.removexattr(user(2, 2), { inode, name: 'user.a', xdata: null })), EACCES);
  t.equal(await errnoOfAttempt(() => acls.getxattr(user(2, 2), { inode, name: ACCESS, xdata: null })), 0);
});
