/** Latency histograms and error counts of fops. */
import t from 'tap';
import { FopStats, LATENCY_BOUNDS_SEC, LATENCY_BUCKETS, latenciesIn } from '../../../mux/stats/fop-stats.js';

t.test('latencies fall into their buckets', async (t) => {
  const book = new FopStats();
  t.equal(book.latencies().length, 0, 'nothing for fops that nobody called');
  book.recordLatency(27, 0.005);
  book.recordLatency(27, 0.01);
  book.recordLatency(27, 0.011);
  book.recordLatency(12, 10_000);
  book.recordLatency(12, 10_001);
  const [read, lookup, ...more] = [...latenciesIn(book.latencies())];
  t.equal(more.length, 0);
  t.equal(lookup!.fop, 27);
  t.equal(lookup!.count, 3);
  t.same([...lookup!.buckets.slice(0, 3)], [2, 1, 0], 'a bound belongs to its bucket');
  t.ok(Math.abs(lookup!.sumSec - 0.000026) < 1e-12);
  t.equal(read!.fop, 12);
  t.equal(read!.buckets[LATENCY_BUCKETS - 2], 1);
  t.equal(read!.buckets[LATENCY_BUCKETS - 1], 1, 'the last bucket has no bound');
  t.equal(read!.sumSec, 20.001);
});

t.test('bounds rise from 10 microseconds to 10 seconds', async (t) => {
  t.equal(LATENCY_BOUNDS_SEC[0], 1e-5);
  t.equal(LATENCY_BOUNDS_SEC.at(-1), 10);
  for (const [i, bound] of LATENCY_BOUNDS_SEC.entries()) if (i > 0) t.ok(bound > LATENCY_BOUNDS_SEC[i - 1]!);
});

t.test('errors by fop and errno', async (t) => {
  const book = new FopStats();
  t.equal(book.errors().length, 0);
  book.recordFailure(27, 2);
  book.recordFailure(27, 2);
  book.recordFailure(53, 110);
  t.same([...book.errors()], [27, 2, 2, 53, 110, 1]);
});
