/** Every kind of message that stock clients and servers were seen to send decodes, and encodes to the same bytes again. */
import t from 'tap';
import { AcceptStat, beginCallAs, CallHeader, parseCall, RpcRejected } from '../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { FOPS } from '../../mux/xlator/fop-table.js';
import { region } from '../../native/memory.js';
import { fixture, recorded } from './fixtures.js';

/** The flags word that bricks put into their attributes, and the one of translators that make attributes up (index). */
const FLAGS = 0x000017ff;
const MADE_UP_FLAGS = 0x000006ff;

/**
 * Clears, in both, the words of attributes that Iatt does not hold: flags, ino and chattr's attributes, where it was a client that
 * filled them in (for setattr, where nobody reads them; clients send what happens to be in their memory), and flags and ino where the
 * index translator did so for its virtual files.
 */
function clearMadeUp(want: Buffer, got: Buffer, name: string): void {
  if (name === 'SETATTR' || name === 'FSETATTR') {
    const stat = name === 'SETATTR' ? 16 : 24;
    for (const bytes of [want, got]) bytes.fill(0, stat + 16, stat + 32).fill(0, stat + 64, stat + 80);
    return;
  }
  for (let at = 0; at + 12 <= got.length; at += 4) {
    if (got.readUInt32BE(at) !== FLAGS || want.readUInt32BE(at) !== MADE_UP_FLAGS) continue;
    want.fill(0, at, at + 12);
    got.fill(0, at, at + 12);
  }
}

t.test('bytes of stock GlusterFS survive decoding and encoding', async (t) => {
  const r = new XdrReader();
  for (const { direction, message, structure, bytes, bodyAt, hasPayload } of recorded()) {
    r.reset(bytes, bodyAt, bytes.length);
    const value = structure.decode(r);
    const end = r.at;
    if (hasPayload)
      t.equal(
        bytes.length - end,
        Math.max(direction === 'req' ? value.size : value.op_ret, 0),
        `data of ${message.name}`,
      );
    else t.equal(end, bytes.length, `${direction} ${message.name} is read to its end`);
    const w = new XdrWriter(region(4096));
    structure.encode(w, value);
    const want = Buffer.from(bytes.subarray(bodyAt, end));
    const got = Buffer.from(w.bytes.subarray(0, w.at));
    t.equal(got.length, want.length, `length of ${direction} ${message.name}`);
    clearMadeUp(want, got, direction === 'req' ? message.name : '');
    t.equal(got.toString('hex'), want.toString('hex'), `${direction} ${message.name}`);
    w.region.release();
  }
});

t.test('headers of stock clients survive parsing and writing', async (t) => {
  const r = new XdrReader();
  const h = new CallHeader();
  let v2 = 0;
  for (const { direction, bytes, bodyAt } of recorded()) {
    if (direction !== 'req') continue;
    parseCall(r.reset(bytes, 0, bytes.length), h);
    t.equal(r.at, bodyAt);
    if (h.flavor !== 390039) continue;
    v2++;
    const w = new XdrWriter(region(4096));
    beginCallAs(w, h.xid, h.program, h.version, h.procedure, h);
    t.equal(w.bytes.subarray(4, w.at).toString('hex'), bytes.subarray(0, bodyAt).toString('hex'));
    w.region.release();
  }
  t.ok(v2 > 0, 'there are headers of the flavour that this side writes');
});

t.test('headers of stock replies are what this side writes', async (t) => {
  let seen = 0;
  for (const { direction, bytes, bodyAt } of recorded()) {
    if (direction !== 'rsp') continue;
    const w = new XdrWriter(region(4096));
    w.beginReply(bytes.readUInt32BE(0));
    t.equal(w.bytes.subarray(4, w.at).toString('hex'), bytes.subarray(0, bodyAt).toString('hex'));
    w.region.release();
    seen++;
  }
  t.ok(seen > 50);
});

t.test('refusals of a stock brick are what this side writes', async (t) => {
  const stats = new Set<number>();
  for (const line of fixture('refused.txt').trimEnd().split('\n')) {
    const bytes = Buffer.from(line.split(' ')[2]!, 'base64');
    const w = new XdrWriter(region(4096));
    const denied = bytes.readUInt32BE(8) === 1;
    const stat = bytes.readUInt32BE(denied ? 12 : 20);
    if (denied) new RpcRejected(bytes.readUInt32BE(0), stat).encode(w);
    else w.reply(bytes.readUInt32BE(0), stat);
    t.equal(w.bytes.subarray(4, w.at).toString('hex'), bytes.toString('hex'), line.split(' ').slice(0, 2).join(' '));
    t.equal(w.bytes.readUInt32BE(0) >>> 0, (0x80000000 | bytes.length) >>> 0, 'the record mark');
    stats.add(stat);
    w.region.release();
  }
  for (const stat of [
    AcceptStat.progUnavail,
    AcceptStat.progMismatch,
    AcceptStat.procUnavail,
    AcceptStat.garbageArgs,
  ]) {
    t.ok(stats.has(stat), `accept_stat ${stat} was recorded`);
  }
});

t.test('every fop that a client or this project’s probe can provoke was recorded, both ways', async (t) => {
  const seen = new Set(recorded().map((r) => `${r.direction} ${r.message.name}`));
  for (const fop of FOPS) {
    t.ok(seen.has(`req ${fop.display}`), `a request of ${fop.display}`);
    // A stock 10.3 brick dies of these: it has never answered one.
    if (fop.name !== 'setactivelk' && fop.name !== 'namelink')
      t.ok(seen.has(`rsp ${fop.display}`), `a reply of ${fop.display}`);
  }
});
