/** Measures the throughput of a brick's disk, for `gluster volume top VOLUME read-perf bs SIZE count COUNT`. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { type ByteString, bytesOfLatin1, fsPath } from '../../native/bytes.js';
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } from '../../native/linux.js';

export interface Throughput {
  bytes: number;
  microseconds: number;
}

/** Gluster's name for the file that is written: it is removed again. */
const NAME = '.gf-tmp-stats-perf';
const FRESH = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
/** Memory that a test may take. */
const MAX_BLOCK_BYTES = 1 << 30;

/** Directories that are being measured: a second test would write to the same file. */
const underWay = new Set<ByteString>();

async function timed(blocks: number, step: (position: number) => Promise<void>, blockBytes: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < blocks; i++) await step(i * blockBytes);
  return (performance.now() - start) * 1000;
}

/**
 * Writes `blocks` blocks of zeros to a file in `directory` and, if it is reading that is measured, reads them back. Rejects with
 * the error of the file system, or with an Error that says what is wrong with the sizes.
 */
export async function measureThroughput(
  directory: ByteString,
  blockBytes: number,
  blocks: number,
  reading: boolean,
): Promise<Throughput> {
  if (blockBytes > MAX_BLOCK_BYTES) throw new Error(`blocks of ${blockBytes} bytes are too large: 1 GiB at most`);
  if (underWay.has(directory)) throw new Error('another measurement of this brick is running');
  underWay.add(directory);
  const path = fsPath(bytesOfLatin1(`${directory}/${NAME}`));
  let file: FileHandle | undefined;
  try {
    // An existing file may be a client's, or a symlink: it is never written to.
    await unlink(path).catch(() => {});
    const f = await open(path, FRESH, 0o700);
    file = f;
    const block = Buffer.alloc(blockBytes);
    let microseconds = await timed(blocks, (at) => whole(f.write(block, 0, blockBytes, at), blockBytes), blockBytes);
    if (reading) {
      await f.sync();
      const back = async (at: number): Promise<void> => {
        const { bytesRead } = await f.read(block, 0, blockBytes, at);
        if (bytesRead !== blockBytes) throw new Error('short read');
      };
      microseconds = await timed(blocks, back, blockBytes);
    }
    return { bytes: blockBytes * blocks, microseconds };
  } finally {
    underWay.delete(directory);
    await file?.close();
    await unlink(path).catch(() => {});
  }
}

async function whole(writing: Promise<{ bytesWritten: number }>, bytes: number): Promise<void> {
  const { bytesWritten } = await writing;
  if (bytesWritten !== bytes) throw new Error('no space left for the measurement');
}
