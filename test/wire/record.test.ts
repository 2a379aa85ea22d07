/** Record marking: whatever pieces the bytes arrive in, the same records come out, in one piece each and within bounds. */
import t from 'tap';
import { RecordReader } from '../../mux/wire/record.js';
import { AssertionError } from '../../native/assert.js';
import { type Region, region } from '../../native/memory.js';

const SHARED_BYTES = 16 << 10;

/** Stands for the thread's shared region: a new one when a consumer kept the last. */
function sharing(): () => Region {
  let shared = region(SHARED_BYTES);
  return () => {
    if (shared.shared) shared = region(SHARED_BYTES);
    return shared;
  };
}

/** Feeds bytes as a socket would, at most `piece` at a time. Returns the records, or the problem. */
function feed(
  reader: RecordReader,
  stream: Buffer,
  piece: () => number,
  use?: (r: Region, s: number, e: number) => void,
): string[] | string {
  const found: string[] = [];
  for (let at = 0; at < stream.length; ) {
    const target = reader.target();
    if (target.room <= 0) throw new Error('there must always be room');
    const n = Math.min(target.room, piece(), stream.length - at);
    stream.copy(target.region.bytes, target.start, at, at + n);
    at += n;
    const problem = reader.received(n, (r, start, end) => {
      use?.(r, start, end);
      found.push(r.bytes.latin1Slice(start, end));
    });
    if (problem !== null) return problem;
  }
  return found;
}

function mark(length: number, last = true): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(((last ? 0x80000000 : 0) | length) >>> 0);
  return b;
}

function body(length: number, seed: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed * 17) & 255));
}

/** A small generator with a seed, so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 4294967296) * below);
  };
}

t.test('any pieces, any fragments, any sizes', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const rnd = random(seed);
    const want: string[] = [];
    const stream: Buffer[] = [];
    for (let i = 0; i < 30; i++) {
      const length = [rnd(8), rnd(300), rnd(9000), rnd(100_000)][rnd(4)]!;
      const whole = body(length, seed + i);
      want.push(whole.toString('latin1'));
      let at = 0;
      while (rnd(4) === 0 && at < length) {
        const n = rnd(length - at + 1);
        stream.push(mark(n, false), whole.subarray(at, at + n));
        at += n;
      }
      stream.push(mark(length - at), whole.subarray(at));
    }
    const all = Buffer.concat(stream);
    const most = [1 + rnd(7), 1000, 70_000][seed % 3]!;
    const got = feed(new RecordReader(sharing(), 1 << 20), all, () => 1 + rnd(most));
    t.ok(got.length === want.length && want.every((w, i) => w === got[i]), `seed ${seed}`);
  }
});

t.test('records that the consumer keeps are not overwritten', async (t) => {
  const reader = new RecordReader(sharing(), 1 << 20);
  const kept: { r: Region; start: number; end: number; want: string }[] = [];
  const stream = Buffer.concat(
    Array.from({ length: 200 }, (_, i) => Buffer.concat([mark(1000 + i * 50), body(1000 + i * 50, i)])),
  );
  feed(
    reader,
    stream,
    () => 9000,
    (r, start, end) => {
      if (kept.length % 3 === 0) kept.push({ r: r.retain(), start, end, want: r.bytes.latin1Slice(start, end) });
      else kept.push({ r, start: 0, end: 0, want: '' });
    },
  );
  t.equal(kept.length, 200);
  for (const k of kept) if (k.want !== '') t.equal(k.r.bytes.latin1Slice(k.start, k.end), k.want);
});

t.test('a large record is received in place', async (t) => {
  const reader = new RecordReader(sharing(), 4 << 20);
  const large = Buffer.concat([mark(1 << 20), body(1 << 20, 3)]);
  feed(reader, large, () => 1 << 20);
  // The second one: the connection is known to send large records.
  let receives = 0;
  const regions = new Set<Region>();
  for (let at = 0; at < large.length; receives++) {
    const target = reader.target();
    regions.add(target.region);
    const n = Math.min(target.room, large.length - at);
    large.copy(target.region.bytes, target.start, at, at + n);
    at += n;
    reader.received(n, (r, start, end) => {
      t.equal(end - start, 1 << 20);
      t.ok(regions.has(r), 'handed out where it was received');
    });
  }
  t.equal(receives, 2);
});

t.test('lengths beyond the bound end the stream', async (t) => {
  for (const stream of [
    mark(1001),
    mark(0x7fffffff),
    mark(0x7fffffff, false),
    Buffer.concat([mark(600, false), body(600, 1), mark(401)]),
    Buffer.concat([mark(4), body(4, 1), mark(2000)]),
  ]) {
    for (const piece of [1, 3, 10_000]) {
      const reader = new RecordReader(sharing(), 1000);
      const got = feed(reader, Buffer.concat([stream, body(100, 1)]), () => piece);
      t.match(got, /a record of \d+ bytes: the limit is 1000/);
      reader.target();
      t.match(
        reader.received(1, () => t.fail('no record after that')),
        /failed/,
      );
    }
  }
  t.same(
    feed(new RecordReader(sharing(), 1000), Buffer.concat([mark(1000), body(1000, 1)]), () => 1e9),
    [body(1000, 1).toString('latin1')],
  );
});

t.test('a claim of much memory gets little before its bytes arrive', async (t) => {
  const reader = new RecordReader(sharing(), 1 << 30);
  const claim = Buffer.concat([mark((1 << 30) - 1), body(100, 1)]);
  feed(reader, claim, () => 1e9);
  t.ok(reader.target().region.capacity <= 8 << 20);
});

t.test('a drip of single bytes is not copied again and again', async (t) => {
  const reader = new RecordReader(sharing(), 1 << 20);
  const stream = Buffer.concat([mark(300_000), body(300_000, 1)]);
  const regions = new Set<Region>();
  for (let at = 0; at < stream.length; at++) {
    const target = reader.target();
    regions.add(target.region);
    target.region.bytes[target.start] = stream[at]!;
    reader.received(1, (r, start, end) => t.equal(r.bytes.subarray(start, end).compare(stream, 4), 0));
  }
  t.ok(regions.size <= 3, `${regions.size} regions`);
  t.notOk(reader.partial);
});

t.test('a consumer holds records back, and goes on', async (t) => {
  const rnd = random(11);
  const want = Array.from({ length: 60 }, (_, i) => body(i % 7 === 0 ? 20_000 : rnd(300), i));
  const stream = Buffer.concat(want.map((b) => Buffer.concat([mark(b.length), b])));
  for (const piece of [16 << 10, 700]) {
    const reader = new RecordReader(sharing(), 1 << 20);
    const got: string[] = [];
    const consume = (r: Region, start: number, end: number): void => {
      t.notOk(reader.holding, 'none while it holds');
      got.push(r.bytes.latin1Slice(start, end));
      if (rnd(2) === 0) reader.hold();
    };
    for (let at = 0; at < stream.length; ) {
      const target = reader.target();
      const n = Math.min(target.room, piece, stream.length - at);
      stream.copy(target.region.bytes, target.start, at, at + n);
      at += n;
      t.equal(reader.received(n, consume), null);
      while (reader.holding) t.equal(reader.proceed(consume), null);
    }
    t.same(
      got,
      want.map((b) => b.toString('latin1')),
    );
  }
});

t.test('a record waits for room, takes it, and gives it back', async (t) => {
  let room = false;
  let taken = 0;
  const quota = {
    begin: (bytes: number) => {
      if (room) taken += bytes;
      return room;
    },
    force: (bytes: number) => {
      taken += bytes;
    },
    end: (bytes: number) => {
      taken -= bytes;
    },
  };
  const stream = Buffer.concat([mark(5), body(5, 1), mark(90_000), body(90_000, 2)]);
  for (const cut of [10, 12, 13, 500]) {
    for (const granted of [false, true]) {
      room = false;
      const reader = new RecordReader(sharing(), 1 << 20, quota);
      const got: string[] = [];
      const consume = (r: Region, start: number, end: number) => got.push(r.bytes.latin1Slice(start, end));
      for (let at = 0; at < stream.length; ) {
        const target = reader.target();
        const n = Math.min(target.room, at === 0 ? cut : 10_000, stream.length - at);
        stream.copy(target.region.bytes, target.start, at, at + n);
        at += n;
        reader.received(n, consume);
        if (!reader.holding) continue;
        t.equal(taken, 0);
        if (granted) {
          taken += 90_004;
          reader.granted(90_004);
        }
        room = true;
        reader.proceed(consume);
        t.equal(taken, at < stream.length ? 90_004 : 0);
      }
      t.same(
        got,
        [body(5, 1), body(90_000, 2)].map((b) => b.toString('latin1')),
      );
      t.equal(taken, 0);
    }
  }
});

t.test('a run of empty fragments takes no memory', async (t) => {
  const reader = new RecordReader(sharing(), 1000);
  const stream = Buffer.concat([...Array.from({ length: 5000 }, () => mark(0, false)), mark(3), Buffer.from('end')]);
  t.same(
    feed(reader, stream, () => 4096),
    ['end'],
  );
  t.same(
    feed(reader, mark(0), () => 4),
    [''],
    'an empty record is one',
  );
});

t.test('what is unfinished can move to another reader', async (t) => {
  const rnd = random(5);
  const bodies = [body(500, 1), body(90_000, 2), body(30, 3)];
  const stream = Buffer.concat([
    mark(500),
    bodies[0]!,
    mark(40_000, false),
    bodies[1]!.subarray(0, 40_000),
    mark(50_000),
    bodies[1]!.subarray(40_000),
    mark(30),
    bodies[2]!,
  ]);
  for (let cut = 0; cut <= stream.length; cut += 1 + rnd(1500)) {
    const first = new RecordReader(sharing(), 1 << 20);
    const before = feed(first, stream.subarray(0, cut), () => 1 + rnd(5000));
    const rest = Buffer.from(first.takePartial());
    t.notOk(first.partial);
    const after = feed(new RecordReader(sharing(), 1 << 20), Buffer.concat([rest, stream.subarray(cut)]), () => 5000);
    t.same(
      [...before, ...after],
      bodies.map((b) => b.toString('latin1')),
    );
  }
});

t.test('a consumer may take the rest of what was received with its record', async (t) => {
  const stream = Buffer.concat([mark(3), Buffer.from('one'), mark(3), Buffer.from('two'), mark(5), Buffer.from('thr')]);
  const reader = new RecordReader(sharing(), 1000);
  const target = reader.target();
  stream.copy(target.region.bytes, 0);
  const seen: string[] = [];
  let rest = Buffer.alloc(0);
  reader.received(stream.length, (r, start, end) => {
    seen.push(r.bytes.latin1Slice(start, end));
    rest = Buffer.from(reader.takePartial());
  });
  t.same(seen, ['one']);
  t.equal(rest.toString('hex'), stream.subarray(7).toString('hex'));
  t.notOk(reader.partial);
});

t.test('a consumer may drop the stream', async (t) => {
  const reader = new RecordReader(sharing(), 1000);
  const target = reader.target();
  const stream = Buffer.concat([mark(1), Buffer.from('a'), mark(1), Buffer.from('b'), mark(9)]);
  stream.copy(target.region.bytes, 0);
  let seen = 0;
  reader.received(stream.length, () => {
    seen++;
    reader.drop();
  });
  t.equal(seen, 1);
  t.notOk(reader.partial);
});

t.test('nothing is received while records are held back, and never more than there is room for', async (t) => {
  const reader = new RecordReader(sharing(), 1 << 20);
  const { room } = reader.target();
  t.throws(() => reader.received(room + 1, () => {}), AssertionError);
  reader.hold();
  t.throws(() => reader.received(1, () => {}), AssertionError);
});
