/**
 * The clients of a brick and their connections: which connections belong to the same client, which directory it mounts,
 * and the clean-up of its fds and locks when its last connection closes.
 */

import { assert } from '../../native/assert.js';
import type { ByteString } from '../../native/bytes.js';
import { ENOENT } from '../../native/errno.js';
import { S_IFDIR, S_IFMT } from '../../native/linux.js';
import { background, contain } from '../base/fault.js';
import type { Logger } from '../base/log.js';
import { learnNamespace, withNamespaceKey } from '../fops/namespaces.js';
import type { Call } from '../xlator/call.js';
import { FopError, failure, nullOnFailure } from '../xlator/fop-error.js';
import { fopByName } from '../xlator/fop-table.js';
import type { Fops } from '../xlator/fops.js';
import type { Client, Fd } from '../xlator/inode.js';
import type { Translator } from '../xlator/translator.js';
import type { AuthRules } from './auth.js';
import type { BrickSession } from './brick-session.js';
import { type ClientIdentity, ClientState, clientKey } from './client.js';
import type { InodeTable } from './inode-table.js';
import { ClientPlaces } from './top-clients.js';

const FLUSH = fopByName('flush').number;

/** The directory that a client wants to mount can't be found. */
export class SubdirMissing extends Error {
  readonly errno: number;

  constructor(path: string, errno: number) {
    super(`subdirectory for mount "${path}" is not found`);
    this.errno = errno;
  }
}

/** What the client registry needs of its brick. */
export interface ClientHost {
  readonly name: ByteString;
  readonly log: Logger;
  readonly table: InodeTable;
  readonly top: Fops;
  readonly layers: readonly Translator[];
  readonly releaseFd: (fd: Fd) => void;
  /** Why no client is accepted; '' if clients are. */
  readonly refusal: string;
  /** Runs work of the server itself on behalf of a client, as a fop in progress. */
  internally<T>(client: Client, fop: number, work: (call: Call) => Promise<T>): Promise<T>;
}

export class ClientRegistry {
  readonly #host: ClientHost;
  /** By {@link clientKey}. */
  readonly all = new Map<string, ClientState>();
  readonly sessions = new Set<BrickSession>();
  /** The clients that metrics report one by one. */
  readonly places = new ClientPlaces<ClientState>();
  #onEmpty: (() => void) | null = null;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  /**
   * Binds a new connection to its client process. `open` makes its session, once the client may have one; what it throws leaves
   * nothing behind. Throws {@link SubdirMissing} when the mounted subdirectory can't be found.
   */
  async join<S extends BrickSession>(identity: ClientIdentity, open: (client: ClientState) => S): Promise<S> {
    const key = clientKey(identity);
    let client = this.all.get(key);
    if (client === undefined) {
      client = new ClientState(identity);
      this.all.set(key, client);
      if (identity.subdir !== '' && identity.subdir !== '/')
        client.mounted = this.#mountSubdir(client, identity.subdir);
    }
    // Counted before the wait: the client must not be removed while another of its connections waits for the same directory.
    client.connections++;
    try {
      if (client.mounted !== null) await client.mounted;
      const { refusal } = this.#host;
      if (refusal !== '') throw new Error(refusal);
      const session = open(client);
      this.sessions.add(session);
      return session;
    } catch (error) {
      this.#connectionGone(client);
      throw error;
    }
  }

  async #mountSubdir(client: ClientState, path: string): Promise<void> {
    const { table, top } = this.#host;
    try {
      await this.#host.internally(client, 0, async (call) => {
        let parent = table.root;
        for (const name of path.split('/')) {
          if (name === '') continue;
          const xdata = withNamespaceKey(table, undefined, null);
          const reply = await top.lookup(call, { loc: { inode: null, parent, name }, gfid: null, xdata });
          if ((reply.stat.mode & S_IFMT) !== S_IFDIR) throw failure(ENOENT);
          parent = table.link(parent, name, reply.stat.gfid, reply.stat.mode);
          learnNamespace(table, parent, reply.xdata);
          call.hold(parent);
        }
        client.mountAt(parent);
      });
    } catch (error) {
      throw error instanceof FopError ? new SubdirMissing(path, error.errno) : error;
    }
  }

  /** Checks every connected client by changed rules; clients that may no longer use the brick are disconnected. */
  async reauthorise(rules: AuthRules): Promise<void> {
    const { log, name } = this.#host;
    for (const session of [...this.sessions]) {
      const { accepted } = await rules.check(session.client.auth);
      if (accepted) continue;
      log.info(115034, `${session.client.uid} is no longer allowed to use ${name}`);
      session.connection.close('authorisation withdrawn');
    }
  }

  /** Closes all connections. */
  disconnect(reason: string): void {
    for (const session of [...this.sessions]) session.connection.close(reason);
  }

  /** Closes all connections; resolves when all are closed. */
  async disconnected(reason: string): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      if (this.sessions.size === 0) resolve();
      else this.#onEmpty = resolve;
    });
    this.disconnect(reason);
    await gone;
  }

  sessionClosed(session: BrickSession, reason: string): void {
    assert(this.sessions.delete(session), 'a session closes once');
    const { client } = session;
    const why = reason === '' ? '' : ` (${reason})`;
    this.#host.log.info(115036, `disconnecting connection [{client-uid=${client.uid}}]${why}`);
    try {
      this.#connectionGone(client);
    } finally {
      if (this.sessions.size === 0) this.#onEmpty?.();
    }
  }

  #connectionGone(client: ClientState): void {
    assert(client.connections > 0, 'no more connections of a client go than have come');
    if (--client.connections === 0) this.#clientGone(client);
  }

  /** The last connection of a client has closed: its locks and fds are released. */
  #clientGone(client: ClientState): void {
    const { log, layers, table, releaseFd } = this.#host;
    client.alive = false;
    this.all.delete(client.key);
    const mount = client.unmount();
    if (mount !== null) table.released(mount);
    for (const layer of layers) {
      contain(log, `${layer.name}: ending client ${client.uid} has failed`, () => layer.clientGone(client));
    }
    for (const fd of client.takeFds()) {
      fd.close();
      if (fd.inode.type !== S_IFDIR) this.#flush(client, fd);
      else if (fd.refs === 0) releaseFd(fd);
    }
    log.info(101055, `Shutting down connection ${client.uid}`);
  }

  /** Flushes a file that the client left open, then releases its fd. */
  #flush(client: ClientState, fd: Fd): void {
    const { log, name } = this.#host;
    const flushed = this.#host.internally(client, FLUSH, async (call) => {
      call.holdFd(fd);
      // After this turn: by then all fds of the client are closed.
      await null;
      await this.#host.top.flush(call, { fd, xdata: null });
    });
    background(flushed.catch(nullOnFailure), log, `${name}: flushing an fd has failed`);
  }
}
