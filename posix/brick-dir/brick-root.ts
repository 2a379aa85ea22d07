/** What the steps of a brick's start share: the open root directory, and the error that refuses it. */
import type { ByteString } from '../../native/bytes.js';
import type { Queue } from '../../native/queue.js';

export interface BrickRoot {
  readonly path: ByteString;
  readonly fd: number;
  readonly queue: Queue;
}

/** An error for a directory that cannot be used as this brick. The message names the brick. */
export function refuse(brick: ByteString, why: string): Error {
  return new Error(`brick ${brick}: ${why}`);
}

/** Room for an xattr whose valid value has 16 bytes. */
export const ID_ROOM = 64;
