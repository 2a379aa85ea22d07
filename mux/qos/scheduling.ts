/** What the scheduler needs of those whose fops it schedules; bricks and sessions lie above it. */
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import type { KnownNames } from './directory.js';
import type { Ask } from './queue.js';

/** A brick whose volfile has user/qos. */
export interface ScheduledBrick {
  readonly name: ByteString;
  readonly volume: string;
  /** Names its disk, which bricks of one file system share. */
  readonly disk: string;
  readonly log: Logger;
}

/** A connection whose fops may have to wait. */
export interface FopSource extends KnownNames {
  readonly client: KnownNames['client'] & {
    readonly uid: string;
    readonly processName: string;
    /** Mounted sub-directory; '/' or '' for the whole volume. */
    readonly subdir: string;
    readonly auth: { readonly peerAddress: string; readonly username: string | undefined };
  };
  /** What waits has reached its bound, or is well below it again. */
  setQueueFull(full: boolean): void;
  /** Lets a fop go down that has waited, and after it those that were kept behind it. Never throws. */
  proceed(ask: Ask): void;
}
