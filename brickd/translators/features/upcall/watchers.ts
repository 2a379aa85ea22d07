/**
 * Which clients may have a file in their cache: those that used it recently. Kept by gfid and not with the inode,
 * because a reply names files that enter the inode table only afterwards.
 */
import type { Client } from '../../../../mux/xlator/inode.js';
import { assert, defined } from '../../../../native/assert.js';

const WATCHED = 'files and their clients know of each other';

/** Clients that have used a file, and when (seconds since the epoch). */
type File = Map<Client, number>;

/** Files that a client may have in a cache; more than clients keep in theirs. Beyond, one has to be given up for each new one. */
const MAX_FILES_OF_CLIENT = 1 << 18;

export class Watchers {
  readonly #files = new Map<string, File>();
  /** Files of each client, the first to come first. */
  readonly #clients = new Map<Client, Set<string>>();
  readonly #maxFiles: number;
  #sweep: IterableIterator<[string, File]> | null = null;

  constructor(maxFiles = MAX_FILES_OF_CLIENT) {
    this.#maxFiles = maxFiles;
  }

  /** Files that somebody watches. */
  get size(): number {
    return this.#files.size;
  }

  /**
   * Notes that a client has used a file (by gfid key). Returns a file that it must not keep in its cache any longer, as it has too
   * many; null: none.
   */
  used(key: string, client: Client, now: number): string | null {
    const file = this.#files.get(key);
    if (file === undefined) this.#files.set(key, new Map([[client, now]]));
    else if (file.has(client)) {
      file.set(client, now);
      return null;
    } else file.set(client, now);
    let keys = this.#clients.get(client);
    if (keys === undefined) {
      keys = new Set();
      this.#clients.set(client, keys);
    }
    keys.add(key);
    if (keys.size <= this.#maxFiles) return null;
    const oldest = keys.values().next();
    assert(oldest.done !== true, 'a client that has too many files has one');
    this.#drop(oldest.value, client);
    return oldest.value;
  }

  #drop(key: string, client: Client): void {
    const file = defined(this.#files.get(key), WATCHED);
    file.delete(client);
    if (file.size === 0) this.#files.delete(key);
    const keys = defined(this.#clients.get(client), WATCHED);
    keys.delete(key);
    if (keys.size === 0) this.#clients.delete(client);
  }

  /** Tells every client other than `but` that has used the file since `since`. */
  others(key: string, but: Client, since: number, tell: (client: Client) => void): void {
    const file = this.#files.get(key);
    if (file === undefined) return;
    for (const [client, at] of file) if (client !== but && client.alive && at > since) tell(client);
  }

  /** The file was dropped from the inode table: notifies all clients that may have it in a cache. */
  forget(key: string, tell: (client: Client) => void): void {
    const file = this.#files.get(key);
    if (file === undefined) return;
    for (const client of [...file.keys()]) {
      this.#drop(key, client);
      if (client.alive) tell(client);
    }
  }

  /** A client has disconnected. */
  clientGone(client: Client): void {
    for (const key of [...(this.#clients.get(client) ?? [])]) this.#drop(key, client);
  }

  /** Looks at some of the files, going on where it stopped, and drops clients that have not used them since `since`. */
  sweep(since: number, files: number): void {
    this.#sweep ??= this.#files.entries();
    for (let i = 0; i < files; i++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = null;
        return;
      }
      const [key, file] = next.value;
      for (const [client, at] of file) if (at <= since || !client.alive) this.#drop(key, client);
    }
  }

  clear(): void {
    this.#files.clear();
    this.#clients.clear();
    this.#sweep = null;
  }
}
