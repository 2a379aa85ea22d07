/** Dictionaries: both encodings, every type, and hostile bytes. */
import t from 'tap';
import { decodeOldDict, encodeOldDict, readDict, readOldDict, writeDict, writeOldDict } from '../../mux/wire/dict.js';
import { BAD_TAG, XdrError, XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { Dict, DictType } from '../../mux/xlator/dict.js';
import { Iatt } from '../../mux/xlator/iatt.js';
import { region } from '../../native/memory.js';

function encoded(d: Dict | null, write = writeDict): Buffer {
  const w = new XdrWriter(region(64));
  write(w, d);
  const bytes = Buffer.from(w.bytes.subarray(0, w.at));
  w.region.release();
  return bytes;
}

function decoded(bytes: Buffer): Dict | null {
  const r = new XdrReader().reset(bytes, 0, bytes.length);
  const d = readDict(r);
  t.equal(r.left, 0, 'all is read');
  return d;
}

function fails(bytes: Buffer, read: (r: XdrReader) => unknown = readDict): unknown {
  try {
    read(new XdrReader().reset(bytes, 0, bytes.length));
  } catch (error) {
    return error;
  }
  return undefined;
}

t.test('none and empty are not the same', async (t) => {
  t.equal(encoded(null).toString('hex'), '00000000ffffffff00000000');
  t.equal(encoded(new Dict()).toString('hex'), '000000000000000000000000');
  t.equal(decoded(encoded(null)), null);
  t.equal(decoded(encoded(new Dict()))?.size, 0);
});

t.test('xdr_size counts the pairs alone', async (t) => {
  const bytes = encoded(new Dict().setText('abc', 'value').setInt('n', 1));
  t.equal(bytes.readUInt32BE(0), bytes.length - 12);
  t.equal(bytes.readInt32BE(4), 2);
  t.equal(bytes.readUInt32BE(8), 2);
  t.equal(bytes.subarray(12, 16).toString('hex'), '00000004', 'the key counts its NUL');
});

t.test('every type comes back', async (t) => {
  const stat = new Iatt();
  stat.gfid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  stat.mode = 0o100644;
  stat.size = 2 ** 40;
  stat.atime = -5;
  stat.rdev = (300 << 8) | 5;
  const mdata = { atime: 1, mtime: -2, ctime: 2 ** 35, atimeNsec: 4, mtimeNsec: 5, ctimeNsec: 999999999 };
  const d = new Dict()
    .setInt('int', -5)
    .setInt('int.max', 2n ** 63n - 1n)
    .setInt('int.min', -(2n ** 63n))
    .setInt('int.53', Number.MIN_SAFE_INTEGER)
    .setUint('uint', 5)
    .setUint('uint.max', 2n ** 64n - 1n)
    .set('double', { type: DictType.double, value: -1.5e300 })
    .setText('str', 'caf\xe9')
    .setText('str.empty', '')
    .setBytes('ptr', Uint8Array.of(0, 1, 2, 0))
    .setBytes('ptr.empty', new Uint8Array(0))
    .set('old', { type: DictType.strOld, value: Uint8Array.of(65) })
    .setGfid('gfid', stat.gfid)
    .setIatt('iatt', stat)
    .set('mdata', { type: DictType.mdata, value: mdata });
  const back = decoded(encoded(d))!;
  t.same([...back.map.keys()], [...d.map.keys()]);
  for (const [key, v] of d.map) t.strictSame(back.get(key), v, key);
});

t.test('values of unknown type stay at home', async (t) => {
  const d = new Dict().set('x', { type: DictType.unknown, value: 1 }).setInt('y', 2);
  t.same([...decoded(encoded(d))!.map.keys()], ['y']);
  const bytes = encoded(new Dict().setInt('y', 2));
  bytes.writeInt32BE(11, 20);
  t.equal(fails(bytes), BAD_TAG);
});

t.test('a string without NUL, or with one inside, is what C makes of it', async (t) => {
  const bytes = encoded(new Dict().set('k', { type: DictType.str, value: Buffer.from('ab\0c') }));
  t.equal(decoded(bytes)!.text('k'), 'ab');
});

t.test('the last of equal keys wins', async (t) => {
  const one = encoded(new Dict().setInt('k', 1)).subarray(12);
  const two = encoded(new Dict().setInt('k', 2)).subarray(12);
  const head = Buffer.alloc(12);
  head.writeInt32BE(2, 4);
  head.writeInt32BE(2, 8);
  const d = decoded(Buffer.concat([head, one, two]))!;
  t.equal(d.size, 1);
  t.equal(d.number('k'), 2);
});

t.test('counts that the bytes do not bear out', async (t) => {
  for (const count of [2, 1000, 65537, 0x7fffffff, 0xffffffff]) {
    const bytes = encoded(new Dict().setInt('k', 1));
    bytes.writeUInt32BE(count, 8);
    t.type(fails(bytes), XdrError, String(count));
  }
  const huge = encoded(new Dict().setBytes('k', new Uint8Array(8)));
  huge.writeUInt32BE(0xfffffffd, 24);
  t.type(fails(huge), XdrError);
});

t.test('values are their own memory', async (t) => {
  const bytes = encoded(new Dict().setBytes('k', Uint8Array.of(1, 2, 3)));
  const d = decoded(bytes)!;
  bytes.fill(0xee);
  t.same([...d.bytes('k')!], [1, 2, 3]);
});

t.test('the old encoding', async (t) => {
  const d = new Dict().setText('key', 'text').setInt('n', -12).setBytes('raw', Uint8Array.of(0, 255));
  const bytes = encodeOldDict(d);
  t.equal(
    bytes.toString('latin1'),
    '\0\0\0\x03' +
      '\0\0\0\x03\0\0\0\x05key\0text\0' +
      '\0\0\0\x01\0\0\0\x04n\0-12\0' +
      '\0\0\0\x03\0\0\0\x02raw\0\0\xff',
  );
  const back = decodeOldDict(bytes);
  t.equal(back.text('key'), 'text');
  t.equal(back.number('n'), -12);
  t.same([...back.bytes('raw')!], [0, 255]);
  t.equal(encodeOldDict(back).toString('hex'), bytes.toString('hex'));
  t.equal(decodeOldDict(Buffer.alloc(0)).size, 0);
  t.equal(encodeOldDict(new Dict()).toString('hex'), '00000000');
});

t.test('the old encoding inside an opaque<>', async (t) => {
  t.equal(encoded(null, writeOldDict).toString('hex'), '00000000');
  const bytes = Buffer.concat([
    encoded(new Dict().setText('key', 'text'), writeOldDict),
    Buffer.from('0000002a', 'hex'),
  ]);
  const r = new XdrReader().reset(bytes, 0, bytes.length);
  t.equal(readOldDict(r)?.text('key'), 'text');
  t.equal(r.u32(), 42);
});

t.test('every cut of either encoding is refused', async (t) => {
  const d = new Dict().setText('key', 'text').setInt('n', -12).setBytes('raw', new Uint8Array(100));
  const typed = encoded(d);
  for (let n = 0; n < typed.length; n++) t.type(fails(typed.subarray(0, n)), XdrError, `typed, ${n} bytes`);
  const old = encodeOldDict(d);
  for (let n = 1; n < old.length; n++)
    t.type(
      fails(old, () => decodeOldDict(old.subarray(0, n))),
      XdrError,
      `old, ${n} bytes`,
    );
});
