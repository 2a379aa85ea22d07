/** The answer to `gluster volume top VOLUME ...`, in the keys that glusterd merges. */

import type { ProfileValues } from '../../../../mux/xlator/translator.js';
import { Activity, type BusyFiles } from './busy-files.js';
import type { OpenFileCount } from './open-file-count.js';

/** top-op of requests: which list. */
const LISTS: ReadonlyMap<number, Activity> = new Map([
  [1, Activity.open],
  [2, Activity.read],
  [3, Activity.write],
  [4, Activity.opendir],
  [5, Activity.readdirp],
  [6, Activity.readSpeed],
  [7, Activity.writeSpeed],
]);
const OPEN = 1;

/** input: `top-op`, `list-cnt`; and what a test of the disk's throughput came to: `throughput` (bytes per µs), `time` (µs). */
export function topValues(input: ReadonlyMap<string, string>, files: BusyFiles, open: OpenFileCount): ProfileValues {
  const values: ProfileValues = new Map();
  const op = Number(input.get('top-op'));
  const activity = LISTS.get(op);
  if (activity === undefined) return values;
  if (op === OPEN) {
    values.set('current-open', open.current);
    values.set('max-open', open.most);
    values.set('max-openfd-time', open.mostTime);
  }
  values.set('top-op', op);
  const speeds = activity === Activity.readSpeed || activity === Activity.writeSpeed;
  const limit = Number(input.get('list-cnt') ?? 0);
  if (limit > 0) {
    const members = files.top(activity, limit);
    for (const [i, { path, value, time }] of members.entries()) {
      values.set(`filename-${i + 1}`, path);
      values.set(`value-${i + 1}`, Math.floor(value));
      if (!speeds) continue;
      values.set(`time-sec-${i + 1}`, Math.floor(time / 1000));
      values.set(`time-usec-${i + 1}`, (time % 1000) * 1000);
    }
    values.set('members', members.length);
  }
  const throughput = input.get('throughput');
  if (speeds && throughput !== undefined) {
    values.set('throughput', throughput);
    values.set('time', input.get('time') ?? '0');
  }
  return values;
}
