/** Namespaces: which one an inode belongs to, and that nothing is renamed or linked from one to another. */
import t from 'tap';
import { type LogLine, Severity, setLogSink } from '../../../mux/base/log.js';
import { InodeTable } from '../../../mux/brick/inode-table.js';
import { learnNamespace, NAMESPACE_KEY, withNamespaceKey } from '../../../mux/fops/namespaces.js';
import { openSession } from '../../../mux/session/session.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type {
  EntryReply,
  LinkArgs,
  LookupArgs,
  LookupReply,
  MkdirArgs,
  RenameArgs,
  RenameReply,
  Xdata,
} from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, gfidText, ROOT_GFID, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import { EIO, ENOENT, ENOTSUP, EPERM, EXDEV } from '../../../native/errno.js';
import { S_IFDIR, S_IFREG } from '../../../native/linux.js';
import { brickOf, Client, connection, Fake, IDENTITY } from './rig.js';

const lines: LogLine[] = [];
setLogSink({ wants: (severity) => severity <= Severity.warning, write: (line) => void lines.push(line) });

/** A gfid of its own for each name. */
function gfid(name: string): Gfid {
  if (name === '/') return ROOT_GFID;
  const g = new Uint8Array(16);
  g[0] = 0xab;
  for (let i = 0; i < name.length; i++) g[i + 1] = name.charCodeAt(i);
  return g;
}
const key = (name: string) => gfidKey(gfid(name));
const marked = new Dict().setBytes(NAMESPACE_KEY, Buffer.from('true'));

t.test('everything belongs to what is nearest above', async (t) => {
  const table = new InodeTable(0, () => {});
  table.trackNamespaces();
  const dir = (parent = table.root, name: string, answer: Dict | null = null) => {
    const inode = table.link(parent, name, gfid(name), S_IFDIR);
    learnNamespace(table, inode, answer);
    return inode;
  };
  const a = dir(table.root, 'a');
  const n = dir(table.root, 'n', marked);
  const b = dir(n, 'b');
  const inner = dir(b, 'inner', marked);
  const deep = dir(inner, 'deep');
  const file = table.link(b, 'f', gfid('f'), S_IFREG);
  t.equal(a.namespace, table.root);
  t.same([n.namespace, b.namespace, file.namespace], [n, n, n]);
  t.same([inner.namespace, deep.namespace], [inner, inner]);
  table.markNamespace(b);
  t.same([n.namespace, b.namespace, file.namespace], [n, b, b], 'what is known below goes along');
  t.same([inner.namespace, deep.namespace], [inner, inner], 'but for what has a nearer one');
  table.link(a, 'deep', deep.gfid, S_IFDIR);
  t.equal(deep.namespace, table.root, 'moved behind our back');
  const unasked = table.link(n, 'u', gfid('u'), S_IFDIR);
  t.equal(unasked.namespace, null, 'a directory that was not asked about may be a root itself');
  t.equal(table.link(unasked, 'v', gfid('v'), S_IFREG).namespace, null);
});

t.test('a volume without namespaces is not asked about them', async (t) => {
  const table = new InodeTable(0, () => {});
  t.equal(withNamespaceKey(table, null, null), null);
  const dir = table.link(table.root, 'd', gfid('d'), S_IFDIR);
  learnNamespace(table, dir, marked);
  table.markNamespace(dir);
  t.equal(dir.namespace, null);
  t.equal(table.root.namespace, null);
});

t.test('look-ups ask where it is not known, in a dictionary of their own', async (t) => {
  const table = new InodeTable(0, () => {});
  table.trackNamespaces();
  const own = new Dict().setInt('x', 1);
  t.same([...withNamespaceKey(table, null, own)!.map.keys()], ['x', NAMESPACE_KEY]);
  t.notOk(own.has(NAMESPACE_KEY));
  t.equal(withNamespaceKey(table, table.root, own), own);
  t.equal(withNamespaceKey(table, null, marked), marked, 'the client asks itself');
});

/** Directories and files on disk, by name: what is above, and whether it is the root of a namespace. */
const DISK: Record<string, { above: string; root?: boolean; file?: boolean }> = {
  '/': { above: '/' },
  n: { above: '/', root: true },
  m: { above: '/', root: true },
  nd: { above: 'n' },
  nf: { above: 'nd', file: true },
  d: { above: '/' },
  df: { above: 'd', file: true },
  // A file that has lost its names.
  lost: { above: '', file: true },
};
let failing = 0;

class Disk extends Fake {
  override lookup(_call?: Call, args?: LookupArgs): LookupReply {
    const { loc, gfid: wanted, xdata } = args!;
    if (failing !== 0) throw failure(failing);
    const named = (g: Gfid) => Object.keys(DISK).find((n) => gfidKey(gfid(n)) === gfidKey(g))!;
    let name = loc.parent === null ? named(wanted!) : loc.name;
    if (name === '..') name = DISK[named(loc.parent!.gfid)]!.above;
    const entry = DISK[name];
    if (entry === undefined || (loc.parent !== null && loc.name !== '..' && key(entry.above) !== loc.parent.key)) {
      throw failure(ENOENT);
    }
    const stat = Object.assign(new Iatt(), {
      gfid: gfid(name),
      mode: entry.file ? S_IFREG | 0o644 : S_IFDIR | 0o755,
      nlink: 1,
    });
    const answer = new Dict();
    if (entry.root && xdata?.has(NAMESPACE_KEY)) answer.setBytes(NAMESPACE_KEY, Buffer.from('true'));
    if (entry.file && entry.above !== '' && xdata?.has('trusted.gfid2path.*')) {
      answer.setBytes('trusted.gfid2path.0011', Buffer.from(`${gfidText(gfid(entry.above))}/${name}`));
    }
    return { stat, postparent: stat, xdata: answer };
  }
  rename(_call: Call, _args: RenameArgs): RenameReply {
    const stat = NO_IATT;
    return { stat, preOldParent: stat, postOldParent: stat, preNewParent: stat, postNewParent: stat, xdata: null };
  }
  link(_call: Call, { inode }: LinkArgs): EntryReply {
    const stat = Object.assign(new Iatt(), { gfid: inode.gfid, mode: S_IFREG });
    return { stat, preparent: stat, postparent: stat, xdata: null };
  }
  mkdir(_call: Call, { loc }: MkdirArgs): EntryReply {
    const stat = Object.assign(new Iatt(), { gfid: gfid(loc.name), mode: S_IFDIR });
    return { stat, preparent: stat, postparent: stat, xdata: null };
  }
  setxattr(): Xdata {
    return { xdata: null };
  }
  removexattr(): Xdata {
    return { xdata: null };
  }
}

async function setup(tracks = true) {
  const { brick } = await brickOf(Disk);
  if (tracks) brick.table.trackNamespaces();
  const { socket, fd } = await connection();
  await openSession(brick, IDENTITY, fd);
  const client = new Client(socket);
  let xid = 0;
  const fop = async (name: Parameters<Client['record']>[1], request: object, pid = 1000): Promise<number> => {
    socket.write(client.record(++xid, name, { xdata: null, ...request }, undefined, 0, pid));
    return ((await client.result(xid, name)).rsp as { op_errno: number }).op_errno;
  };
  const rename = (from: [string, string], to: [string, string]) =>
    fop('rename', { oldgfid: key(from[0]), oldbname: from[1], newgfid: key(to[0]), newbname: to[1] });
  const link = (old: string, to: [string, string]) =>
    fop('link', { oldgfid: key(old), newgfid: key(to[0]), newbname: to[1] });
  lines.length = 0;
  return { brick, fop, rename, link };
}

t.test('nothing is renamed or linked from one namespace to another', async (t) => {
  const { rename, link } = await setup();
  // None of these is in the table: all is found on disk.
  t.equal(await rename(['nd', 'nf'], ['n', 'x']), 0, 'within one, at whatever depth');
  t.equal(await rename(['nd', 'nf'], ['m', 'x']), EXDEV);
  t.match(lines, [{ severity: Severity.error, errno: EXDEV, text: /^rename from .* not allowed across namespaces/ }]);
  t.equal(await rename(['d', 'df'], ['n', 'x']), EXDEV);
  t.equal(await rename(['d', 'df'], ['/', 'x']), 0);
  lines.length = 0;
  t.equal(await link('nf', ['d', 'y']), EXDEV);
  t.match(lines, [{ errno: EXDEV, text: /^link from / }]);
  t.equal(await link('nf', ['n', 'y']), 0);
});

t.test('where there are none, everything goes', async (t) => {
  const { rename, link, fop, brick } = await setup(false);
  t.equal(await rename(['nd', 'nf'], ['m', 'x']), 0);
  t.equal(await link('nf', ['d', 'y']), 0);
  t.equal(await fop('setxattr', { gfid: key('n'), dict: marked, flags: 0 }), 0);
  t.equal(brick.namespaceOf(brick.table.get(key('n'))!), brick.root);
});

t.test('a namespace is made by internal clients and never removed', async (t) => {
  const { brick, fop, rename } = await setup();
  const set = (pid: number) => fop('setxattr', { gfid: key('d'), dict: marked, flags: 0 }, pid);
  t.equal(await set(1000), EPERM);
  t.equal(await rename(['d', 'df'], ['/', 'x']), 0);
  t.equal(await set(-10), 0);
  t.equal(brick.table.get(key('d'))!.namespace?.key, key('d'));
  t.equal(brick.table.get(key('df'))!.namespace?.key, ROOT_KEY, 'it was moved out before');
  t.equal(await rename(['d', 'df'], ['/', 'x']), EXDEV);
  t.equal(await fop('removexattr', { gfid: key('d'), name: NAMESPACE_KEY }, -10), ENOTSUP);
  t.equal(await fop('removexattr', { gfid: key('d'), name: 'user.x' }), 0);
  const mkdir = (pid: number) =>
    fop('mkdir', { pargfid: key('/'), mode: 0, umask: 0, bname: 'made', xdata: marked }, pid);
  t.equal(await mkdir(1000), EPERM);
  t.equal(await mkdir(-6), 0, 'the self-heal daemon makes it as it is elsewhere');
  t.equal(brick.table.get(key('made'))!.namespace?.key, key('made'));
});

t.test('what can not be told', async (t) => {
  const { brick } = await setup();
  const lost = brick.table.intern(gfid('lost'), S_IFREG);
  const first = brick.namespaceOf(lost);
  t.equal(brick.namespaceOf(lost), first, 'concurrent callers share one search');
  t.equal(await first, brick.root, 'what has no name belongs to the root');
  const file = brick.table.intern(gfid('nf'), S_IFREG);
  failing = EIO;
  const errno = await Promise.resolve(brick.namespaceOf(file)).then(
    () => 0,
    (error: { errno: number }) => error.errno,
  );
  t.equal(errno, EIO);
  failing = 0;
  t.equal((await brick.namespaceOf(file)).key, key('n'), 'a disk that failed is asked again');
});
