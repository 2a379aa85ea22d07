/** Aligned memory for direct I/O: the kernel requires addresses on a block boundary. */
import { type Region, region } from '../../../native/memory.js';

/** Large enough for every block device in use. */
export const ALIGNMENT = 4096;

/** A piece of a region that starts on a block boundary. Release the region when done. */
export interface AlignedPiece {
  region: Region;
  /** Where the piece starts in the region. */
  start: number;
  address: number;
}

export function alignedPiece(length: number): AlignedPiece {
  const r = region(length + ALIGNMENT);
  const over = r.address % ALIGNMENT;
  const start = over === 0 ? 0 : ALIGNMENT - over;
  return { region: r, start, address: r.address + start };
}
