/** What the steps of a brick's start share: the open root directory, and the error that refuses it. */
import type { ByteString } from '../../native/bytes.js';
import type { Queue } from '../../native/queue.js';

export interface BrickRoot {
  readonly path: ByteString;
  readonly fd: number;
  readonly queue: Queue;
}

/** A brick's directory is not what it must be; the message is for the log and names the brick. */
export function refuse(brick: ByteString, why: string): Error {
  return new Error(`brick ${brick}: ${why}`);
}

/** Long enough for any xattr that is 16 bytes when it is right. */
export const ID_ROOM = 64;
