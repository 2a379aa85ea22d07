/** Which clients get a place of their own in the metrics, and that the sum of the others never falls. */
import t from 'tap';
import { ClientPlace, ClientPlaces, TOP_CLIENTS } from '../../../mux/brick/top-clients.js';

class FakeClient {
  fops = 0;
  alive = true;
  readonly place = new ClientPlace();
}

t.test('a bounded number of clients has a place', async (t) => {
  const places = new ClientPlaces<FakeClient>();
  const clients = Array.from({ length: TOP_CLIENTS + 5 }, () => new FakeClient());
  for (const [i, client] of clients.entries()) client.fops = i + 1;
  const told = places.assign(clients, 0);
  t.equal(told.size, TOP_CLIENTS);
  t.notOk(told.has(clients[4]!), 'the least busy ones have none');
  t.ok(told.has(clients[5]!));
  t.equal(clients[5]!.place.from, 0, 'all that it did is told of it');
  const all = (): number => clients.reduce((sum, c) => sum + c.fops, 0);
  t.equal(places.untold(all()), 1 + 2 + 3 + 4 + 5);
  clients[0]!.fops += 1000;
  t.notOk(places.assign(clients, 1000).has(clients[0]!), 'a place is kept for a while');
  t.equal(places.untold(all()), 1015);
  clients[0]!.fops += 10;
  for (const client of clients.slice(6)) client.fops++;
  t.ok(places.assign(clients, 400_000).has(clients[0]!), 'and then goes to one that works');
  t.notOk(told.has(clients[5]!));
  t.equal(clients[0]!.place.from, 1011);
  t.equal(places.untold(all()), 1025, 'the sum of the others has not fallen');
});

t.test('the past of clients that have gone stays where it was told', async (t) => {
  const places = new ClientPlaces<FakeClient>();
  const [a, b] = [new FakeClient(), new FakeClient()];
  a.fops = 10;
  b.fops = 5;
  places.assign([a, b], 0);
  t.equal(places.untold(15), 0);
  a.fops = 12;
  a.alive = false;
  t.equal(places.assign([b], 1).size, 1);
  t.equal(places.untold(17), 0, 'what it did was told of itself');
  t.equal(places.untold(20), 3, 'what a client did that came and went unseen is of the others');
});
