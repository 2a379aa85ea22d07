/**
 * The fops xattrop and fxattrop: arithmetic on xattrs, which replication, dispersal, sharding and quota use for their
 * counters. All keys of a request are read, computed and stored with no other xattrop on the file in between.
 */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict, valueBytes } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DictReply, FxattropArgs, XattropArgs } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { assert } from '../../../native/assert.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENODATA, ERANGE } from '../../../native/errno.js';
import { IGNORE, MAX_OPS, Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { type FileRef, unheld } from '../../disk/file-ref.js';
import { isCounter } from '../../disk/format/xattr-names.js';
import { exclusively } from '../../disk/inode-state.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { runOnOpen } from '../../disk/run-cached.js';
import { refuseXattr } from './xattr-refusal.js';

/** gf_xattrop_flags_t; OR 2 and AND 3 are known to nobody. */
const Op = { addArray: 0, addArray64: 1, getAndSet: 4, addDefault: 5, addDefault64: 6 } as const;

const KEYS_PER_BATCH = 20;
assert(KEYS_PER_BATCH <= MAX_OPS, 'a batch has room for the keys that it reads or stores');

/** One key of a request: what is added (or set), what is on disk, what becomes of it. */
interface Item {
  name: string;
  /** Where its value is read to. */
  address: number;
  operand: Buffer;
  /** Bytes of the stored value. */
  size: number;
  value: Buffer;
  missing: boolean;
  writes: boolean;
}

export async function xattrop(store: BrickDir, call: Call, args: XattropArgs): Promise<DictReply> {
  return run(store, call, args.inode, await store.fileRef(args.inode), args.op, args.dict, args.xdata);
}

export async function fxattrop(store: BrickDir, call: Call, args: FxattropArgs): Promise<DictReply> {
  return run(store, call, args.fd.inode, await store.files.fileRef(args.fd), args.op, args.dict, args.xdata);
}

async function run(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  op: number,
  dict: Dict,
  xdata: Dict | null,
): Promise<DictReply> {
  try {
    refuseOthers(store, dict);
    const items = itemsOf(op, dict);
    const priority = store.priority(call, Priority.low);
    await exclusively(store.state(inode), async () => {
      for (let i = 0; i < items.length; i += KEYS_PER_BATCH) {
        await operate(store, inode, file, op, items.slice(i, i + KEYS_PER_BATCH), priority);
      }
    });
    const reply = new Dict();
    for (const item of items) {
      if (op !== Op.getAndSet || !item.missing) reply.setBytes(item.name, item.value);
    }
    if (xdata === null) return { ret: 0, dict: reply, xdata: null };
    const seen = await statInode(store, call, inode, unheld(file), xdata);
    if (seen.stat.isRegular && xdata.has(key.MODE_IN_XDATA)) seen.dict?.setInt(key.MODE_IN_XDATA, seen.stat.mode);
    return { ret: 0, dict: reply, xdata: seen.dict };
  } finally {
    file.release();
  }
}

/** EPERM unless all keys are counters. */
function refuseOthers(store: BrickDir, dict: Dict): void {
  for (const name of dict.map.keys()) {
    if (!isCounter(name)) refuseXattr(store, 'xattrop of a key that is none of its counters');
  }
}

function itemsOf(op: number, dict: Dict): Item[] {
  const halved = op === Op.addDefault || op === Op.addDefault64;
  const items: Item[] = [];
  for (const [name, v] of dict.map) {
    const bytes = valueBytes(v);
    if (bytes === undefined) throw failure(EINVAL);
    const operand = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const size = halved ? operand.length >> 1 : operand.length;
    items.push({ name, address: 0, operand, size, value: Buffer.alloc(size), missing: false, writes: false });
  }
  return items;
}

/** Reads values, changes them, and stores the changed ones. */
async function operate(
  store: BrickDir,
  inode: Inode,
  file: FileRef,
  op: number,
  items: Item[],
  priority: Priority,
): Promise<void> {
  const b = batch();
  for (const item of items) item.address = memoryFor(b, item);
  for (const { name, address, size } of items) b.getxattr(file.fd, file.name, name, address, size, IGNORE);
  // The inode of an open file is in memory, and its xattrs with it as a rule.
  const running = file.name === null ? runOnOpen(store, b, priority, inode.lane) : store.run(b, inode.lane, priority);
  if (running !== null) await running;
  const errnos = items.map((item, i) => take(b, item, i));
  b.release();

  // Keys in front of one that fails are stored all the same.
  let failed = 0;
  const w = batch();
  const stored: Item[] = [];
  for (const [i, item] of items.entries()) {
    failed = errnos[i] || compute(op, item);
    if (failed !== 0) break;
    if (!item.writes) continue;
    stored.push(item);
    w.setxattr(file.fd, file.name, item.name, op === Op.getAndSet ? item.operand : item.value);
  }
  if (stored.length > 0) {
    await store.run(w, inode.lane, priority);
    if (w.errno !== 0) {
      failed = w.errno;
      store.fopFailed(
        `setxattr failed on ${gfidText(inode.gfid)} while doing xattrop: key=${stored[w.failedOp]?.name}`,
        failed,
      );
    }
  }
  w.release();
  if (failed !== 0) throw failure(failed);
}

/** Where a value is read to: in the batch, or, if large, straight into the item. */
function memoryFor(b: Batch, item: Item): number {
  if (item.size <= 64) return b.out(Math.max(item.size, 8));
  return b.keep(item.value.buffer) + item.value.byteOffset;
}

/** Takes a value that was read; returns the errno that ends the fop, or 0. */
function take(b: Batch, item: Item, op: number): number {
  const r = b.result(op);
  if (r === -ENODATA) {
    item.missing = true;
    return 0;
  }
  if (r < 0) return -r;
  // A size of 0 asks for the stored size: nothing is read.
  if (item.size === 0) return 0;
  if (r > item.size) return ERANGE;
  if (item.size <= 64) b.view(item.address, item.size).copy(item.value, 0, 0, r);
  return 0;
}

/** Changes a value as the operation says. Returns EINVAL for an unknown one, else 0. */
function compute(op: number, item: Item): number {
  const { value, operand } = item;
  if (op === Op.getAndSet) {
    item.writes = true;
    return 0;
  }
  // An addition of nothing stores nothing: the value is only read.
  if (isZero(operand)) return 0;
  item.writes = true;
  if (op === Op.addArray) add32(value, operand);
  else if (op === Op.addArray64) add64(value, operand);
  else if (op === Op.addDefault) add32(value, operand, item.size);
  else if (op === Op.addDefault64) add64(value, operand, item.size);
  else return EINVAL;
  return 0;
}

function isZero(b: Buffer): boolean {
  for (let i = 0; i < b.length; i++) if (b[i] !== 0) return false;
  return true;
}

/** Adds big-endian numbers. defaults: where in the operand the numbers start that are added to zeroes besides. */
function add32(value: Buffer, operand: Buffer, defaults = -1): void {
  for (let i = 0; i + 4 <= value.length; i += 4) {
    const now = value.readInt32BE(i);
    let sum = now + operand.readInt32BE(i);
    if (now === 0 && defaults >= 0) sum += operand.readInt32BE(defaults + i);
    value.writeInt32BE(sum | 0, i);
  }
}

function add64(value: Buffer, operand: Buffer, defaults = -1): void {
  for (let i = 0; i + 8 <= value.length; i += 8) {
    const now = value.readBigInt64BE(i);
    let sum = now + operand.readBigInt64BE(i);
    if (now === 0n && defaults >= 0) sum += operand.readBigInt64BE(defaults + i);
    value.writeBigInt64BE(BigInt.asIntN(64, sum), i);
  }
}
