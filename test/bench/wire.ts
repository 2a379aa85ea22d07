/**
 * Micro benchmark of the codecs: nanoseconds for the work that one request costs on the wire side, decoding and encoding.
 *
 *   node dist/test/bench/wire.js
 */

import { pathToFileURL } from 'node:url';
import { type AnyFopCodec, codecOf } from '../../mux/fops/codecs.js';
import { beginCallAs, CallHeader, parseCall } from '../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { Dict } from '../../mux/xlator/dict.js';
import { fopByName } from '../../mux/xlator/fop-table.js';
import { gfidKey } from '../../mux/xlator/gfid.js';
import { Iatt } from '../../mux/xlator/iatt.js';
import { region } from '../../native/memory.js';

const GFID = Uint8Array.from({ length: 16 }, (_, i) => i * 7 + 1);

function someIatt(): Iatt {
  const stat = new Iatt();
  stat.gfid = GFID;
  stat.dev = 0x801;
  stat.mode = 0o100644;
  stat.nlink = 1;
  stat.size = 1 << 20;
  stat.blksize = 4096;
  stat.blocks = 2048;
  stat.atime = stat.mtime = stat.ctime = 1700000000;
  stat.atimeNsec = stat.mtimeNsec = stat.ctimeNsec = 123456789;
  return stat;
}

/** xdata of a look-up as a FUSE client on a replicated volume sends it. */
function lookupXdata(): Dict {
  const d = new Dict();
  for (const key of [
    'trusted.glusterfs.dht',
    'trusted.glusterfs.dht.mds',
    'trusted.glusterfs.dht.linkto',
    'glusterfs.open-fd-count',
    'glusterfs.inodelk-dom-count',
    'glusterfs.parent-entrylk',
    'security.capability',
    'security.selinux',
    'system.posix_acl_access',
    'system.posix_acl_default',
  ]) {
    d.setUint(key, 0);
  }
  return d;
}

/** A record of a call, from its header on. */
function call(name: 'readv' | 'lookup', args: unknown): Buffer {
  const fop = fopByName(name);
  const w = new XdrWriter(region(4096));
  beginCallAs(w, 77, 1298437, 400, fop.number, {
    pid: 4711,
    uid: 1000,
    gid: 1000,
    groups: [1000, 27],
    lkOwner: 'ownerxyz',
  });
  codecOf(fop.name).request.encode(w, args);
  w.endRecord();
  return Buffer.from(w.bytes.subarray(4, w.at));
}

/** Nanoseconds per run of `work`: the best of several rounds, so that noise from other processes counts little. */
function measure(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const runs = 50_000;
    const start = process.hrtime.bigint();
    for (let i = 0; i < runs; i++) work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / runs);
  }
  return best;
}

/** Name and nanoseconds of each benchmark. */
export function wireBench(): [string, number][] {
  const header = new CallHeader();
  const reader = new XdrReader();
  const writer = new XdrWriter(region(64 << 10));
  const gfid = gfidKey(GFID);
  const stat = someIatt();

  const read = codecOf('readv');
  const readCall = call('readv', { gfid, fd: 3, offset: 1 << 20, size: 4096, flag: 0, xdata: null });
  const lookup = codecOf('lookup');
  const lookupCall = call('lookup', { gfid, pargfid: gfid, flags: 0, bname: 'some-file.txt', xdata: lookupXdata() });
  const answer = new Dict().setUint('glusterfs.open-fd-count', 0).setUint('glusterfs.inodelk-dom-count', 0);
  answer.setBytes('trusted.glusterfs.dht', new Uint8Array(16));

  const decode = (bytes: Buffer, codec: AnyFopCodec): unknown => {
    parseCall(reader.reset(bytes, 0, bytes.length), header);
    return codec.request.decode(reader);
  };
  const encode = (codec: AnyFopCodec, rsp: unknown): void => {
    writer.rewind();
    writer.beginReply(header.xid);
    codec.response.encode(writer, rsp);
    writer.endRecord(4096);
  };
  return [
    ['read: decode the call', measure(() => decode(readCall, read))],
    [
      'read: encode the reply',
      measure(() => encode(read, { op_ret: 4096, op_errno: 0, stat, size: 4096, xdata: null })),
    ],
    [
      'read: both',
      measure(() => {
        decode(readCall, read);
        encode(read, { op_ret: 4096, op_errno: 0, stat, size: 4096, xdata: null });
      }),
    ],
    ['look-up with 10 keys: decode the call', measure(() => decode(lookupCall, lookup))],
    [
      'look-up with 10 keys: both',
      measure(() => {
        decode(lookupCall, lookup);
        encode(lookup, { op_ret: 0, op_errno: 0, xdata: answer, prestat: stat, poststat: stat });
      }),
    ],
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, ns] of wireBench()) console.log(`${name.padEnd(40)}${ns.toFixed(0).padStart(6)} ns`);
}
