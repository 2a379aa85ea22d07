/** One write in progress, as the write queue keeps it. */

import type { Call } from '../../mux/xlator/call.js';
import type { WriteArgs, WriteReply } from '../../mux/xlator/fops.js';
import * as key from '../../mux/xlator/xdata-keys.js';
import { assert } from '../../native/assert.js';
import { O_SYNC } from '../../native/linux.js';
import type { Region } from '../../native/memory.js';
import { ALIGNMENT, alignedPiece } from './format/aligned.js';
import type { OpenFile } from './open-file.js';

export class Write {
  readonly call: Call;
  readonly args: WriteArgs;
  readonly file: OpenFile;
  /** Index of the stat result after the write, and of the ops. */
  after = 0;
  writeOp = 0;
  statOp = 0;
  /** Dropped with the reply: otherwise an old write would keep all later ones alive, see batch-parts.ts. */
  #resolve: ((reply: WriteReply) => void) | null = null;
  #reject: ((failure: unknown) => void) | null = null;
  #answered = false;
  /** It succeeded, but its batch failed later: it is answered when its times and sync are done. */
  late = false;
  /** Aligned copy of the data. */
  #copy: Region | null = null;

  constructor(call: Call, args: WriteArgs, file: OpenFile) {
    this.call = call;
    this.args = args;
    this.file = file;
  }
  /** Callbacks of its promise. */
  onAnswer(resolve: (reply: WriteReply) => void, reject: (failure: unknown) => void): void {
    assert(this.#resolve === null, 'a write is queued once');
    this.#resolve = resolve;
    this.#reject = reject;
  }
  get sync(): boolean {
    return (this.args.flags & O_SYNC) !== 0;
  }
  /** Address of the data: of a copy on a block boundary where the kernel wants that. */
  get address(): number {
    const { region, start, size } = this.args;
    assert(!this.#answered, 'the data of a write is there until it is answered');
    const address = region.address + start;
    if (!this.file.direct || address % ALIGNMENT === 0) return address;
    this.#copy?.release();
    const piece = alignedPiece(size);
    region.bytes.copy(piece.region.bytes, piece.start, start, start + size);
    this.#copy = piece.region;
    return piece.address;
  }
  /** The client wants the attributes before and after to differ by this write alone. */
  get atomic(): boolean {
    const { xdata } = this.args;
    return xdata !== null && (xdata.has(key.WRITE_IS_APPEND) || xdata.has(key.WRITE_UPDATE_ATOMIC));
  }

  get answered(): boolean {
    return this.#answered;
  }
  /** Resolves it. Nothing more happens on disk. */
  succeed(reply: WriteReply): void {
    const resolve = this.#resolve;
    this.#release();
    resolve?.(reply);
  }
  /** Rejects it. */
  fail(thrown: unknown): void {
    const reject = this.#reject;
    this.#release();
    reject?.(thrown);
  }
  /** Releases file, memory and callbacks. */
  #release(): void {
    assert(!this.#answered, 'a write is answered once');
    this.#answered = true;
    this.#resolve = this.#reject = null;
    this.file.release();
    this.#copy?.release();
    this.#copy = null;
  }
}
