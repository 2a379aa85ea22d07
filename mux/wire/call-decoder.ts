/** Decodes calls one after the other, with one header object and one reader for all calls of a thread. */
import { assert } from '../../native/assert.js';
import { CallHeader, parseCall } from './rpc.js';
import { XdrReader } from './xdr.js';

/** What header and reader show of a call is to be copied before it is closed: that one call at a time is open is asserted. */
export class CallDecoder {
  readonly header = new CallHeader();
  readonly reader = new XdrReader();
  #open = false;

  /** Opens the record in [start, end); {@link close} must follow. */
  open(bytes: Buffer, start: number, end: number): void {
    assert(!this.#open, 'a call is taken apart when the one before has been');
    this.#open = true;
    this.reader.reset(bytes, start, end);
  }

  /** Parses the header; the reader then stands at the arguments. Throws what {@link parseCall} does. */
  parseHeader(): void {
    assert(this.#open, 'a call is open while it is taken apart');
    parseCall(this.reader, this.header);
  }

  close(): void {
    this.#open = false;
  }
}
