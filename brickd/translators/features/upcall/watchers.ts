/**
 * Who may have which file in a cache: every client that looked at it of late. Kept by gfid and not in the inode, since a
 * reply names files that the inode table gets to know only afterwards.
 */
import type { Client } from '../../../../posix/contract/inode.js';

/** A client that has used a file, and when (seconds since the epoch). */
interface Watcher {
  readonly client: Client;
  at: number;
}

export class Watchers {
  readonly #files = new Map<string, Watcher[]>();
  #sweep: IterableIterator<[string, Watcher[]]> | null = null;

  /** Files that somebody watches. */
  get size(): number {
    return this.#files.size;
  }

  /** Notes that a client has used a file (by gfid key). */
  used(key: string, client: Client, now: number): void {
    const watchers = this.#files.get(key);
    if (watchers === undefined) {
      this.#files.set(key, [{ client, at: now }]);
      return;
    }
    for (const w of watchers) {
      if (w.client === client) {
        w.at = now;
        return;
      }
    }
    watchers.push({ client, at: now });
  }

  /** Tells every client other than `but` that has used the file since `since`. */
  others(key: string, but: Client, since: number, tell: (client: Client) => void): void {
    const watchers = this.#files.get(key);
    if (watchers === undefined) return;
    for (const w of watchers) if (w.client !== but && w.client.alive && w.at > since) tell(w.client);
  }

  /** The file is no longer known: tells all who may have it in a cache. */
  forget(key: string, tell: (client: Client) => void): void {
    const watchers = this.#files.get(key);
    if (watchers === undefined) return;
    this.#files.delete(key);
    for (const w of watchers) if (w.client.alive) tell(w.client);
  }

  /** Looks at some of the files, going on where it stopped, and drops clients that have gone or not used them since `since`. */
  sweep(since: number, files: number): void {
    this.#sweep ??= this.#files.entries();
    for (let i = 0; i < files; i++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = null;
        return;
      }
      const [key, watchers] = next.value;
      const left = watchers.filter((w) => w.client.alive && w.at > since);
      if (left.length === 0) this.#files.delete(key);
      else if (left.length < watchers.length) this.#files.set(key, left);
    }
  }

  clear(): void {
    this.#files.clear();
    this.#sweep = null;
  }
}
