/** Messages between the main thread and its workers. All of them are structured-clonable. */

import type { ByteString } from '../../native/bytes.js';

/** A brick to be brought up, or to be given new options. */
export interface BrickTask {
  brick: ByteString;
  volfileId: string;
  volfile: string;
  /** Options of the command line, for every volume whose name matches `xlator`. */
  overrides: { xlator: string; key: string; value: string }[];
  /**
   * It was being served until its worker failed: what of its volfile can't be applied is reported, as it is when options of a
   * running brick change, and does not keep it from coming back.
   */
  again?: boolean;
}

/** What a worker reports without being asked: a brick that has ended by itself, or a fault that ends the worker. */
export type WorkerEvent = { event: 'failed'; brick: ByteString; reason: string } | { event: 'fault'; reason: string };
