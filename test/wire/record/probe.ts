/**
 * Asks a brick for what ordinary clients never or hardly ever ask, so that a capture shows its answers:
 *
 *   node dist/test/wire/record/probe.js PORT BRICK
 */

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { codecOf } from '../../../mux/fops/codecs.js';
import { decodeOldDict, encodeOldDict } from '../../../mux/wire/dict.js';
import { DUMP_PROGRAM, DUMP_VERSION, DumpProc } from '../../../mux/wire/programs/dump.js';
import {
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
  setLkVerReq,
  setvolumeReq,
  setvolumeRsp,
} from '../../../mux/wire/programs/handshake.js';
import { beginCallAs, isCall, parseReply, ReplyHeader } from '../../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../../mux/wire/xdr.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName, type TableName } from '../../../mux/xlator/fop-table.js';
import { gfidKey, gfidText, NULL_KEY, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import { region } from '../../../native/memory.js';

class Peer {
  readonly #socket: Socket;
  #xid = 0;
  #received = Buffer.alloc(0);
  #waiting = new Map<number, (reply: Buffer) => void>();

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      for (;;) {
        const length = this.#received.length < 4 ? -1 : this.#received.readUInt32BE(0) & 0x7fffffff;
        if (length < 0 || this.#received.length < 4 + length) return;
        const record = Buffer.from(this.#received.subarray(4, 4 + length));
        this.#received = this.#received.subarray(4 + length);
        if (!isCall(new XdrReader().reset(record, 0, record.length)))
          this.#waiting.get(record.readUInt32BE(0))?.(record);
      }
    });
  }

  /** Sends a call and waits for its reply record; an unanswered one rejects after a while. */
  call(program: number, version: number, procedure: number, args: (w: XdrWriter) => void): Promise<Buffer> {
    const xid = ++this.#xid;
    const w = new XdrWriter(region(4096));
    beginCallAs(w, xid, program, version, procedure, { pid: process.pid, uid: 0, gid: 0, lkOwner: 'probe-owner' });
    args(w);
    w.endRecord();
    this.#socket.write(Buffer.from(w.bytes.subarray(0, w.at)));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${program}/${version}/${procedure}`)), 3000);
      this.#waiting.set(xid, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
    });
  }

  async fop(name: TableName, request: Record<string, unknown>): Promise<Record<string, unknown> | null> {
    const fop = fopByName(name);
    try {
      const reply = await this.call(FOP_PROGRAM, FOP_VERSION, fop.number, (w) =>
        codecOf(fop.name).request.encode(w, { xdata: null, ...request }),
      );
      const r = new XdrReader().reset(reply, 0, reply.length);
      const header = new ReplyHeader();
      parseReply(r, header);
      const rsp = header.accepted && header.stat === 0 ? codecOf(fop.name).response.decode(r) : null;
      console.log(name, rsp === null ? `refused ${header.stat}` : `ret ${rsp.op_ret} errno ${rsp.op_errno}`);
      return rsp;
    } catch (error) {
      console.log(name, String(error));
      return null;
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function setvolume(peer: Peer, keys: Dict): Promise<void> {
  const reply = await peer.call(HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.setvolume, (w) =>
    setvolumeReq.encode(w, { dict: encodeOldDict(keys) }),
  );
  const r = new XdrReader().reset(reply, 0, reply.length);
  parseReply(r, new ReplyHeader());
  const rsp = setvolumeRsp.decode(r);
  console.log('setvolume', rsp.op_ret, rsp.op_errno, decodeOldDict(rsp.dict).text('ERROR'));
}

const [, , port, brick] = process.argv;
if (port === undefined || brick === undefined) throw new Error('usage: probe PORT BRICK');
const peer = new Peer(Number(port));
const nothing = (): void => {};
await peer.call(DUMP_PROGRAM, DUMP_VERSION, DumpProc.dump, (w) => w.u64(0x12345));
await peer.call(DUMP_PROGRAM, DUMP_VERSION, DumpProc.ping, nothing);
await peer.call(HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.ping, nothing);
await peer.call(HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.setLkVer, (w) =>
  setLkVerReq.encode(w, { uid: 'probe', lk_ver: 1 }),
);
const keys = (): Dict =>
  new Dict()
    .setText('process-uuid', `probe-${process.pid}`)
    .setInt('fops-version', FOP_PROGRAM)
    .setInt('opversion', 100000);
await setvolume(peer, keys());
await setvolume(peer, keys().setText('remote-subvolume', '/no/such/brick'));
await setvolume(peer, new Dict().setText('remote-subvolume', brick));
await setvolume(peer, keys().setText('remote-subvolume', brick).setInt('fops-version', 1));
await setvolume(peer, keys().setText('remote-subvolume', brick).setText('volume-id', 'another'));
await setvolume(peer, keys().setText('remote-subvolume', brick));
for (const [program, version, procedure] of [
  [FOP_PROGRAM, FOP_VERSION, 0],
  [FOP_PROGRAM, FOP_VERSION, 49],
  [FOP_PROGRAM, FOP_VERSION, 55],
  [FOP_PROGRAM, FOP_VERSION, 99],
  [FOP_PROGRAM, 500, 1],
  [4711, 1, 1],
] as const) {
  await peer.call(program, version, procedure, nothing).catch((error: unknown) => console.log(String(error)));
}
await peer.call(FOP_PROGRAM, FOP_VERSION, 1, (w) => w.u32(5)).catch((error: unknown) => console.log(String(error)));

const gfid = randomBytes(16);
const key = gfidKey(gfid);
const anonymous = { gfid: key, fd: -2 };
const root = { gfid: ROOT_KEY, fd: -2 };
const flock = { type: 1, whence: 0, start: 0n, len: 100n, pid: 5, lk_owner: 'probe-owner' };
await peer.fop('lookup', { gfid: ROOT_KEY, pargfid: NULL_KEY, flags: 0, bname: '' });
const created = await peer.fop('create', {
  pargfid: ROOT_KEY,
  flags: 0o102,
  mode: 0o100644,
  umask: 0o22,
  bname: `probe-${gfidText(gfid)}`,
  xdata: new Dict().setGfid('gfid-req', gfid),
});
const fd = created?.['fd'] ?? 0;
await peer.fop('rchecksum', { ...anonymous, offset: 0, len: 4096, flags: 0 });
await peer.fop('fsyncdir', { ...root, data: 1 });
const dir = await peer.fop('opendir', { gfid: ROOT_KEY });
await peer.fop('fsyncdir', { gfid: ROOT_KEY, fd: dir?.['fd'] ?? 0, data: 0 });
await peer.fop('fentrylk', {
  ...root,
  fd: dir?.['fd'] ?? 0,
  cmd: 2,
  type: 1,
  namelen: 4,
  name: 'name',
  volume: 'probe',
});
await peer.fop('fentrylk', {
  ...root,
  fd: dir?.['fd'] ?? 0,
  cmd: 1,
  type: 1,
  namelen: 4,
  name: 'name',
  volume: 'probe',
});
await peer.fop('finodelk', { gfid: key, fd, cmd: 1, type: 1, flock, volume: 'probe' });
await peer.fop('finodelk', { gfid: key, fd, cmd: 1, type: 2, flock: { ...flock, type: 2 }, volume: 'probe' });
await peer.fop('lk', { gfid: key, fd, cmd: 1, type: 1, flock });
await peer.fop('getactivelk', { gfid: key });
await peer.fop('ipc', { op: 0 });
await peer.fop('ipc', { op: 77 });
await peer.fop('lease', {
  gfid: key,
  lease: { cmd: 1, lease_type: 1, lease_id: Buffer.alloc(16, 'p'), lease_flags: 0 },
});
await peer.fop('copyFileRange', {
  gfid1: key,
  gfid2: key,
  fd_in: fd,
  fd_out: fd,
  off_in: 0,
  off_out: 8192,
  size: 100,
  flag: 0,
});
await peer.fop('fgetxattr', { ...anonymous, namelen: 12, name: 'trusted.gfid' });
await peer.fop('getxattr', { gfid: ROOT_KEY, namelen: 30, name: 'trusted.glusterfs.volume-id' });
await peer.fop('readv', { gfid: key, fd: 99, offset: 0, size: 10, flag: 0 });
await peer.fop('readv', { ...anonymous, offset: 2 ** 63, size: 10, flag: 0 });
await peer.fop('seek', { gfid: key, fd, offset: 0, what: 5 });
await peer.fop('fsetattr', { gfid: key, fd, stbuf: NO_IATT, valid: 0 });
await peer.fop('xattrop', {
  gfid: key,
  flags: 0,
  dict: new Dict().setBytes('trusted.afr.probe', Buffer.from('000000010000000200000003', 'hex')),
});
await peer.fop('xattrop', {
  gfid: key,
  flags: 5,
  dict: new Dict().setBytes('trusted.afr.probe', Buffer.from('000000010000000200000003', 'hex')),
});
await peer.fop('unlink', {
  pargfid: ROOT_KEY,
  bname: `probe-${gfidText(gfid)}`,
  xflags: 0,
  xdata: new Dict().setInt('get-link-count', 0),
});
await peer.fop('release', { gfid: key, fd });
// Last: a stock 10.3 brick ends with either of these, so both are under way when it does.
const fresh = randomBytes(16);
await peer.fop('icreate', { gfid: gfidKey(fresh), mode: 0o100600 });
await Promise.all([
  peer.fop('setactivelk', {
    gfid: ROOT_KEY,
    request: [{ flock: { ...flock, start: 500n }, client_uid: 'probe', lk_flags: 0 }],
  }),
  peer.fop('namelink', { pargfid: ROOT_KEY, bname: 'named', xdata: new Dict().setGfid('gfid-req', fresh) }),
]);
peer.end();
