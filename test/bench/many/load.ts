/** Load on some bricks among many: random reads of a cached file by one connection each, several under way per connection. */
import { randomBytes } from 'node:crypto';
import { Dict } from '../../../mux/xlator/dict.js';
import { gfidKey, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { WireClient } from './client.js';
import type { ManyBrick } from './volfile.js';

const FILE_BYTES = 8 << 20;
const WRITE_BYTES = 128 << 10;
const READ_BYTES = 4096;
const DEPTH = 4;

export interface LoadResult {
  operations: number;
  seconds: number;
  p99Us: number;
}

/** Runs the load for so many seconds on all bricks at once; unmeasured for the first of them. */
export async function readLoad(port: number, bricks: ManyBrick[], seconds: number): Promise<LoadResult> {
  const sources = await Promise.all(bricks.map((brick) => prepare(port, brick)));
  const latencies: number[] = [];
  const begin = performance.now() + 1000;
  const end = begin + seconds * 1000;
  const reader = async ({ client, key, fd }: Source): Promise<void> => {
    for (;;) {
      const at = performance.now();
      if (at > end) return;
      const offset = Math.floor(Math.random() * (FILE_BYTES / READ_BYTES)) * READ_BYTES;
      const rsp = await client.fop('readv', { gfid: key, fd, offset, size: READ_BYTES, flag: 0 });
      if (rsp.op_ret !== READ_BYTES) throw new Error(`a read failed: ${rsp.op_ret}, errno ${rsp.op_errno}`);
      if (at >= begin) latencies.push((performance.now() - at) * 1000);
    }
  };
  await Promise.all(sources.flatMap((source) => Array.from({ length: DEPTH }, () => reader(source))));
  for (const { client } of sources) client.vanish();
  latencies.sort((a, b) => a - b);
  return { operations: latencies.length, seconds, p99Us: latencies[Math.floor(latencies.length * 0.99)] ?? 0 };
}

interface Source {
  client: WireClient;
  key: string;
  fd: number;
}

/** A client of the brick with a file to read. */
async function prepare(port: number, brick: ManyBrick): Promise<Source> {
  const client = await WireClient.open(port, brick.directory);
  const gfid = randomBytes(16);
  const key = gfidKey(gfid);
  const made = { pargfid: ROOT_KEY, flags: 0o102, mode: 0o100644, umask: 0o22, bname: `load-${gfid.toString('hex')}` };
  const rsp = await client.fop('create', { ...made, xdata: new Dict().setGfid('gfid-req', gfid) });
  if (rsp.op_ret < 0) throw new Error(`${brick.directory}: create failed: errno ${rsp.op_errno}`);
  const fd = Number(rsp['fd']);
  const data = randomBytes(WRITE_BYTES);
  for (let offset = 0; offset < FILE_BYTES; offset += WRITE_BYTES) {
    await client.fop('writev', { gfid: key, fd, offset, size: WRITE_BYTES, flag: 0 }, data);
  }
  return { client, key, fd };
}
