/** The reader never passes its end, the writer grows without losing a byte, and numbers keep their value. */
import t from 'tap';
import { i64, Struct, struct, u32, u64, u64big } from '../../mux/wire/schema.js';
import { TOO_LONG, TRUNCATED, untilNul, XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { region } from '../../native/memory.js';

function reader(hex: string): XdrReader {
  const bytes = Buffer.from(hex, 'hex');
  return new XdrReader().reset(bytes, 0, bytes.length);
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

t.test('numbers', async (t) => {
  t.equal(reader('ffffffff').u32(), 0xffffffff);
  t.equal(reader('fffffffe').i32(), -2);
  t.equal(reader('001fffffffffffff').u64(), Number.MAX_SAFE_INTEGER);
  t.equal(reader('fffffffffffffffe').i64(), -2);
  t.equal(reader('8000000000000000').i64(), -(2 ** 63));
  t.equal(reader('fffffffffffffffe').u64big(), 2n ** 64n - 2n);
  t.equal(reader('3ff8000000000000').double(), 1.5);
  t.ok(
    reader('0020000000000001').u64() > Number.MAX_SAFE_INTEGER,
    'an offset beyond 2^53 never looks like a smaller one',
  );
  t.ok(reader('7fffffffffffffff').u64() >= 2 ** 62);
  t.ok(reader('8000000000000000').u64() >= 2 ** 63, 'a negative off_t is told from a large one');
});

t.test('numbers written', async (t) => {
  const message = struct('numbers', { a: u32, b: i64, c: u64, d: u64big });
  for (const [value, hex] of [
    [
      { a: 0xffffffff, b: -2, c: 2 ** 53 - 1, d: 2n ** 64n - 1n },
      'fffffffffffffffffffffffe001fffffffffffffffffffffffffffff',
    ],
    [{ a: 1, b: -(2 ** 53), c: 2 ** 32, d: 5n }, '00000001ffe000000000000000000001000000000000000000000005'],
    [{ a: 0, b: 2 ** 40, c: 0, d: -1n }, '0000000000000100000000000000000000000000ffffffffffffffff'],
  ] as const) {
    const w = new XdrWriter(region(64));
    message.encode(w, value);
    t.equal(w.bytes.subarray(0, w.at).toString('hex'), hex);
    t.same(message.decode(reader(hex)), { ...value, d: BigInt.asUintN(64, value.d) });
    w.region.release();
  }
});

t.test('what is cut off is refused, whatever is behind it in memory', async (t) => {
  const bytes = Buffer.from('00000008616263646566676800000001', 'hex');
  for (const [end, read] of [
    [3, (r: XdrReader) => r.u32()],
    [7, (r: XdrReader) => r.u64()],
    [4, (r: XdrReader) => r.string(100)],
    [11, (r: XdrReader) => r.opaque(100)],
    [11, (r: XdrReader) => r.opaqueView(100)],
    [11, (r: XdrReader) => r.byteString(100)],
  ] as const) {
    t.equal(
      thrown(() => read(new XdrReader().reset(bytes, 0, end))),
      TRUNCATED,
    );
  }
  t.equal(
    thrown(() => reader('00000005616263646500').string(100)),
    TRUNCATED,
    'padding belongs to it',
  );
  t.equal(
    thrown(() => reader('ffffffff61626364').string(0xffffffff)),
    TRUNCATED,
  );
  t.equal(
    thrown(() => reader('0000000861626364').string(7)),
    TOO_LONG,
  );
});

t.test('strings are bytes, and end at a NUL as they do for C', async (t) => {
  t.equal(reader('00000003e9ff0100').string(100), '\xe9\xff\x01');
  t.equal(reader('00000005610062636400000000').string(100), 'a');
  t.equal(reader('00000005610062636400000000').byteString(100), 'a\0bcd');
  t.equal(untilNul(''), '');
});

t.test('copies share no memory, views do', async (t) => {
  for (const length of [3, 64, 65, 1000]) {
    const bytes = Buffer.alloc(4 + ((length + 3) & ~3), 7);
    bytes.writeUInt32BE(length);
    const copy = new XdrReader().reset(bytes, 0, bytes.length).opaque(5000);
    const view = new XdrReader().reset(bytes, 0, bytes.length).opaqueView(5000);
    bytes.fill(9, 4);
    t.equal(copy.length, length);
    t.ok(copy.every((b) => b === 7));
    t.ok(view.every((b) => b === 9));
  }
});

t.test('output that outgrows its region moves, and keeps its offsets', async (t) => {
  const first = region(4096);
  const w = new XdrWriter(first);
  w.beginRecord();
  for (let i = 0; i < 3000; i++) w.u32(i);
  t.not(w.region, first);
  for (let i = 0; i < 3000; i++) if (w.bytes.readUInt32BE(4 + 4 * i) !== i) t.fail(`word ${i}`);
  w.endRecord(100);
  t.equal(w.bytes.readUInt32BE(0), (0x80000000 | 12100) >>> 0);
  w.region.release();
});

t.test('padding is zero in used memory', async (t) => {
  const w = new XdrWriter(region(64));
  w.bytes.fill(0xff);
  w.string('abcde');
  w.opaque(Uint8Array.of(1));
  w.stringWithNul('abcd');
  t.equal(
    w.bytes.subarray(0, w.at).toString('hex'),
    '000000056162636465000000' + '0000000101000000' + '000000056162636400000000',
  );
  w.region.release();
});

t.test('strings of all lengths come back', async (t) => {
  for (let n = 0; n < 80; n++) {
    const text = Array.from({ length: n }, (_, i) => String.fromCharCode(1 + ((i * 37 + n) % 255))).join('');
    const w = new XdrWriter(region(64));
    w.string(text);
    w.u32(42);
    const r = new XdrReader().reset(w.bytes, 0, w.at);
    t.equal(r.string(1000), text);
    t.equal(r.u32(), 42);
    w.region.release();
  }
});

t.test('a structure compiles when it is first used', async (t) => {
  const s = struct('lazy', { a: u32 });
  t.type(s, Struct);
  const before = s.decode;
  t.same(s.decode(reader('00000007')), { a: 7 });
  t.not(s.decode, before);
  t.equal(
    thrown(() => s.decode(reader('000000'))),
    TRUNCATED,
  );
});

t.test('a record that can’t be completed leaves nothing behind', async (t) => {
  const w = new XdrWriter(region(4096));
  w.reply(1, 3);
  const end = w.at;
  w.beginReply(2);
  for (let i = 0; i < 2000; i++) w.u32(i);
  w.truncate(end);
  t.equal(w.at, end);
  w.reply(3, 5);
  t.equal(w.bytes.readUInt32BE(end + 4), 3);
  t.equal(w.bytes.readUInt32BE(end), 0x80000018);
  w.region.release();
});
