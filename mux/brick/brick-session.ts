/** What a brick needs of the sessions of its clients. An interface, because sessions are in a higher layer. */
import type { Connection } from '../transport/connection.js';
import type { XdrWriter } from '../wire/xdr.js';
import type { ClientState } from './client.js';

export interface BrickSession {
  readonly client: ClientState;
  readonly connection: Connection;
  /** Fops in progress, lock requests (which may wait for long) not counted. */
  readonly outstanding: number;
  /** Sends a message that no request asked for. */
  callback(encode: (w: XdrWriter) => void): void;
  /** The brick's limit of fops per connection has changed. */
  outstandingLimitChanged(): void;
}
