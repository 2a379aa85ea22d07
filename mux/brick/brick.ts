/**
 * One brick on its worker: the stack of translators, the inode table, the clients and their sessions. Everything that
 * belongs to a brick hangs here and goes with it; bricks share nothing.
 */

import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { ENOENT, errnoName } from '../../native/errno.js';
import { S_IFDIR, S_IFMT } from '../../native/linux.js';
import { background, contain, describeThrown } from '../base/fault.js';
import { type Logger, loggerFor } from '../base/log.js';
import { ticker } from '../base/ticker.js';
import { learnNamespace, Namespaces, withNamespaceKey } from '../fops/namespaces.js';
import { BrickQos } from '../qos/brick-qos.js';
import type { QosRules } from '../qos/rules.js';
import { FopBook } from '../stats/fop-stats.js';
import type { KeepaliveOptions } from '../transport/socket-options.js';
import { Call } from '../xlator/call.js';
import { FailureLog } from '../xlator/failure-log.js';
import { FopError, failure, nullOnFailure } from '../xlator/fop-error.js';
import { FOP_NUMBERS, type FopEntry, fopByName } from '../xlator/fop-table.js';
import type { Fops, MaybePromise } from '../xlator/fops.js';
import type { Gfid } from '../xlator/gfid.js';
import type { Client, Fd, Inode } from '../xlator/inode.js';
import type { BrickContext, Translator, Upcall } from '../xlator/translator.js';
import type { AuthRules } from './auth.js';
import { type Unapplied, volumeOf } from './brick-facts.js';
import type { BrickSession } from './brick-session.js';
import { type ClientIdentity, ClientState, clientKey } from './client.js';
import { PendingCalls } from './in-flight.js';
import { InodeTable } from './inode-table.js';
import type { ServerRules } from './server-rules.js';
import { type LayerSpec, type Refusal, Stack } from './stack.js';
import { ClientPlaces } from './top-clients.js';
import { encodeUpcall } from './upcall-encoding.js';

/** How long a closing brick waits for fops that are under way, and if its disk is known to hang or has failed. */
const CLOSE_WAIT_MS = 30_000;
const HUNG_WAIT_MS = 1000;

/** The directory that a client wants to mount can't be found. */
export class SubdirMissing extends Error {
  readonly errno: number;

  constructor(path: string, errno: number) {
    super(`subdirectory for mount "${path}" is not found`);
    this.errno = errno;
  }
}

export class Brick implements BrickContext {
  readonly name: ByteString;
  /** Of the volume that it belongs to; '' if that is not known. */
  readonly volume: string;
  /** Domain of the session's log lines: the server translator. */
  readonly log: Logger;
  readonly table: InodeTable;
  /** By {@link clientKey}. */
  readonly clients = new Map<string, ClientState>();
  readonly sessions = new Set<BrickSession>();
  readonly #stack: Stack;
  readonly #namespaces = new Namespaces(this);
  readonly #timers = new Set<() => void>();
  readonly #onFailed: (reason: string) => void;
  #closing: (() => void) | null = null;
  #ending = false;
  #failed = false;
  readonly #self = new ClientState({
    uid: 'brick',
    opVersion: 100000,
    processName: 'brickd',
    peer: '',
    version: '',
    trusted: true,
    subdir: '/',
    credential: '',
    auth: { brick: '', peerAddress: '', peerPort: 0, username: undefined, password: undefined, subdir: '/' },
  });
  /** Clients' fops that are not answered at once. */
  readonly pending = new PendingCalls();
  #calls = 0;
  #busy = true;
  #idle: (() => void) | null = null;

  /** Fops answered since the start, and those of them that failed, by procedure number. */
  readonly hits = new Float64Array(FOP_NUMBERS);
  readonly failures = new Float64Array(FOP_NUMBERS);
  /** Latencies and errors of fops. */
  readonly book = new FopBook();
  readonly #failureLog = new FailureLog();
  /** The clients that metrics tell of one by one. */
  readonly places = new ClientPlaces<ClientState>();
  /** Payload bytes of reads and writes. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Files and directories that clients have open. */
  openFds = 0;
  /** System calls on the brick's disk, or reads, changes or syncs of them, do not come back. */
  diskHung = false;
  /** Names its disk, which bricks of one file system share; the brick's own name while its file system is not known. */
  disk: string;
  /** Why it serves nobody; '' if it serves. */
  withheld = '';
  /** What of its volfile is not in effect. */
  unapplied: readonly Unapplied[] = [];

  /** Scheduler of its tenants; null: its volfile has no user/qos. */
  qos: BrickQos | null = null;
  /** Blocking calls that it may have at a time. */
  #callLimit = 16;

  // CredentialRules, flattened here so that a call reads them without another hop.
  rootSquash = false;
  allSquash = false;
  anonUid = 65534;
  anonGid = 65534;
  manageGids = false;
  gidTimeoutSec = 300;
  outstandingLimit = 0;
  keepalive: KeepaliveOptions;
  windowBytes = 0;

  constructor(
    name: ByteString,
    serverName: string,
    rules: ServerRules,
    layers: LayerSpec[],
    onFailed: (reason: string) => void,
  ) {
    this.name = name;
    this.disk = latin1OfBytes(name);
    this.volume = volumeOf(serverName);
    this.log = loggerFor(serverName);
    this.#onFailed = onFailed;
    this.table = new InodeTable(rules.inodeLruLimit, (inode) => {
      for (const layer of this.layers) {
        try {
          layer.forget(inode);
        } catch (thrown) {
          this.faulted(`${layer.name}: forgetting an inode`, thrown);
        }
      }
    });
    this.keepalive = rules.keepalive;
    this.applyRules(rules);
    this.#stack = new Stack(layers, this);
  }

  get top(): Fops {
    return this.#stack.top;
  }
  get storage(): Fops {
    return this.#stack.storage;
  }
  get layers(): readonly Translator[] {
    return this.#stack.layers;
  }
  get root(): Inode {
    return this.table.root;
  }
  /** Fops under way. */
  get callsUnderWay(): number {
    return this.#calls;
  }
  get failed(): boolean {
    return this.#failed;
  }

  applyRules(rules: ServerRules): void {
    this.rootSquash = rules.rootSquash;
    this.allSquash = rules.allSquash;
    this.anonUid = rules.anonUid;
    this.anonGid = rules.anonGid;
    this.manageGids = rules.manageGids;
    this.gidTimeoutSec = rules.gidTimeoutSec;
    this.outstandingLimit = rules.outstandingRpcLimit > 0 ? rules.outstandingRpcLimit : Number.POSITIVE_INFINITY;
    this.table.limit = rules.inodeLruLimit;
    this.keepalive = rules.keepalive;
    this.windowBytes = rules.windowBytes;
    for (const session of this.sessions) session.outstandingLimitChanged();
  }

  init(): Promise<void> {
    return this.#stack.init();
  }

  /** Gives layers new options. Returns what they refuse. */
  reconfigure(optionsOf: (layer: Translator) => unknown): Promise<Refusal[]> {
    return this.#stack.reconfigure(optionsOf);
  }

  /** Serves nobody from now on, for that reason, and disconnects its clients; '': serves. */
  withhold(reason: string): void {
    if (reason === '' && this.withheld !== '') this.log.info(0, `brick ${this.name} serves again`);
    this.withheld = reason;
    if (reason === '') return;
    for (const session of [...this.sessions]) session.connection.close(reason);
  }

  /** Schedules its fops by these rules from now on; null: not at all. */
  schedule(rules: QosRules | null, volumeId: string): void {
    if (rules === null) {
      const { qos } = this;
      // What waits goes down by the old way.
      qos?.close();
      this.qos = null;
      return;
    }
    if (this.qos === null) this.qos = new BrickQos(this, volumeId, rules);
    else this.qos.configure(rules);
    this.qos.limitCalls(this.#callLimit);
  }

  // --- BrickContext -------------------------------------------------------------------------------------------------

  hasLayer(type: string): boolean {
    return this.layers.some((layer) => layer.type === type);
  }
  findInode(key: string): Inode | undefined {
    return this.table.get(key);
  }
  findChild(parent: Inode, name: string): Inode | undefined {
    return this.table.child(parent, name);
  }
  adoptInode(gfid: Gfid, mode: number): Inode {
    return this.table.intern(gfid, mode);
  }
  namespaceOf(inode: Inode): MaybePromise<Inode> {
    return this.#namespaces.of(inode);
  }
  upcall(client: Client, message: Upcall): void {
    for (const session of this.sessions) {
      if (session.client !== client) continue;
      // Whoever causes one has no part in what becomes of it.
      try {
        session.callback((w) => encodeUpcall(w, message));
        for (const layer of this.layers) layer.upcallSent(message);
      } catch (thrown) {
        this.faulted(`an upcall to ${client.uid}`, thrown);
      }
      return;
    }
  }
  guardChange(call: Call): void {
    for (const layer of this.layers) layer.guardChange(call);
  }
  fail(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onFailed(reason);
  }
  onDevice(device: number): void {
    this.disk = `device ${device}`;
  }
  diskHangs(hangs: boolean): void {
    this.diskHung = hangs;
  }
  limitCalls(limit: number): void {
    this.#callLimit = limit;
    this.qos?.limitCalls(limit);
    for (const layer of this.layers) layer.limitCalls(limit);
  }
  timer(delayMs: number, repeat: boolean, callback: () => void): () => void {
    const run = (): void => {
      try {
        callback();
      } catch (thrown) {
        this.faulted('a timer', thrown);
      }
    };
    if (repeat && delayMs >= 1000) return this.#tick(Math.round(delayMs / 1000), run);
    const handle = repeat
      ? setInterval(run, delayMs)
      : setTimeout(() => {
          this.#timers.delete(cancel);
          run();
        }, delayMs);
    const cancel = (): void => {
      clearTimeout(handle);
      this.#timers.delete(cancel);
    };
    this.#timers.add(cancel);
    return cancel;
  }

  #tick(period: number, run: () => void): () => void {
    const end = ticker.every(period, run);
    const cancel = (): void => {
      end();
      this.#timers.delete(cancel);
    };
    this.#timers.add(cancel);
    return cancel;
  }

  // --- sessions -----------------------------------------------------------------------------------------------------

  /**
   * Binds a new connection to its client process. `open` makes its session, once the client may have one; what it throws leaves
   * nothing behind. Throws {@link SubdirMissing} when the mounted sub-directory can't be found.
   */
  async join<S extends BrickSession>(identity: ClientIdentity, open: (client: ClientState) => S): Promise<S> {
    const key = clientKey(identity);
    let client = this.clients.get(key);
    if (client === undefined) {
      client = new ClientState(identity);
      this.clients.set(key, client);
      if (identity.subdir !== '' && identity.subdir !== '/')
        client.mounted = this.#mountSubdir(client, identity.subdir);
    }
    // Counted before the wait: the client must not go while another connection of it waits for the same directory.
    client.connections++;
    try {
      if (client.mounted !== null) await client.mounted;
      if (this.#ending) throw new Error('the brick is being detached');
      if (this.withheld !== '') throw new Error(this.withheld);
      const session = open(client);
      this.sessions.add(session);
      return session;
    } catch (error) {
      this.#connectionGone(client);
      throw error;
    }
  }

  /** Asks changed rules about every client that is connected; those that may no longer use the brick are disconnected. */
  async reauthorise(rules: AuthRules): Promise<void> {
    for (const session of [...this.sessions]) {
      const { accepted } = await rules.check(session.client.auth);
      if (accepted) continue;
      this.log.info(115034, `${session.client.uid} is no longer allowed to use ${this.name}`);
      session.connection.close('authorisation withdrawn');
    }
  }

  async #mountSubdir(client: ClientState, path: string): Promise<void> {
    const call = this.internalCall(client);
    this.callStarted();
    try {
      let parent = this.root;
      for (const name of path.split('/')) {
        if (name === '') continue;
        const xdata = withNamespaceKey(this.table, undefined, null);
        const reply = await this.top.lookup(call, { loc: { inode: null, parent, name }, gfid: null, xdata });
        if ((reply.stat.mode & S_IFMT) !== S_IFDIR) throw failure(ENOENT);
        parent = this.table.link(parent, name, reply.stat.gfid, reply.stat.mode);
        learnNamespace(this.table, parent, reply.xdata);
        call.hold(parent);
      }
      client.mountAt(parent);
    } catch (error) {
      throw error instanceof FopError ? new SubdirMissing(path, error.errno) : error;
    } finally {
      call.end(this.releaseFd);
      this.callEnded();
    }
  }

  /** A call that the server makes on its own behalf for a client: root, no lock owner. */
  internalCall(client: ClientState): Call {
    return new Call(client, 0);
  }

  /** A call of the brick itself, on behalf of nobody. */
  ownCall(): Call {
    return this.internalCall(this.#self);
  }

  sessionClosed(session: BrickSession, reason: string): void {
    this.sessions.delete(session);
    const { client } = session;
    const why = reason === '' ? '' : ` (${reason})`;
    this.log.info(115036, `disconnecting connection [{client-uid=${client.uid}}]${why}`);
    this.#connectionGone(client);
    if (this.sessions.size === 0) this.#closing?.();
  }

  #connectionGone(client: ClientState): void {
    if (--client.connections === 0) this.#clientGone(client);
  }

  /** The last connection of a client has gone: its locks and fds go too. */
  #clientGone(client: ClientState): void {
    client.alive = false;
    this.clients.delete(client.key);
    const mount = client.unmount();
    if (mount !== null) this.table.released(mount);
    for (const layer of this.layers) {
      contain(this.log, `${layer.name}: ending client ${client.uid} has failed`, () => layer.clientGone(client));
    }
    for (const fd of client.takeFds()) {
      fd.closed = true;
      if (fd.inode.type === S_IFDIR) {
        if (fd.refs === 0) this.releaseFd(fd);
        continue;
      }
      const call = this.internalCall(client);
      call.fop = FLUSH;
      call.holdFd(fd);
      this.callStarted();
      const done = (): void => {
        call.end(this.releaseFd);
        this.callEnded();
      };
      const flushed = Promise.resolve().then(() => this.top.flush(call, { fd, xdata: null }));
      background(flushed.catch(nullOnFailure).finally(done), this.log, `${this.name}: flushing an fd has failed`);
    }
    this.log.info(101055, `Shutting down connection ${client.uid}`);
  }

  /** An fd now belongs to a client's table: its inode stays known. */
  fdOpened(fd: Fd): void {
    fd.inode.refs++;
    fd.inode.fdCount++;
    this.openFds++;
  }

  /** The end of an fd: every translator lets go of it. */
  readonly releaseFd = (fd: Fd): void => {
    const directory = fd.inode.type === S_IFDIR;
    if (!fd.anonymous) {
      fd.inode.fdCount--;
      this.openFds--;
    }
    for (const layer of this.layers) {
      try {
        if (directory) layer.releasedir(fd);
        else layer.release(fd);
      } catch (thrown) {
        this.faulted(`${layer.name}: releasing an fd`, thrown);
      }
    }
    if (!fd.anonymous) {
      fd.inode.refs--;
      this.table.released(fd.inode);
    }
  };

  /** Something of the brick's threw what it should not have. what: what it was doing. */
  faulted(what: string, thrown: unknown): void {
    this.log.error(115000, `${this.name}: ${what} has failed: ${describeThrown(thrown)}`);
  }

  /** Counts a failed fop, and notes it in the log if it is more than an answer to the client. */
  fopFailed(fop: FopEntry, call: Call, errno: number): void {
    this.failures[fop.number] = this.failures[fop.number]! + 1;
    this.book.failed(fop.number, errno);
    const loud = this.#failureLog.deservesLine(errno);
    if (!loud && this.log.debugs === false) return;
    const text = `${fop.display} failed [{client=${call.client.uid}}, {error-xlator=${this.name}}, {errno=${errno}}, {error=${errnoName(errno)}}]`;
    if (loud) this.log.info(115000, text);
    else this.log.debug(115000, text);
  }

  /** Whether a fop was under way since the last time that this was asked. */
  takeBusy(): boolean {
    const busy = this.#busy || this.#calls > 0;
    this.#busy = false;
    return busy;
  }

  // --- end ----------------------------------------------------------------------------------------------------------

  /** A client's fop is not answered at once. */
  awaits(call: Call, xid: number, cameMs: number): void {
    call.xid = xid;
    call.cameMs = cameMs;
    this.pending.add(call);
  }

  /** A fop starts: the brick stays until it has ended. */
  callStarted(): void {
    this.#calls++;
    this.#busy = true;
  }
  callEnded(): void {
    if (--this.#calls === 0) this.#idle?.();
  }

  /** Resolves when no fop is under way, or when those that are seem to hang. */
  async #quiet(): Promise<void> {
    if (this.#calls === 0) return;
    const waitMs = this.diskHung || this.#failed ? HUNG_WAIT_MS : CLOSE_WAIT_MS;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(() => {
        this.log.warning(
          115000,
          `${this.name}: ${this.#calls} fops still under way after ${waitMs / 1000} s: not waited for`,
        );
        resolve();
      }, waitMs);
    });
    clearTimeout(timer);
  }

  /** Ends the brick: clients are disconnected, what is under way finishes, translators go. */
  async close(): Promise<void> {
    this.#ending = true;
    const gone = new Promise<void>((resolve) => {
      if (this.sessions.size === 0) resolve();
      else this.#closing = resolve;
    });
    for (const session of [...this.sessions]) session.connection.close('brick is detached');
    await gone;
    for (const layer of this.layers) layer.closing();
    await this.#quiet();
    this.qos?.close();
    for (const cancel of [...this.#timers]) cancel();
    await this.#stack.fini();
    this.table.clear();
  }
}

const FLUSH = fopByName('flush').number;
