/** SHA-256 of volfiles as glusterd has them on this node: to tell whether a brick goes by the last one. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type ByteString, fsPath } from '../../../native/bytes.js';

export class VolfileDigests {
  #known = new Map<ByteString, { state: string; digest: string }>();

  /** Undefined if the file cannot be read. */
  async of(path: ByteString): Promise<string | undefined> {
    try {
      const { mtimeMs, ino, size } = await stat(fsPath(path));
      const state = `${mtimeMs} ${ino} ${size}`;
      const known = this.#known.get(path);
      if (known?.state === state) return known.digest;
      const digest = createHash('sha256')
        .update(await readFile(fsPath(path)))
        .digest('hex');
      this.#known.set(path, { state, digest });
      return digest;
    } catch {
      return undefined;
    }
  }

  /** Forgets all others. */
  keep(paths: ReadonlySet<ByteString>): void {
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }
}
