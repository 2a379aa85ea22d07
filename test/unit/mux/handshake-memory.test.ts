/** What connections may hold before their handshake: by address and in all, and never less than nothing. */
import t from 'tap';
import { ADDRESS_BYTES, HandshakeBudget } from '../../../mux/handshake/handshake-memory.js';
import type { Connection } from '../../../mux/transport/connection.js';
import { AssertionError } from '../../../native/assert.js';

/** A connection as far as its memory needs one. */
function fake() {
  const closed: string[] = [];
  const connection = { close: (reason: string) => closed.push(reason) } as unknown as Connection;
  return { connection, closed };
}

t.test('an address is forgotten with its last connection', async (t) => {
  const budget = new HandshakeBudget();
  const { connection } = fake();
  const memory = budget.of('10.0.0.1');
  memory.joined(connection);
  t.equal(budget.of('10.0.0.1'), memory);
  t.equal(budget.addresses, 1);
  memory.left(connection);
  t.equal(budget.addresses, 0);
});

t.test('an address that holds too much loses the connection that asks for more', async (t) => {
  const budget = new HandshakeBudget();
  const { connection, closed } = fake();
  const memory = budget.of('10.0.0.1');
  t.ok(memory.begin(connection, ADDRESS_BYTES));
  t.notOk(memory.begin(connection, 1));
  t.equal(budget.held, ADDRESS_BYTES);
  await new Promise(setImmediate);
  t.equal(closed.length, 1);
  memory.end(connection, ADDRESS_BYTES);
  t.equal(budget.held, 0);
});

t.test('no more is given back than was taken', async (t) => {
  const budget = new HandshakeBudget();
  const { connection } = fake();
  const memory = budget.of('10.0.0.1');
  const other = budget.of('10.0.0.2');
  memory.take(10, connection);
  t.throws(() => other.give(10), AssertionError, 'by another address');
  memory.give(10);
  t.throws(() => memory.give(1), AssertionError);
});
