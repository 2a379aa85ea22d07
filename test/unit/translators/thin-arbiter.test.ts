import t from 'tap';
import { ThinArbiterTranslator } from '../../../brickd/translators/features/thin-arbiter/thin-arbiter.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import type { Fops, XattropArgs } from '../../../mux/xlator/fops.js';
import { EINVAL } from '../../../native/errno.js';
import { type Asked, callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make } from './harness.js';

const client = new FakeClient();
const call = callOf(client);
const GOOD = new Uint8Array(12);
const BAD = Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const A = 'trusted.afr.v-client-0';
const B = 'trusted.afr.v-client-1';

/** A brick whose file has these xattrs, and what it was asked to do. */
function setup(onDisk: Dict) {
  const asked: Asked[] = [];
  const brick = new FakeBrick();
  const reply = async () => ({ ret: 0, dict: onDisk, xdata: null });
  const arbiter = make(ThinArbiterTranslator, {}, brick, { xattrop: reply, fxattrop: reply }, asked);
  const inode = brick.inode();
  const ask = (dict: Dict) => arbiter.xattrop(call, { inode, op: 3, dict, xdata: dictOf({ x: 1 }) });
  return { asked, arbiter, brick, inode, ask };
}

t.test('a copy is called bad where none or the same one is', async (t) => {
  for (const onDisk of [dictOf({ [A]: GOOD, [B]: GOOD }), dictOf({ [A]: BAD, [B]: GOOD })]) {
    const { asked, ask } = setup(onDisk);
    const dict = dictOf({ [A]: BAD, [B]: GOOD });
    t.equal((await ask(dict)).dict, onDisk);
    const [look, change] = asked.map((a) => a.args as XattropArgs);
    t.same([look!.dict.bytes(A), look!.dict.bytes(B)], [GOOD, GOOD], 'adds nothing at first');
    t.equal(look!.xdata?.number('x'), 1);
    t.equal(change!.dict, dict);
    t.equal(change!.xdata, null);
  }
});

t.test('what is there can be read', async (t) => {
  const { ask } = setup(dictOf({ [A]: GOOD, [B]: BAD }));
  t.same((await ask(dictOf({ [A]: GOOD, [B]: GOOD }))).dict!.bytes(B), BAD);
});

t.test('never both', async (t) => {
  const cases: [Dict, Dict][] = [
    [dictOf({ [A]: BAD, [B]: GOOD }), dictOf({ [A]: GOOD, [B]: BAD })],
    [dictOf({ [A]: GOOD, [B]: GOOD }), dictOf({ [A]: BAD, [B]: BAD })],
    [dictOf({ [A]: BAD, [B]: BAD }), dictOf({ [A]: GOOD, [B]: GOOD })],
  ];
  for (const [onDisk, dict] of cases) {
    const { asked, ask, arbiter, inode } = setup(onDisk);
    t.equal(await errnoOfAttempt(() => ask(dict)), EINVAL);
    t.equal(asked.length, 1, 'nothing is changed');
    const fd = fdOf(inode, client);
    t.equal(await errnoOfAttempt(() => arbiter.fxattrop(call, { fd, op: 3, dict, xdata: null })), EINVAL);
  }
});

t.test('values of another length or name', async (t) => {
  t.equal(await errnoOfAttempt(() => setup(dictOf({ [A]: GOOD })).ask(dictOf({ [A]: new Uint8Array(4) }))), EINVAL);
  t.equal(await errnoOfAttempt(() => setup(dictOf({ [A]: GOOD })).ask(dictOf({ [B]: GOOD }))), EINVAL);
});

t.test('nothing else is done', async (t) => {
  const { arbiter, inode } = setup(dictOf({}));
  const fops = arbiter as unknown as Fops;
  t.equal(await errnoOfAttempt(() => fops.stat(call, { inode, xdata: null })), EINVAL);
  t.equal(await errnoOfAttempt(() => fops.getxattr(call, { inode, name: '', xdata: null })), EINVAL);
  for (const passed of ['lookup', 'create', 'inodelk', 'finodelk'] as const) t.equal(fops[passed], undefined, passed);
});
