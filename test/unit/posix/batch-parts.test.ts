import t from 'tap';
import { AssertionError } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { ECANCELED } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { Queue } from '../../../native/queue.js';
import { BatchPart, runParts, startPart } from '../../../posix/disk/batch-parts.js';

const queue = new Queue(2);
t.teardown(() => queue.close());

/** Stats `fd` and notes when it is called. */
class Part extends BatchPart {
  readonly #name: string;
  readonly #calls: string[];
  readonly #fd: number;
  #at = 0;
  #op = -1;
  result: number | null = null;

  constructor(name: string, calls: string[], fd = 0) {
    super();
    this.#name = name;
    this.#calls = calls;
    this.#fd = fd;
  }
  protected override takeRoom(b: Batch): void {
    this.#calls.push(`${this.#name} reserve`);
    this.#at = b.statOut();
  }
  protected override addOps(b: Batch): void {
    this.#calls.push(`${this.#name} ops`);
    this.#op = b.statx(this.#fd, null, this.#at);
  }
  protected override takeResults(b: Batch): void {
    this.#calls.push(`${this.#name} ended`);
    this.result = b.result(this.#op);
  }
}

class Faulty extends Part {
  readonly #where: 'ops' | 'ended';

  constructor(name: string, calls: string[], where: 'ops' | 'ended') {
    super(name, calls);
    this.#where = where;
  }
  protected override addOps(b: Batch): void {
    super.addOps(b);
    if (this.#where === 'ops') throw new RangeError('no room');
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    if (this.#where === 'ended') throw new RangeError('no sense');
  }
}

t.test('all parts reserve, then all add their ops, then all end, and may be used again', async (t) => {
  const calls: string[] = [];
  const a = new Part('a', calls);
  const b = new Part('b', calls);
  await runParts(queue, 0, Priority.normal, [a, b]);
  const once = ['a reserve', 'b reserve', 'a ops', 'b ops', 'a ended', 'b ended'];
  t.same(calls, once);
  t.equal(a.result, 0);
  await runParts(queue, 0, Priority.normal, [a, b]);
  t.same(calls, [...once, ...once]);
});

t.test('a batch that fails ends its parts, too', async (t) => {
  const calls: string[] = [];
  const a = new Part('a', calls, 1_000_000);
  const b = new Part('b', calls);
  await runParts(queue, 0, Priority.normal, [a, b]);
  t.ok(a.result! < 0);
  t.equal(b.result, -ECANCELED);
});

t.test('what one part throws at its end keeps no other from ending, and is thrown on', async (t) => {
  const calls: string[] = [];
  const a = new Faulty('a', calls, 'ended');
  const b = new Part('b', calls);
  await t.rejects(runParts(queue, 0, Priority.normal, [a, b]), RangeError);
  t.equal(b.result, 0);

  const told = new Promise((resolve) => {
    const before = queue.onFault;
    queue.onFault = (thrown) => {
      queue.onFault = before;
      resolve(thrown);
    };
  });
  startPart(queue, 0, Priority.normal, new Faulty('c', calls, 'ended'));
  t.ok((await told) instanceof RangeError);
});

t.test('parts whose batch cannot be made end as if it had been canceled', async (t) => {
  const calls: string[] = [];
  const a = new Part('a', calls);
  const b = new Faulty('b', calls, 'ops');
  const c = new Part('c', calls);
  await t.rejects(runParts(queue, 0, Priority.normal, [a, b, c]), { message: 'no room' });
  t.same(calls, ['a reserve', 'b reserve', 'c reserve', 'a ops', 'b ops', 'a ended', 'b ended']);
  t.equal(a.result, -ECANCELED);
  t.equal(c.result, null);
  await runParts(queue, 0, Priority.normal, [c, a]);
  t.equal(a.result, 0);
});

t.test('calls out of order fail', async (t) => {
  const part = new Part('a', []);
  const b = batch();
  t.throws(() => part.ops(b), AssertionError);
  t.throws(() => part.ended(b), AssertionError);
  part.reserve(b);
  t.throws(() => part.reserve(b), AssertionError);
  t.throws(() => part.ended(b), AssertionError);
  part.ops(b);
  t.throws(() => part.ops(b), AssertionError);
  b.run();
  part.ended(b);
  t.throws(() => part.ended(b), AssertionError);
  b.release();
});
