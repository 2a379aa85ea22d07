/** Migration of a file with its POSIX locks to another brick: requests for such locks wait for its outcome. */
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert } from '../../../../../native/assert.js';
import { EREMOTE } from '../../../../../native/errno.js';
import type { LockUsers } from '../lock-users.js';

export class FileMove {
  /** The rebalance process that is moving the file; null: none is. */
  #mover: Client | null = null;
  #migrated = false;
  #held: { client: Client; reject: (error: unknown) => void }[] = [];
  readonly #users: LockUsers<unknown>;

  constructor(users: LockUsers<unknown>) {
    this.#users = users;
  }

  get mover(): Client | null {
    return this.#mover;
  }
  /** The file and its locks are on another brick now. */
  get migrated(): boolean {
    return this.#migrated;
  }

  start(mover: Client): void {
    assert(this.#mover === null, 'a file is moved by one client at a time');
    this.#users.add(mover);
    this.#mover = mover;
  }

  /** Never granted here: fails with EREMOTE at the end of the move, for the client to ask where the file is then. */
  hold(client: Client): Promise<never> {
    this.#users.add(client);
    return new Promise((_, reject) => {
      this.#held.push({ client, reject });
    });
  }

  end(migrated: boolean): void {
    this.refuse(() => true, EREMOTE);
    this.#migrated = migrated;
    const mover = this.#mover;
    this.#mover = null;
    if (mover !== null) this.#users.remove(mover);
  }

  /** Fails held requests of clients that `which` picks. */
  refuse(which: (client: Client) => boolean, errno: number): void {
    const held = this.#held;
    this.#held = held.filter((h) => !which(h.client));
    for (const h of held) {
      if (!which(h.client)) continue;
      this.#users.remove(h.client);
      h.reject(failure(errno));
    }
  }
}
