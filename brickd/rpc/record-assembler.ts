/** Assembles records from a stream: 4 bytes of mark (last-fragment bit and length), then the fragment. */

/** Longest record taken, in bytes; a brick's management messages are far smaller. */
export const MAX_RECORD_BYTES = 32 << 20;

export class RecordAssembler {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Fragments of the record under way, without marks. */
  #fragments: Buffer[] = [];
  #recordLength = 0;

  /**
   * Takes bytes and gives the records that they complete. Throws a RangeError on a record longer than the bound: the
   * stream cannot be followed any further.
   */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const records: Buffer[] = [];
    for (;;) {
      if (this.#length < 4) return records;
      const mark = this.#peek(4).readUInt32BE(0);
      const length = mark & 0x7fffffff;
      if (this.#recordLength + length > MAX_RECORD_BYTES) {
        throw new RangeError(`a record of ${this.#recordLength + length} bytes, more than ${MAX_RECORD_BYTES}`);
      }
      if (this.#length < 4 + length) return records;
      this.#fragments.push(this.#take(4 + length).subarray(4));
      this.#recordLength += length;
      if (mark >>> 31 === 0) continue;
      records.push(joined(this.#fragments));
      this.#fragments = [];
      this.#recordLength = 0;
    }
  }

  #peek(count: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= count) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #take(count: number): Buffer {
    const all = joined(this.#chunks);
    this.#length -= count;
    this.#chunks = this.#length === 0 ? [] : [all.subarray(count)];
    return all.subarray(0, count);
  }
}

/** Not copied if it is one piece. */
function joined(pieces: Buffer[]): Buffer {
  const [first] = pieces;
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
}
