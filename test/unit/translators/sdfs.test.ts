import t from 'tap';
import { SdfsTranslator } from '../../../brickd/translators/features/sdfs/sdfs.js';
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { EntrylkArgs, Fops } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EAGAIN } from '../../../native/errno.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, make } from './harness.js';

const client = new FakeClient();
const call = callOf(client, { uid: 5 } as Partial<Call>);

/** A layer below that notes what it is asked, and answers entry fops when it is told to. */
function setup(refuse = 'nothing') {
  const brick = new FakeBrick();
  const steps: string[] = [];
  const owners = new Map<string, string>();
  const answers: (() => void)[] = [];
  const entrylk = (own: Call, { inode, name, cmd, type, domain }: EntrylkArgs) => {
    const label = `${inode === brick.root ? '/' : inode.key.charCodeAt(14) * 256 + inode.key.charCodeAt(15)}:${name}`;
    if (cmd === 0 && name === refuse) throw failure(EAGAIN);
    steps.push(`${['lock', 'unlock'][cmd]} ${['read', 'write'][type]} ${label}`);
    t.equal(domain, 'v-test');
    t.equal(own.uid, 5);
    if (cmd === 0) owners.set(label, own.lkOwner);
    else t.equal(owners.get(label), own.lkOwner, 'unlocked by who has locked');
    return { xdata: null };
  };
  const entryFop = (what: string) => () => {
    steps.push(what);
    return new Promise((resolve) => answers.push(() => resolve({ what })));
  };
  const below = Object.fromEntries(
    ['lookup', 'mkdir', 'create', 'unlink', 'rename', 'link', 'readdirp'].map((fop) => [fop, entryFop(fop)]),
  ) as unknown as Partial<Fops>;
  const sdfs = make(SdfsTranslator, { 'pass-through': false }, brick, { ...below, entrylk });
  const loc = (parent: Inode, name: string) => ({ inode: null, parent, name });
  return { brick, sdfs, steps, answers, loc, owners };
}
const soon = () => new Promise((resolve) => setImmediate(resolve));

t.test('a change holds its name while it runs', async (t) => {
  const { brick, sdfs, steps, answers, loc } = setup();
  const made = sdfs.mkdir(call, { loc: loc(brick.root, 'd'), mode: 0o755, umask: 0, xdata: null });
  await soon();
  t.same(steps, ['lock write /:d', 'mkdir']);
  answers[0]!();
  t.same(await made, { what: 'mkdir' });
  t.same(steps.slice(2), ['unlock write /:d']);
});

t.test('look-ups and readings share theirs', async (t) => {
  const { brick, sdfs, steps, answers, loc } = setup();
  const found = sdfs.lookup(call, { loc: loc(brick.root, 'f'), gfid: null, xdata: null });
  await soon();
  answers[0]!();
  await found;
  const root = { ...loc(brick.root, ''), parent: null, inode: brick.root };
  const nameless = sdfs.lookup(call, { loc: root, gfid: null, xdata: null });
  await soon();
  answers[1]!();
  await nameless;
  const read = sdfs.readdirp(call, { fd: { inode: brick.root } as never, offset: 0n, size: 10, xdata: null });
  await soon();
  answers[2]!();
  await read;
  t.same(steps, ['lock read /:f', 'lookup', 'unlock read /:f', 'lookup', 'lock read /:', 'readdirp', 'unlock read /:']);
});

t.test('renames lock in one order, and a name once', async (t) => {
  const { brick, sdfs, steps, answers, loc, owners } = setup();
  const a = brick.inode(0o040000);
  const b = brick.inode(0o040000);
  const rename = async (from: [Inode, string], to: [Inode, string]) => {
    steps.length = 0;
    answers.length = 0;
    const done = sdfs.rename(call, { oldLoc: loc(...from), newLoc: loc(...to), xdata: null });
    await soon();
    answers[0]!();
    await done;
    return steps.filter((s) => s.startsWith('lock'));
  };
  const forth = await rename([a, 'x'], [b, 'y']);
  t.equal(forth.length, 2);
  t.same(await rename([b, 'y'], [a, 'x']), forth);
  t.equal(new Set(owners.values()).size, 1, 'both by one owner');
  t.same(await rename([a, 'x'], [a, 'w']), await rename([a, 'w'], [a, 'x']));
  t.equal((await rename([a, 'x'], [a, 'x'])).length, 1);
});

t.test('a lock that is refused', async (t) => {
  const { brick, sdfs, steps, loc } = setup('z');
  const args = { oldLoc: loc(brick.root, 'a'), newLoc: loc(brick.root, 'z'), xdata: null };
  t.equal(await errnoOfAttempt(() => sdfs.rename(call, args)), EAGAIN);
  t.same(steps, ['lock write /:a', 'unlock write /:a'], 'what was locked before is let go');
});

t.test('linked out unless it is asked for', async (t) => {
  const brick = new FakeBrick();
  t.equal(make(SdfsTranslator, { 'pass-through': true }, brick).wants('mkdir'), false);
  t.equal(make(SdfsTranslator, { 'pass-through': false }, brick).wants('mkdir'), true);
});
