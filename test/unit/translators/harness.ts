/** A translator under test between a caller and a lower layer that a test writes itself. */

import { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { type Client, Fd, Inode } from '../../../mux/xlator/inode.js';
import type { BrickContext, Translator, TranslatorInit, Upcall } from '../../../mux/xlator/translator.js';
import { bytesOfText } from '../../../native/bytes.js';

let clients = 0;

export class FakeClient implements Client {
  readonly id = ++clients;
  readonly uid: string;
  readonly opVersion = 100000;
  readonly processName = 'test';
  readonly peer = '127.0.0.1:1';
  readonly ctx: unknown[] = [];
  readonly memory = null;
  alive = true;

  constructor(uid = `client-${clients}`) {
    this.uid = uid;
  }
}

export class FakeBrick implements BrickContext {
  readonly name = bytesOfText('/brick');
  readonly log = { error() {}, warning() {}, info() {}, debug() {} };
  readonly root = new Inode(ROOT_GFID, gfidKey(ROOT_GFID));
  readonly inodes = new Map<string, Inode>([[this.root.key, this.root]]);
  readonly upcalls: { client: Client; message: Upcall }[] = [];
  failed: string | null = null;

  hasLayer(): boolean {
    return false;
  }
  findInode(key: string): Inode | undefined {
    return this.inodes.get(key);
  }
  findChild(parent: Inode, name: string): Inode | undefined {
    return parent.children?.get(name);
  }
  adoptInode(gfid: Gfid, mode: number): Inode {
    const key = gfidKey(gfid);
    const known = this.inodes.get(key);
    if (known !== undefined) return known;
    const inode = new Inode(gfid, key);
    inode.type = mode;
    this.inodes.set(key, inode);
    return inode;
  }
  learnName(parent: Inode, name: string, gfid: Gfid, mode: number): Inode {
    const inode = this.adoptInode(gfid, mode);
    inode.parent = parent;
    inode.name = name;
    (parent.children ??= new Map()).set(name, inode);
    return inode;
  }
  namespaceOf(inode: Inode): Inode {
    return inode.namespace ?? this.root;
  }
  ownCall(): Call {
    return new Call(new FakeClient('brick'), 0);
  }
  /** What the brick itself asks for. */
  storage: Fops = lower({});
  async byItself<T>(work: (call: Call) => Promise<T>, inode?: Inode): Promise<T> {
    const call = this.ownCall();
    if (inode !== undefined) call.hold(inode);
    try {
      return await work(call);
    } finally {
      call.end(() => {});
    }
  }
  onDevice(): void {}
  diskHangs(): void {}
  /** What changes are refused with; 0: they are not. */
  refusal = 0;
  guardChange(): void {
    if (this.refusal !== 0) throw failure(this.refusal);
  }
  callLimit = 0;
  limitCalls(limit: number): void {
    this.callLimit = limit;
  }
  upcall(client: Client, message: Upcall): void {
    this.upcalls.push({ client, message });
  }
  fail(reason: string): void {
    this.failed = reason;
  }
  timer(delayMs: number, repeat: boolean, run: () => void): () => void {
    const handle = repeat ? setInterval(run, delayMs) : setTimeout(run, delayMs);
    return () => clearTimeout(handle);
  }
  /** A new inode of the table. */
  inode(type = 0o100000): Inode {
    const gfid = gfidOf(this.inodes.size + 1);
    const inode = new Inode(gfid, gfidKey(gfid));
    inode.type = type;
    this.inodes.set(inode.key, inode);
    return inode;
  }
}

export function gfidOf(n: number): Gfid {
  const gfid = new Uint8Array(16);
  gfid[14] = n >> 8;
  gfid[15] = n & 0xff;
  gfid[0] = 0xa;
  return gfid;
}

/** What the lower layer was asked, in order. */
export interface Asked {
  fop: string;
  args: unknown;
}

/** Fops of the lower layer: those given, and for the rest an empty success. */
export function lower(fops: Partial<Fops>, asked: Asked[] = []): Fops {
  return new Proxy(fops as Fops, {
    get(target, fop: keyof Fops) {
      return (call: Call, args: never) => {
        asked.push({ fop, args });
        const own = target[fop] as ((c: Call, a: never) => unknown) | undefined;
        return own === undefined ? { xdata: null } : own(call, args);
      };
    },
  });
}

export function make<O, T extends Translator<O>>(
  type: new (init: TranslatorInit<O>) => T,
  options: O,
  brick: FakeBrick,
  next: Partial<Fops> = {},
  asked: Asked[] = [],
): T {
  const translator = new type({ name: 'v-test', type: 'test', options, brick, slot: 0 });
  translator.next = lower(next, asked);
  return translator;
}

export function callOf(client: Client, over: Partial<Call> = {}): Call {
  return Object.assign(new Call(client, 0), { lkOwner: 'owner', pid: 1000 }, over);
}

export function fdOf(inode: Inode, client: Client, flags = 2): Fd {
  return new Fd(inode, flags, client, 1000);
}

export function statOf(over: Partial<Iatt>): Iatt {
  return Object.assign(new Iatt(), { ctime: 1 }, over);
}

export function dictOf(values: Record<string, string | number | Uint8Array>): Dict {
  const dict = new Dict();
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'string') dict.setText(key, value);
    else if (typeof value === 'number') dict.setInt(key, value);
    else dict.setBytes(key, value);
  }
  return dict;
}

/** The errno that something fails with; 0 when it succeeds. */
export async function errnoOfAttempt(attempt: () => unknown): Promise<number> {
  try {
    await attempt();
    return 0;
  } catch (error) {
    if (error instanceof FopError) return error.errno;
    throw error;
  }
}

/** 'pending' while a promise has not settled. */
export async function state(promise: unknown): Promise<'pending' | 'done' | 'failed'> {
  const later = new Promise((resolve) => setImmediate(resolve));
  return await Promise.race([
    Promise.resolve(promise).then(
      () => 'done' as const,
      () => 'failed' as const,
    ),
    later.then(() => 'pending' as const),
  ]);
}

/** A small generator of reproducible numbers (mulberry32), below `n`. */
export function random(seed: number): (n: number) => number {
  let a = seed;
  return (n) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  };
}
