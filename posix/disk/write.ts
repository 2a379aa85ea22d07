/** One write under way, as the queue of writes keeps it. */

import type { Call } from '../../mux/xlator/call.js';
import type { WriteArgs, WriteReply } from '../../mux/xlator/fops.js';
import * as key from '../../mux/xlator/xdata-keys.js';
import { O_SYNC } from '../../native/linux.js';
import type { Region } from '../../native/memory.js';
import { ALIGNMENT, alignedPiece } from './format/aligned.js';
import type { OpenFile } from './open-file.js';

export class Write {
  readonly call: Call;
  readonly args: WriteArgs;
  readonly file: OpenFile;
  resolve!: (reply: WriteReply) => void;
  reject!: (failure: unknown) => void;
  /** Index of the stat result after the write, and of the ops. */
  after = 0;
  writeOp = 0;
  statOp = 0;
  /** Aligned copy of the data. */
  #copy: Region | null = null;

  constructor(call: Call, args: WriteArgs, file: OpenFile) {
    this.call = call;
    this.args = args;
    this.file = file;
  }
  get sync(): boolean {
    return (this.args.flags & O_SYNC) !== 0;
  }
  /** Address of the data: of a copy on a block boundary where the kernel wants that. */
  get address(): number {
    const { region, start, size } = this.args;
    const address = region.address + start;
    if (!this.file.direct || address % ALIGNMENT === 0) return address;
    this.#copy?.release();
    const piece = alignedPiece(size);
    region.bytes.copy(piece.region.bytes, piece.start, start, start + size);
    this.#copy = piece.region;
    return piece.address;
  }
  /** Lets go of file and memory: nothing more happens on disk. */
  release(): void {
    this.file.release();
    this.#copy?.release();
    this.#copy = null;
  }
  /** The client wants the attributes before and after to differ by this write alone. */
  get atomic(): boolean {
    const { xdata } = this.args;
    return xdata !== null && (xdata.has(key.WRITE_IS_APPEND) || xdata.has(key.WRITE_UPDATE_ATOMIC));
  }
}
