/** Buffers that the connections of a thread share. A connection holds memory only while it receives or sends. */
import { type Region, region } from '../../native/memory.js';
import { XdrWriter } from '../wire/xdr.js';

const INPUT_BYTES = 256 << 10;
/** Size of a region of output. */
const OUTPUT_BYTES = 64 << 10;
const MAX_IDLE_WRITERS = 16;
/** Pieces per send: what native code accepts at once. */
export const MAX_PIECES = 256;

export class IoBuffers {
  /** Addresses and lengths for one call of sendv: filled and used within a turn, by whichever connection sends. */
  readonly pieces = new Float64Array(MAX_PIECES * 2);
  /** Writers that no connection needs just now: those that wait for requests hold no memory. */
  readonly #idleWriters: XdrWriter[] = [];
  #input: Region | null = null;

  /** Where all connections receive while they hold no partial record. */
  input(): Region {
    if (this.#input === null || this.#input.shared) {
      this.#input?.release();
      this.#input = region(INPUT_BYTES);
    }
    return this.#input;
  }

  takeWriter(): XdrWriter {
    return this.#idleWriters.pop() ?? new XdrWriter(region(OUTPUT_BYTES));
  }

  /** All that the writer has written is sent, and nobody else holds its region. */
  giveBack(writer: XdrWriter): void {
    writer.rewind();
    const usual = writer.region.capacity === OUTPUT_BYTES;
    if (usual && this.#idleWriters.length < MAX_IDLE_WRITERS) this.#idleWriters.push(writer);
    else writer.region.release();
  }
}

/** Those of this thread. */
export const ioBuffers = new IoBuffers();
