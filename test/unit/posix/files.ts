/** Shorthands for tests of fops on files. */
import { readSync } from 'node:fs';
import type { Test } from 'tap';
import type { Call } from '../../../mux/xlator/call.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import type { ReadReply, WriteReply } from '../../../mux/xlator/fops.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { addon } from '../../../native/addon.js';
import { type Region, region } from '../../../native/memory.js';
import { Pipe } from '../../../native/pipe.js';
import { Brick, client } from './harness.js';

/** Times that clients want set by a write: ctime and mtime. */
export const WRITE = 0b11;

export async function brick(t: Test, more: Record<string, string> = {}): Promise<Brick> {
  const b = await new Brick().start(more);
  t.teardown(async () => {
    await b.stop();
    b.remove();
  });
  return b;
}

/** A started brick with a file "f" that is open for reading and writing. */
export async function openFile(
  t: Test,
  more: Record<string, string> = {},
): Promise<{ b: Brick; inode: Inode; fd: Fd }> {
  const b = await brick(t, more);
  const { inode, fd } = await b.create(b.root, 'f');
  return { b, inode, fd };
}

export async function open(b: Brick, inode: Inode, flags: number, xdata: Dict | null = null): Promise<Fd> {
  const fd = new Fd(inode, flags, client, 1);
  await b.posix.open(b.call(), { inode, fd, flags, xdata });
  inode.fdCount++;
  inode.ref();
  return fd;
}

export function release(b: Brick, fd: Fd): void {
  b.posix.release(fd);
  if (!fd.anonymous) {
    fd.inode.fdCount--;
    fd.inode.unref();
  }
}

export function anonymous(inode: Inode): Fd {
  return new Fd(inode, 2, client, 1, true);
}

/** Bytes in memory as a write's payload has them, `start` bytes into its region. */
export function payload(bytes: Uint8Array, start = 8): { region: Region; start: number; size: number } {
  const r = region(bytes.length + start);
  r.bytes.set(bytes, start);
  return { region: r, start, size: bytes.length };
}

export interface WriteMore {
  call?: Call;
  flags?: number;
  xdata?: Dict | null;
}

export function write(b: Brick, fd: Fd, data: string | Uint8Array, offset = 0, more: WriteMore = {}) {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  return b.posix.writev(more.call ?? b.call(WRITE), {
    fd,
    offset,
    flags: more.flags ?? 0,
    xdata: more.xdata ?? null,
    ...payload(bytes),
  }) as Promise<WriteReply>;
}

export interface Got extends ReadReply {
  text: string;
  /** The reply came without a promise. */
  inline: boolean;
  /** The bytes came in a pipe. */
  piped: boolean;
}

/** What a reply holds, which is released. */
function bytesOf(reply: ReadReply): Buffer {
  const { region: held, count } = reply;
  if (held === null) return Buffer.alloc(0);
  const bytes = Buffer.alloc(count);
  if (held instanceof Pipe) {
    for (let n = 0; n < count; ) n += readSync(-1 - held.address, bytes, n, count - n, null);
    held.sent();
  } else {
    held.bytes.copy(bytes, 0, 0, count);
    held.release();
  }
  return bytes;
}

export async function read(b: Brick, fd: Fd, size: number, offset = 0, call = b.call()): Promise<Got> {
  const reply = b.posix.readv(call, { fd, offset, size, flags: 0, xdata: null });
  const r = await reply;
  const piped = r.region instanceof Pipe;
  return { ...r, text: bytesOf(r).latin1Slice(), inline: !(reply instanceof Promise), piped };
}

/** Has system calls of a kind fail after they have run, `times` times: those that go to the pool. Returns an undo. */
export function failOps(b: Brick, op: string, errno: number, times = Number.POSITIVE_INFINITY): () => void {
  const { queue } = b.posix.store;
  const code = addon.ops[op]!;
  const submit = queue.submit.bind(queue);
  queue.submit = (program, lane, priority) => {
    const done = program.onDone;
    program.onDone = (finished) => {
      for (let i = 0; i < finished.length; i++) {
        if ((finished.f64[i * 8]! & 0xff) === code && times-- > 0) finished.f64[i * 8 + 7] = -errno;
      }
      done?.(finished);
    };
    submit(program, lane, priority);
  };
  return () => {
    queue.submit = submit;
  };
}
