import t from 'tap';
import { Stack } from '../../../mux/brick/stack.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FopName, InodeArgs, MaybePromise, StatReply, Xdata } from '../../../mux/xlator/fops.js';
import { below, intercept } from '../../../mux/xlator/intercept.js';
import { Translator, type TranslatorInit } from '../../../mux/xlator/translator.js';
import { EIO, ENOSYS } from '../../../native/errno.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, statOf } from '../translators/harness.js';

class Storage extends Translator {
  stat(): StatReply {
    return { stat: statOf({ size: 7 }), xdata: null };
  }
  flush(): Xdata {
    return { xdata: null };
  }
}

class Watcher extends Translator {
  readonly seen: FopName[] = [];
  flush(): MaybePromise<Xdata> {
    throw failure(EIO);
  }
}
intercept(
  Watcher,
  ['stat', 'access'],
  (name) =>
    function (call, args) {
      this.seen.push(name);
      return below(this, name)(call, args);
    },
);

const spec = (type: new (init: TranslatorInit<unknown>) => Translator) => ({
  name: type.name,
  type: type.name,
  options: {},
  create: (init: TranslatorInit<unknown>) => new type(init),
});

t.test('the stack finds intercepted fops; what lies below the others is linked past', async (t) => {
  const brick = new FakeBrick();
  const stack = new Stack([spec(Watcher), spec(Storage)], brick);
  const watcher = stack.layers[0] as Watcher;
  const call = callOf(new FakeClient());
  const args: InodeArgs = { inode: brick.root, xdata: null };
  t.equal((await stack.top.stat(call, args)).stat.size, 7);
  t.same(watcher.seen, ['stat']);
  t.equal(await errnoOfAttempt(() => stack.top.access(call, { ...args, mask: 0 })), ENOSYS);
  t.same(watcher.seen, ['stat', 'access']);
  t.equal(await errnoOfAttempt(() => stack.top.flush(call, { fd: undefined as never, xdata: null })), EIO);
  t.equal(await errnoOfAttempt(() => stack.top.readlink(call, { ...args, size: 1 })), ENOSYS);
  t.equal((await stack.storage.stat(call, args)).stat.size, 7, 'the storage is asked without the layers above');
  t.same(watcher.seen, ['stat', 'access']);
});

t.test('a fop has one method', async (t) => {
  t.throws(
    () =>
      intercept(
        Watcher,
        ['flush'],
        (name) =>
          function (call, args) {
            return below(this, name)(call, args);
          },
      ),
    /one method/,
  );
});
