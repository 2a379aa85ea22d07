/** Brick operations that concern single translators: profile and top (io-stats), barrier. */
import { BrickError } from '../../mux/base/brick-error.js';
import type { Brick } from '../../mux/brick/brick.js';
import type { ProfileValues } from '../../mux/xlator/translator.js';
import { bytesOfText } from '../../native/bytes.js';
import { measureThroughput } from '../../posix/storage-api.js';

/** `top-op` of requests that may want the disk's throughput measured. */
const READ_PERF = '6';
const WRITE_PERF = '7';

/** Throws a BrickError. */
async function measured(brick: Brick, input: Map<string, string>): Promise<Map<string, string>> {
  const op = input.get('top-op');
  const size = Number(input.get('blk-size') ?? 0);
  const count = Number(input.get('blk-cnt') ?? 0);
  if ((op !== READ_PERF && op !== WRITE_PERF) || !(size > 0) || !(count > 0)) return input;
  try {
    const { bytes, microseconds } = await measureThroughput(brick.name, size, count, op === READ_PERF);
    // Bytes per microsecond: MB/s.
    const throughput = (bytes / Math.max(microseconds, 1)).toFixed(6);
    return new Map([...input, ['throughput', throughput], ['time', microseconds.toFixed(6)]]);
  } catch (error) {
    const message = `${brick.name}: throughput not measured: ${bytesOfText((error as Error).message)}`;
    throw new BrickError('THROUGHPUT_NOT_MEASURED', brick.name, { message, cause: error });
  }
}

/** Answers a request for a profile or a list of the busiest files. Rejects with a BrickError. */
export async function profileOf(brick: Brick, input: Map<string, string>): Promise<ProfileValues> {
  const layer = brick.layers.find((l) => l.profile !== undefined);
  if (layer?.profile === undefined) throw new BrickError('PROFILE_UNAVAILABLE', brick.name);
  return layer.profile(await measured(brick, input));
}

/**
 * Raises or lifts the brick's barriers: that of acknowledgements first, then the changelog's. One that cannot be raised keeps those
 * below down; all are lifted that can be. Rejects with a BrickError.
 */
export async function setBarrier(brick: Brick, enable: boolean): Promise<void> {
  const layers = brick.layers.filter((l) => l.setBarrier !== undefined);
  if (!layers.some((l) => l.type === 'features/barrier')) throw new BrickError('BARRIER_REFUSED', brick.name);
  let failed: unknown;
  for (const layer of layers) {
    try {
      await layer.setBarrier?.(enable);
    } catch (error) {
      if (enable) throw error;
      failed ??= error;
    }
  }
  if (failed !== undefined) throw failed;
}
