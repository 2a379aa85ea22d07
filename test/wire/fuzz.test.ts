/** Bytes that mean harm: every decoder ends soon, with a value or an XdrError, and leaves what it does not own alone. */
import t from 'tap';
import { decodeOldDict } from '../../mux/wire/dict.js';
import { CallHeader, parseCall, RpcRejected } from '../../mux/wire/rpc.js';
import { XdrError, XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { region } from '../../native/memory.js';
import { recorded } from './fixtures.js';
import { MESSAGES } from './record/messages.js';

function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 4294967296) * below);
  };
}

/** Null when it decodes or is refused as it should be; else what was thrown. */
function attempt(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (!(error instanceof XdrError) && !(error instanceof RpcRejected)) return error;
  }
  return null;
}

t.test('every cut of every recorded message is refused', async (t) => {
  const r = new XdrReader();
  for (const { message, direction, structure, bytes, bodyAt, hasPayload } of recorded()) {
    r.reset(bytes, bodyAt, bytes.length);
    structure.decode(r);
    const end = hasPayload ? r.at : bytes.length;
    for (let n = bodyAt; n < end; n++) {
      let error: unknown;
      try {
        structure.decode(r.reset(bytes, bodyAt, n));
      } catch (e) {
        error = e;
      }
      if (!(error instanceof XdrError)) t.fail(`${direction} ${message.name} cut at ${n}`);
    }
  }
  t.pass();
});

t.test('recorded messages with bytes changed', async (t) => {
  const r = new XdrReader();
  const all = recorded();
  for (let seed = 1; seed <= 30; seed++) {
    const rnd = random(seed);
    for (const { message, structure, bytes, bodyAt } of all) {
      const changed = Buffer.from(bytes);
      for (let i = rnd(4); i >= 0; i--) {
        const at = rnd(changed.length);
        if (rnd(2) === 0) changed[at] = rnd(256);
        else
          changed.writeUInt32BE(
            [0xffffffff, 0x7fffffff, 0x80000000, 0, 1, 400, 65536][rnd(7)]!,
            Math.min(at & ~3, changed.length - 4),
          );
      }
      const error = attempt(() => {
        const value = structure.decode(r.reset(changed, bodyAt, changed.length));
        // What decodes can be encoded, too.
        const w = new XdrWriter(region(4096));
        structure.encode(w, value);
        w.region.release();
      });
      if (error !== null) t.fail(`${message.name}, seed ${seed}: ${String(error)}`);
      const headError = attempt(() => parseCall(r.reset(changed, 0, changed.length), new CallHeader()));
      if (headError !== null) t.fail(`header of ${message.name}, seed ${seed}: ${String(headError)}`);
    }
  }
  t.pass();
});

t.test('noise', async (t) => {
  const r = new XdrReader();
  const start = Date.now();
  for (let seed = 1; seed <= 150; seed++) {
    const rnd = random(seed * 7919);
    // Words that are often small look more like lengths and flags than plain noise does.
    const bytes = Buffer.alloc(rnd(2000) & ~3);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32BE(rnd(3) === 0 ? rnd(2 ** 32) : rnd(20), i);
    for (const m of MESSAGES) {
      for (const structure of [m.request, m.response]) {
        if (structure === null) continue;
        const error = attempt(() => structure.decode(r.reset(bytes, 0, bytes.length)));
        if (error !== null) t.fail(`${m.name}, seed ${seed}: ${String(error)}`);
      }
    }
    const error = attempt(() => decodeOldDict(bytes));
    if (error !== null) t.fail(`old dictionary, seed ${seed}: ${String(error)}`);
    const headError = attempt(() => parseCall(r.reset(bytes, 0, bytes.length), new CallHeader()));
    if (headError !== null) t.fail(`header, seed ${seed}: ${String(headError)}`);
  }
  t.ok(Date.now() - start < 20_000, 'without hanging');
});
