/**
 * The fops in progress, for `gluster volume status V callpool` and statedumps. glusterfsd lists a frame for each
 * translator that a fop has passed; here a fop is one call and is listed as one frame, of the server.
 */
import type { Call } from '../../xlator/call.js';
import { fopByNumber } from '../../xlator/fop-table.js';
import type { Brick } from '../brick.js';

/** Keys and values of an answer to `gluster volume status`. */
export type StatusValues = Record<string, string | number | bigint>;

/** Fops that are listed at most: a reply with tens of thousands helps nobody. */
const MAX_TOLD = 1000;
/** Gluster's GF_OP_TYPE_FOP. */
const TYPE_FOP = 1;

const opOf = (call: Call): string => fopByNumber(call.fop)?.display ?? 'NULL';

/** Times in the form of Gluster's dumps: the local time with microseconds. */
function timeText(ms: number): string {
  const d = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return `${date} ${time}.${String(d.getMilliseconds()).padStart(3, '0')}000`;
}

/** Keys and values of `status callpool`. */
export function statusCalls(brick: Brick): StatusValues {
  const values: StatusValues = { 'callpool.count': brick.inFlight.count };
  let i = 0;
  for (const { call, xid } of brick.inFlight.oldest(MAX_TOLD)) {
    const key = `callpool.stack${i++}`;
    values[`${key}.uid`] = call.uid;
    values[`${key}.gid`] = call.gid;
    values[`${key}.pid`] = call.pid;
    values[`${key}.unique`] = BigInt(xid);
    values[`${key}.op`] = opOf(call);
    values[`${key}.type`] = TYPE_FOP;
    values[`${key}.count`] = 1;
    values[`${key}.frame0.refcount`] = 1;
    values[`${key}.frame0.translator`] = `${brick.volume}-server`;
    values[`${key}.frame0.complete`] = 0;
  }
  return values;
}

/** Lines of the sections of a statedump for each fop: those of the stack, and those of its one frame. */
export function dumpCalls(brick: Brick): [stack: string[], frame: string[]][] {
  const told: [string[], string[]][] = [];
  for (const { call, xid, cameMs } of brick.inFlight.oldest(MAX_TOLD)) {
    told.push([
      [
        `callstack-creation-time=${timeText(performance.timeOrigin + cameMs)}`,
        `uid=${call.uid}`,
        `gid=${call.gid}`,
        `pid=${call.pid}`,
        `unique=${xid}`,
        `lk-owner=${Buffer.from(call.lkOwner, 'latin1').toString('hex')}`,
        `ctime=${call.timeSec}.${String(call.timeNsec).padStart(9, '0')}`,
        `op=${opOf(call)}`,
        `type=${TYPE_FOP}`,
        'cnt=1',
      ],
      [`translator=${brick.volume}-server`, 'complete=0'],
    ]);
  }
  return told;
}
