/** Headers of calls and replies: credentials with their limits, refusals, and what this side sends itself. */
import t from 'tap';
import {
  AcceptStat,
  authError,
  beginCall,
  beginCallAs,
  CallHeader,
  isCall,
  parseCall,
  parseReply,
  ReplyHeader,
  RpcRejected,
} from '../../mux/wire/rpc.js';
import { XdrError, XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { region } from '../../native/memory.js';

const words = (...n: number[]): Buffer => {
  const b = Buffer.alloc(4 * n.length);
  n.forEach((x, i) => {
    b.writeUInt32BE(x >>> 0, 4 * i);
  });
  return b;
};
const opaque = (b: Buffer): Buffer => Buffer.concat([words(b.length), b, Buffer.alloc(-b.length & 3)]);

function call(flavor: number, body: Buffer, version = 2): Buffer {
  return Buffer.concat([words(7, 0, version, 1298437, 400, 12, flavor), opaque(body), words(0, 0), words(0xabcd)]);
}

function parse(bytes: Buffer): CallHeader {
  const r = new XdrReader().reset(bytes, 0, bytes.length);
  const h = new CallHeader();
  parseCall(r, h);
  t.equal(r.u32(), 0xabcd, 'the reader stands at the arguments');
  return h;
}

function failure(bytes: Buffer): unknown {
  try {
    parse(bytes);
  } catch (error) {
    return error;
  }
  return undefined;
}

const v2 = (groups: number[], owner: Buffer): Buffer =>
  Buffer.concat([words(-6, 10, 20, groups.length, ...groups), opaque(owner)]);
const v3 = (groups: number[], owner: Buffer): Buffer =>
  Buffer.concat([words(99, 10, 20, 5, 123, 0, 1700000000, groups.length, ...groups), opaque(owner)]);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1000);

t.test('AUTH_GLUSTERFS_v2', async (t) => {
  const h = parse(call(390039, v2([1, 2, 0xfffffffe], Buffer.from('own\0er'))));
  t.same([h.xid, h.program, h.version, h.procedure, h.flavor], [7, 1298437, 400, 12, 390039]);
  t.same([h.pid, h.uid, h.gid, [...h.groups], h.lkOwner, h.timeFlags], [-6, 10, 20, [1, 2, 0xfffffffe], 'own\0er', 0]);
});

t.test('AUTH_GLUSTERFS_v3', async (t) => {
  const h = parse(call(390040, v3([5], Buffer.from('12345678'))));
  t.same([h.pid, h.uid, h.gid, [...h.groups], h.lkOwner], [99, 10, 20, [5], '12345678']);
  t.same([h.timeFlags, h.timeSec, h.timeNsec], [5, 1700000000, 123]);
});

t.test('AUTH_GLUSTERFS v1: the owner is a number, least significant byte first', async (t) => {
  const h = parse(
    call(
      5,
      Buffer.concat([Buffer.from('0102030405060708', 'hex'), words(4, 1, 2, 2, 11, 12, ...new Array(14).fill(0))]),
    ),
  );
  t.same([h.pid, h.uid, h.gid, [...h.groups], h.lkOwner], [4, 1, 2, [11, 12], '\x08\x07\x06\x05\x04\x03\x02\x01']);
});

t.test('AUTH_UNIX', async (t) => {
  const h = parse(call(1, Buffer.concat([words(1), opaque(Buffer.from('host5')), words(3, 4, 2, 8, 9)])));
  t.same([h.pid, h.uid, h.gid, [...h.groups], h.lkOwner], [0, 3, 4, [8, 9], '']);
  t.type(
    failure(call(1, Buffer.concat([words(1), opaque(Buffer.from('h')), words(3, 4, 17, ...range(17))]))),
    RpcRejected,
  );
});

t.test('AUTH_NULL, and flavours that nobody knows', async (t) => {
  for (const flavor of [0, 77]) {
    const h = parse(call(flavor, Buffer.alloc(0)));
    t.same([h.pid, h.uid, h.gid, [...h.groups], h.lkOwner], [0, 0, 0, [], '']);
  }
});

t.test('nothing stays of the call before', async (t) => {
  const h = new CallHeader();
  const first = call(390040, v3([5, 6], Buffer.from('12345678')));
  const second = call(0, Buffer.alloc(0));
  parseCall(new XdrReader().reset(first, 0, first.length), h);
  const kept = h.groups;
  parseCall(new XdrReader().reset(first, 0, first.length), h);
  t.equal(h.groups, kept, 'equal groups are the same array');
  parseCall(new XdrReader().reset(second, 0, second.length), h);
  t.same(
    [h.uid, h.gid, h.pid, [...h.groups], h.lkOwner, h.timeFlags, h.timeSec, h.timeNsec],
    [0, 0, 0, [], '', 0, 0, 0],
  );
  t.same([...kept], [5, 6]);
});

t.test('limits of groups and lock owner', async (t) => {
  t.equal(parse(call(390039, v2(range(93), Buffer.alloc(0)))).groups.length, 93);
  t.equal(parse(call(390039, v2(range(80), Buffer.alloc(40, 'o')))).groups.length, 55, 'v2: 95 less the owner’s bytes');
  t.equal(parse(call(390040, v3(range(80), Buffer.alloc(20, 'o')))).groups.length, 71, 'v3: 91 less the owner’s bytes');
  t.equal(parse(call(390039, v2([], Buffer.alloc(95, 'o')))).lkOwner.length, 95);
  t.type(failure(call(390039, v2([], Buffer.alloc(96, 'o')))), RpcRejected);
  t.type(failure(call(390040, v3([], Buffer.alloc(92, 'o')))), RpcRejected);
  t.type(failure(call(390039, Buffer.alloc(404))), XdrError, 'more than 400 bytes');
});

t.test('credentials that are cut off are refused, not read from the arguments', async (t) => {
  const body = v3([1, 2, 3], Buffer.from('12345678'));
  for (let n = 0; n < body.length; n += 4) {
    const error = failure(call(390040, body.subarray(0, n)));
    t.type(error, RpcRejected);
    t.equal((error as RpcRejected).xid, 7);
  }
});

t.test('what is no call', async (t) => {
  const other = failure(call(0, Buffer.alloc(0), 3));
  t.type(other, RpcRejected);
  const w = new XdrWriter(region(4096));
  (other as RpcRejected).encode(w);
  t.equal(
    w.bytes.subarray(0, w.at).toString('hex'),
    words(0x80000018, 7, 1, 1, 0, 2, 2).toString('hex'),
    'RPC_MISMATCH 2..2',
  );
  w.rewind();
  authError(9).encode(w);
  t.equal(
    w.bytes.subarray(0, w.at).toString('hex'),
    words(0x80000014, 9, 1, 1, 1, 2).toString('hex'),
    'AUTH_ERROR, rejected',
  );
  w.region.release();
  const reply = Buffer.concat([words(7, 1), Buffer.alloc(40)]);
  t.type(failure(reply), XdrError);
  const whole = call(390040, v3([1], Buffer.alloc(8)));
  for (let n = 0; n < whole.length - 4; n++) t.type(failure(whole.subarray(0, n)), XdrError, `${n} bytes`);
});

t.test('calls of ours', async (t) => {
  const w = new XdrWriter(region(4096));
  beginCall(w, 3, 52743234, 1, 6);
  w.endRecord();
  t.equal(
    w.bytes.subarray(0, w.at).toString('hex'),
    words(0x80000028, 3, 0, 2, 52743234, 1, 6, 0, 0, 0, 0).toString('hex'),
  );
  w.rewind();
  beginCallAs(w, 4, 14398633, 2, 2, { pid: -1, uid: 5, gid: 6, groups: [7, 8], lkOwner: 'xyz' });
  w.u32(0xabcd);
  w.endRecord();
  const h = parse(Buffer.from(w.bytes.subarray(4, w.at)));
  t.same([h.xid, h.procedure, h.pid, h.uid, h.gid, [...h.groups], h.lkOwner], [4, 2, -1, 5, 6, [7, 8], 'xyz']);
  t.ok(isCall(new XdrReader().reset(w.bytes, 4, w.at)));
  w.region.release();
});

t.test('replies to calls of ours', async (t) => {
  const header = new ReplyHeader();
  const parseWords = (...n: number[]): number => {
    const bytes = words(...n);
    const r = new XdrReader().reset(bytes, 0, bytes.length);
    t.notOk(isCall(r));
    parseReply(r, header);
    return r.left;
  };
  t.equal(parseWords(5, 1, 0, 0, 0, 0, 99), 4);
  t.same({ ...header }, { xid: 5, accepted: true, stat: 0, low: 0, high: 0 });
  parseWords(5, 1, 0, 0, 0, AcceptStat.progMismatch, 3, 4);
  t.same({ ...header }, { xid: 5, accepted: true, stat: 2, low: 3, high: 4 });
  parseWords(6, 1, 1, 1, 2);
  t.same({ ...header }, { xid: 6, accepted: false, stat: 1, low: 2, high: 0 });
  parseWords(6, 1, 1, 0, 2, 2);
  t.same({ ...header }, { xid: 6, accepted: false, stat: 0, low: 2, high: 2 });
  const call = words(5, 0, 2, 1, 1, 1, 0, 0, 0, 0);
  t.throws(() => parseReply(new XdrReader().reset(call, 0, call.length), header));
});
