/** The fop writev: checks by the write gate, then the write queue. */

import type { Call } from '../../../mux/xlator/call.js';
import type { MaybePromise, WriteArgs, WriteReply } from '../../../mux/xlator/fops.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { Write } from '../../disk/write.js';
import { WhenFull, WriteGate } from './write-gate.js';

const GATE = new WriteGate({
  refusesDevices: true,
  whenFull: WhenFull.overwrite,
  marks: true,
  avoidsMarked: true,
});

export function writev(store: BrickDir, call: Call, args: WriteArgs): MaybePromise<WriteReply> {
  const file = GATE.check(store, call, args.fd, args.xdata, args.offset, args.size);
  if (file instanceof Promise) return file.then((opened) => store.writes.add(new Write(call, args, opened)));
  return store.writes.add(new Write(call, args, file));
}
