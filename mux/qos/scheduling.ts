/** What the scheduler needs of bricks and sessions. Interfaces, because those are in higher layers. */
import type { ByteString } from '../../native/bytes.js';
import type { Logger } from '../base/log.js';
import type { FopEntry } from '../xlator/fop-table.js';
import type { KnownNames } from './directory.js';
import type { FopCaller } from './tenants.js';

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
    /** Mounted subdirectory; '/' or '' for the whole volume. */
    readonly subdir: string;
    readonly auth: { readonly peerAddress: string; readonly username: string | undefined };
  };
  /** The queue crossed its high or low watermark. */
  setQueueFull(full: boolean): void;
}

/** A fop that may have to wait. */
export interface SchedulableFop {
  readonly source: FopSource;
  readonly entry: FopEntry;
  readonly request: unknown;
  readonly caller: FopCaller;
  /** What it counts for while it waits: its data, and what is kept about it. */
  readonly heldBytes: number;
  /** Keeps its data beyond the turn in which it came. */
  keep(): void;
  /** Charges its client with memory until the fop has ended. */
  charge(bytes: number): void;
  /** Goes down after it has waited. queued: what held it. Throws only if that is not so: the scheduler has others to serve. */
  proceed(queued: object): void;
  /** Ends without an answer: its client has gone. */
  drop(queued: object): void;
}
