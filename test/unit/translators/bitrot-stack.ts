/** features/bitrot-stub above a real posix, with a signer that notes what it is told. */
import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { BitrotStubTranslator } from '../../../brickd/translators/features/bitrot-stub/bitrot-stub.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { payload } from '../posix/files.js';
import { Brick, client, withGfid } from '../posix/harness.js';

export const VERSION = 'trusted.bit-rot.version';
export const SIGNATURE = 'trusted.bit-rot.signature';
export const BAD = 'trusted.bit-rot.bad-file';
const GET = 'trusted.glusterfs.get-signature';
export const SET = 'trusted.glusterfs.set-signature';
export const HINT = 'trusted.glusterfs.bit-rot.reopen-hint';
export const BITD = -8;
export const SCRUB = -9;
export const HEAL = -6;
const HASH = Buffer.alloc(32, 0xab);
export const WAIT = 1;
export const SIGN = 2;

/** What the signer was told: [version, sign state]. */
type Told = [number, number];

/** The stub above a real posix: tests do what the server does with fds and inodes. */
export class Stack {
  readonly brick: Brick;
  readonly stub: BitrotStubTranslator;
  readonly told: Told[] = [];
  /** Fops of the layer below, instead of posix's. */
  readonly over: Partial<Fops> = {};

  constructor(brick: Brick, bitrot: boolean) {
    this.brick = brick;
    const options = { bitrot, export: bytesOfText(brick.dir) };
    this.stub = new BitrotStubTranslator({ name: 'v-stub', type: 'stub', options, brick: brick.context, slot: 1 });
    const posix = brick.posix as unknown as Fops;
    const { over, told } = this;
    this.stub.next = new Proxy({} as Fops, {
      get(_t, fop: keyof Fops) {
        if (over[fop] !== undefined) return over[fop];
        if (fop !== 'ipc')
          return (call: Call, args: never) => (posix[fop] as (c: Call, a: never) => unknown)(call, args);
        return (_c: Call, { op, xdata }: { op: number; xdata: Dict }) => {
          const event = Buffer.from(xdata.bytes('RELEASE-EVENT')!);
          t.equal(op, 0);
          t.equal(event.length, 4104);
          t.equal(event.readUInt32LE(0), 0x10);
          told.push([event.readUInt32BE(8), event.readUInt32BE(32)]);
          return { xdata: null };
        };
      },
    });
  }

  call(pid = 100): Call {
    return Object.assign(this.brick.call(), { pid });
  }
  async create(name: string, pid = 100, xdata = withGfid(), flags = 0o302): Promise<{ inode: Inode; fd: Fd }> {
    const { root, table } = this.brick;
    const loc = { inode: table.child(root, name) ?? null, parent: root, name };
    const r = await this.stub.create(this.call(pid), { loc, flags, mode: 0o100640, umask: 0, pid, xdata });
    const inode = table.link(root, name, r.stat.gfid, r.stat.mode);
    const fd = new Fd(inode, flags, client, pid);
    r.bind(fd);
    return { inode, fd };
  }
  async open(inode: Inode, flags = 2, pid = 100): Promise<Fd> {
    const fd = new Fd(inode, flags, client, pid);
    await this.stub.open(this.call(pid), { inode, fd, flags, xdata: null });
    return fd;
  }
  close(fd: Fd): void {
    this.stub.release(fd);
    this.brick.posix.release(fd);
  }
  async write(fd: Fd, text: string, offset = 0): Promise<void> {
    const data = payload(Buffer.from(text));
    await this.stub.writev(this.call(), { fd, offset, flags: 0, xdata: null, ...data });
    data.region.release();
  }
  async read(fd: Fd): Promise<string> {
    const reply = await this.stub.readv(this.call(), { fd, offset: 0, size: 100, flags: 0, xdata: null });
    reply.region?.release();
    return String(reply.count);
  }
  async lookup(name: string, xdata: Dict | null = new Dict()) {
    const { root, table } = this.brick;
    const known = table.child(root, name) ?? null;
    const r = await this.stub.lookup(this.call(), { loc: { inode: known, parent: root, name }, gfid: null, xdata });
    return { ...r, inode: table.link(root, name, r.stat.gfid, r.stat.mode) };
  }
  async hint(inode: Inode, value: number): Promise<void> {
    const fd = await this.open(inode, 2, BITD);
    await this.stub.fsetxattr(this.call(BITD), { fd, dict: new Dict().setUint(HINT, value), flags: 0, xdata: null });
    this.close(fd);
  }
  async sign(inode: Inode, version: number): Promise<void> {
    const fd = await this.open(inode, 0, BITD);
    const dict = new Dict().setBytes(SET, request(version));
    await this.stub.fsetxattr(this.call(BITD), { fd, dict, flags: 0, xdata: null });
    this.close(fd);
  }
  async markBad(inode: Inode): Promise<void> {
    const fd = await this.open(inode, 2, SCRUB);
    await this.stub.fsetxattr(this.call(SCRUB), { fd, dict: new Dict().setInt(BAD, 1), flags: 0, xdata: null });
    this.close(fd);
  }
  async stale(inode: Inode, pid = SCRUB): Promise<number> {
    const { dict } = await this.stub.getxattr(this.call(pid), { inode, name: GET, xdata: null });
    return dict!.bytes(GET)![0]!;
  }
  /** The version on disk; 0: none. */
  version(name: string): number {
    const hex = this.brick.xattr(this.brick.path(name), VERSION);
    return hex === null ? 0 : Number(Buffer.from(hex, 'hex').readBigUInt64LE(0));
  }
  listed(): string[] {
    return readdirSync(this.brick.path('.glusterfs/quarantine')).filter((name) => !name.startsWith('stub-'));
  }
}

export function request(version: number, type = 1, length = HASH.length): Buffer {
  const bytes = Buffer.alloc(24 + HASH.length);
  bytes.writeInt8(type, 0);
  bytes.writeUInt32BE(version, 8);
  bytes.writeBigUInt64LE(BigInt(length), 16);
  HASH.copy(bytes, 24);
  return bytes;
}

export async function stack(t: Test, bitrot = true, layers: string[] = []): Promise<Stack> {
  const brick = await new Brick().start();
  for (const layer of layers) brick.layers.add(layer);
  const s = new Stack(brick, bitrot);
  await s.stub.init();
  t.teardown(async () => {
    await s.stub.fini();
    await brick.stop();
    brick.remove();
  });
  return s;
}
