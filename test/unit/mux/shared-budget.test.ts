/** Budgets that all bricks of a thread share: who gives way, and that the books stay right. */
import t from 'tap';
import { SharedBudget } from '../../../mux/base/shared-budget.js';
import { AssertionError } from '../../../native/assert.js';

class Holder {
  held = 0;
  take(budget: SharedBudget<Holder>, count: number): this {
    for (let i = 0; i < count; i++) {
      this.held++;
      budget.taken(this);
    }
    return this;
  }
  giveBack(budget: SharedBudget<Holder>, count: number): void {
    this.held -= count;
    budget.returned(this, count);
  }
}

t.test('who holds more than the share gives way to who holds less', async (t) => {
  const budget = new SharedBudget<Holder>(12);
  const modest = new Holder().take(budget, 4);
  const greedy = new Holder().take(budget, 9);
  t.equal(budget.total, 13);
  t.equal(budget.share(), 6);
  t.equal(budget.overdrawn(greedy), greedy);
  t.equal(budget.overdrawn(modest), greedy);
  t.equal(budget.overdrawn(modest, 6), modest, 'under a lower bound it has more than its share itself');
});

t.test('the largest is kept in mind for as many uses as said, and forgotten when it holds nothing', async (t) => {
  const budget = new SharedBudget<Holder>(4, 2);
  const small = new Holder().take(budget, 1);
  const first = new Holder().take(budget, 5);
  t.equal(budget.overdrawn(small), first);
  const second = new Holder().take(budget, 9);
  t.equal(budget.overdrawn(small), first);
  t.equal(budget.overdrawn(small), first);
  t.equal(budget.overdrawn(small), second);
  second.giveBack(budget, 9);
  t.equal(budget.overdrawn(small), first);
  t.notOk(budget.holders.has(second));
});

t.test('more cannot be returned than was taken', async (t) => {
  const budget = new SharedBudget<Holder>(4);
  const holder = new Holder().take(budget, 1);
  holder.giveBack(budget, 1);
  t.throws(() => budget.returned(holder), AssertionError);
  t.throws(() => new SharedBudget(0), AssertionError);
});
