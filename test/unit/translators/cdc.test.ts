import { deflateRawSync, gunzipSync, inflateRawSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { CdcTranslator } from '../../../brickd/translators/features/cdc/cdc.js';
import type { Options } from '../../../brickd/translators/features/cdc/options.js';
import { compress, decompress } from '../../../brickd/translators/features/cdc/payload.js';
import { setLogSink } from '../../../mux/base/log.js';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fops, ReadReply, WriteArgs } from '../../../mux/xlator/fops.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { EIO } from '../../../native/errno.js';
import { type Region, region } from '../../../native/memory.js';
import { payload as written } from '../posix/files.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make } from './harness.js';

const lines: string[] = [];
setLogSink({ wants: () => true, write: ({ text }) => void lines.push(text) });
const client = new FakeClient();
const call = callOf(client);
const OPTIONS: Options = {
  'window-size': -15,
  'mem-level': 8,
  'compression-level': -1,
  'min-size': 0,
  mode: 'server',
  debug: false,
};
const TEXT = Buffer.from('to be or not to be '.repeat(500));

function setup(options: Partial<Options> = {}, next: Partial<Fops> = {}) {
  const brick = new FakeBrick();
  const cdc = make(CdcTranslator, { ...OPTIONS, ...options }, brick, next);
  return { cdc, fd: fdOf(brick.inode(), client) };
}

/** A lower layer that reads those bytes. */
function reading(bytes: Buffer): Partial<Fops> {
  return {
    readv(_call, args): ReadReply {
      t.equal(args.inMemory, true);
      const r = region(bytes.length);
      r.bytes.set(bytes);
      return { count: bytes.length, errno: 2, stat: NO_IATT, region: r, xdata: new Dict().setInt('other', 1) };
    },
  };
}
const read = ({ cdc, fd }: ReturnType<typeof setup>) =>
  cdc.readv(call, { fd, offset: 0, size: 1 << 20, flags: 0, xdata: null });
const bytesOf = (reply: ReadReply): Buffer => Buffer.from((reply.region as Region).bytes.subarray(0, reply.count));

t.test('payloads', async (t) => {
  const made = (await compress(TEXT, { level: 9, memLevel: 9, windowBits: 9 }))!;
  t.same(inflateRawSync(made.subarray(0, -8)), TEXT);
  t.equal(Buffer.from(made).readUInt32LE(made.length - 4), TEXT.length);
  t.same(gunzipSync(Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), made])), TEXT, "gzip's own trailer");
  t.same(await decompress(made), TEXT);
  t.equal(await compress(Buffer.from('random'), { level: -1, memLevel: 8, windowBits: 15 }), null, 'no smaller');
  t.same(await decompress(Buffer.concat([deflateRawSync(Buffer.alloc(0)), Buffer.alloc(8)])), Buffer.alloc(0));
});

t.test('reading', async (t) => {
  const reply = await read(setup({}, reading(TEXT)));
  t.equal(reply.xdata!.number('deflate'), 1);
  t.equal(reply.xdata!.number('other'), 1);
  t.equal(reply.errno, 2, 'the end of the file is told');
  t.same(await decompress(bytesOf(reply)), TEXT);
  for (const [what, options, bytes] of [
    ['short', { 'min-size': TEXT.length + 1 }, TEXT],
    ['no smaller', {}, Buffer.from('0123456789')],
  ] as const) {
    const plain = await read(setup(options, reading(bytes)));
    t.notOk(plain.xdata!.has('deflate'), what);
    t.same(bytesOf(plain), bytes, what);
  }
  const plain = setup({}, { readv: (_c, args) => ({ ...args, count: 0, errno: 0, stat: NO_IATT, region: null }) });
  const heal = await plain.cdc.readv(callOf(client, { pid: -6 }), {
    fd: plain.fd,
    offset: 0,
    size: 9,
    flags: 0,
    xdata: null,
  });
  t.notHas(heal, { inMemory: true }, 'internal clients get what is there');
  const none: Partial<Fops> = { readv: () => ({ count: 0, errno: 2, stat: NO_IATT, region: null, xdata: null }) };
  t.equal((await read(setup({}, none))).count, 0);
});

t.test('writing', async (t) => {
  let got: WriteArgs | null = null;
  const bytes: Buffer[] = [];
  const next: Partial<Fops> = {
    async writev(_call, args) {
      got = args;
      await null;
      bytes.push(Buffer.from(args.region.bytes.subarray(args.start, args.start + args.size)));
      return { count: args.size, pre: NO_IATT, post: NO_IATT, xdata: null };
    },
  };
  // What is short when compressed is a payload all the same.
  const { cdc, fd } = setup({ 'min-size': 4096 }, next);
  const write = (data: Uint8Array, xdata: Dict | null) =>
    cdc.writev(call, { fd, offset: 5, flags: 0, xdata, ...written(data) });
  const deflated = () => new Dict().setInt('deflate', 1).setInt('other', 1);
  const made = (await compress(TEXT, { level: -1, memLevel: 8, windowBits: 15 }))!;
  const reply = await write(made, deflated());
  t.equal(reply.count, TEXT.length);
  t.same(bytes.pop(), TEXT);
  t.strictSame([...got!.xdata!.map.keys()], ['other']);
  t.equal(got!.offset, 5);
  await write(made, null);
  t.same(bytes.pop(), Buffer.from(made), 'without the flag it is what it is');

  const damaged = (change: (b: Buffer) => void): Buffer => {
    const copy = Buffer.from(made);
    change(copy);
    return copy;
  };
  const cases: [string, Uint8Array][] = [
    ['checksum', damaged((b) => b.writeUInt32LE(1, b.length - 8))],
    ['length', damaged((b) => b.writeUInt32LE(TEXT.length - 1, b.length - 4))],
    ['a length that nobody has', damaged((b) => b.writeUInt32LE(0xffffffff, b.length - 4))],
    ['data', damaged((b) => b.fill(0xff, 0, 20))],
    ['cut', made.subarray(0, 30)],
    ['no payload', Buffer.from('1234567')],
  ];
  for (const [what, data] of cases) {
    lines.length = 0;
    t.equal(await errnoOfAttempt(() => write(data, deflated())), EIO, what);
    t.match(lines.join(), /^\/brick: 0a.*a compressed write of 127.0.0.1:1 /, what);
  }
  t.strictSame(bytes, [], 'nothing damaged is written');
});

t.test('options', async (t: Test) => {
  lines.length = 0;
  setup({ 'window-size': -16, 'mem-level': 10, 'compression-level': 0 });
  t.match(lines, [/window-size: 16 is out of range/, /mem-level: 10/, /compression-level: 0/].reverse());
  await t.rejects(setup({ mode: undefined as never }).cdc.init(), {
    message: /^brick \/brick: option mode .* missing/,
  });
  await setup().cdc.init();
});
