/**
 * The compiled addon as a typed object; the only file that loads it.
 *
 * Conventions of every function: numbers only on hot paths; memory is named by its address (a double holding a 48-bit
 * pointer, from {@link Addon.addressOf}); a result below zero is a negated errno.
 */
import { createRequire } from 'node:module';

/** Result arrays of a pool: batch ids that have finished since the last call, in order of completion. */
export type CompletionCallback = (finished: Float64Array, count: number) => void;

/** A readiness watcher of one descriptor on the calling thread's event loop (uv_poll, level-triggered). */
export interface Poller {
  /** Watches for the given events, bits of READINESS in `native/layout`; 0: none. */
  set(events: number): void;
  /** Stops watching for good; the descriptor stays open and belongs to the caller. */
  close(): void;
  /** Keeps (true) or does not keep (false) the event loop alive. */
  ref(keep: boolean): void;
}

/** A queue of the process-wide pool of blocking calls, owned by the thread (and, by custom, the brick) that made it. */
export interface PoolQueue {
  /**
   * Queues `count` batches at `addresses[0..count)`; one wake-up for all. Batches of the same non-zero lane run one after
   * the other in order of submission; lane 0 has no order. `ids` come back in the completion callback.
   */
  submit(addresses: Float64Array, ids: Float64Array, lanes: Float64Array, priorities: Uint8Array, count: number): void;
  /** At most this many batches of the queue run at the same time. */
  setLimit(limit: number): void;
  /** [queued, running] now. */
  depth(): [number, number];
  /**
   * Refuses further submissions, cancels what is queued (each op -ECANCELED) and frees the queue after the last running batch,
   * which ends, as if it had failed, at its next op.
   */
  close(): void;
}

/** Opaque: what TLS connections begin with; see `net/tls_context.h`. */
export interface NativeTlsContext {
  readonly nativeTlsContext: unique symbol;
}

/** TLS as a brick wants it; buffers hold PEM. */
export interface NativeTlsProfile {
  certificate: Buffer;
  key: Buffer;
  authorities: Buffer;
  dhParameters: Buffer | null;
  /** Revocation lists, and authorities beside them; null: revocation is not checked. */
  revocation: Buffer[] | null;
  depth: number;
  ciphers: string;
  curve: string;
}

export interface Addon {
  /** Op codes by name, from the X-macro table that the executor itself is made of. */
  readonly ops: Readonly<Record<string, number>>;
  /** Layouts and numbers that both sides must have in common, by part and name: see `native/layout`. */
  readonly layout: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** errno values by name (ENOENT ...) of this platform, and the flags of system calls that JavaScript lacks: see {@link constant}. */
  readonly constants: Readonly<Record<string, number>>;

  /** Address of an ArrayBuffer or SharedArrayBuffer: valid as long as that is referenced and not transferred. */
  addressOf(memory: ArrayBufferLike): number;
  /** Runs a batch on the calling thread. Returns 0, or the negated errno that failed the batch; plus the slow mark if it took 40 ms or more. */
  runBatch(address: number): number;
  /**
   * Makes a queue on the process-wide pool; completions arrive on the calling thread, whose loop it keeps alive until closed.
   * flags, as they are now: [a call has been running for more than 100 ms, the queue hangs: calls have been running for more
   * than a second and none has come back in the last one]. `onComplete` is called (with no ids if there are none) when the
   * second one changes. A queue that hangs gets few threads, down to one, until it recovers.
   */
  openQueue(limit: number, onComplete: CompletionCallback, flags?: Int32Array): PoolQueue;
  /**
   * Upper bound of the pool's threads (process-wide, 8 at first); threads start on demand and end when idle for a while.
   * Threads in a call for more than 100 ms don't count (up to four times the bound; without end after a second), and a queue
   * that runs nothing gets a thread soon in any case.
   */
  setPoolThreads(count: number): void;
  /** [threads, idle ones, ones stuck in a call for more than a second] of the pool. */
  poolStatus(): [number, number, number];

  /**
   * Watches nothing at first ({@link Poller.set}). One poller per descriptor; it becomes non-blocking. `onReady` gets readable,
   * writable, or both, which also reports errors; and hungUp when the peer will send no more, if that was asked for. Throws an
   * Error for a descriptor that can't be watched.
   */
  poll(fd: number, onReady: (events: number) => void): Poller;
  /** recv(2) with MSG_DONTWAIT. Returns bytes, 0 at the end, or -errno. */
  recv(fd: number, address: number, length: number): number;
  /**
   * sendmsg of `count` pieces (address, length pairs), MSG_DONTWAIT | MSG_NOSIGNAL, 512 pieces a call. Returns bytes sent,
   * fewer than all when the socket is full, or -errno if none were. A piece with the address -1 - fd is taken, without a copy, out of
   * the pipe of that descriptor, which must hold its bytes.
   */
  sendv(fd: number, pieces: Float64Array, count: number): number;
  /**
   * A context for the brick port: 1 to 32 profiles; keyLog: descriptor that keys are appended to, or -1. context is null if it can't
   * be made: `problem` says why. notes: what is wrong but does no harm.
   */
  tlsContext(
    profiles: NativeTlsProfile[],
    keyLog: number,
  ): { context: NativeTlsContext | null; problem: string; notes: string[] };
  /** From now on recv and sendv of this socket decrypt and encrypt; closeFd ends the session. Returns 0 or -errno. */
  tlsBegin(fd: number, context: NativeTlsContext): number;
  /** Goes on with the handshake. Returns 0 when it is done, the bit of READINESS that it waits for, or -EPROTO: see {@link tlsProblem}. */
  tlsHandshake(fd: number): number;
  /** Why TLS has failed on a socket. */
  tlsProblem(fd: number): string;
  /**
   * After the handshake. name: common name of the client's certificate (UTF-8 as latin1; '' if it has none); profiles: those of the
   * context that the connection meets, as bits.
   */
  tlsPeer(fd: number): { name: string; profiles: number; protocol: string; cipher: string; resumed: boolean };
  isTls(fd: number): boolean;
  /** Bytes that are encrypted and that the socket has not taken: sendv of no pieces goes on with them. */
  tlsUnsent(fd: number): number;
  /** Whether something has been received from the socket that recv has not returned: no poller tells of it. */
  tlsPending(fd: number): boolean;
  /** The next byte that recv(2) would return, which stays there; -ENOTCONN at the end, or -errno. */
  peekByte(fd: number): number;
  /** Listening TCP socket (non-blocking, close-on-exec, SO_REUSEADDR). family 4 or 6; host '' for any (with family 6 IPv4 too). Returns fd or -errno. */
  listenTcp(host: string, port: number, family: number, backlog: number): number;
  /** accept4(NONBLOCK|CLOEXEC). Returns fd or -errno. */
  accept(fd: number): number;
  /** [address, port] of the peer (or of the socket itself), or -errno. Unix sockets give ['', 0]. */
  peerName(fd: number): [string, number] | number;
  sockName(fd: number): [string, number] | number;
  /** setsockopt with an int value, by numeric level and name. */
  setSockOpt(fd: number, level: number, name: number, value: number): number;
  shutdown(fd: number, how: number): number;
  /**
   * Number of this environment (main thread or worker), from 1 on. Descriptors that the addon opens belong to the environment
   * that had them opened, and are closed when it ends: sockets at once, files after its last batch.
   */
  readonly environment: number;
  /** Gives a socket of this environment away. Returns the ticket that {@link takeFd} asks for; 0 if it is not ours. */
  sendFd(fd: number): number;
  /** Makes a socket that was given away this environment's. False: somebody else has taken it, or it is gone. */
  takeFd(fd: number, ticket: number): boolean;
  /** How many descriptors belong to this environment. */
  ownedFds(): number;
  closeFd(fd: number): number;
  /** A pipe that holds so many bytes, non-blocking: [end to read from, end to write to], or -errno. */
  pipe(bytes: number): [number, number] | number;
  dupFd(fd: number): number;
  /** dup2: makes `to` a copy of `from` atomically (log rotation); close-on-exec unless it is a standard stream. */
  dup2(from: number, to: number): number;
  /** Opens with a latin1 path. Returns fd or -errno. */
  open(path: string, flags: number, mode: number): number;

  /** xxh64 with seed 0 of a byte string (latin1), as the 16 lower-case hex digits of Gluster's canonical form. */
  xxh64(bytes: string): string;

  /**
   * When the JavaScript memory of this worker meets its bound, sets `reached[0]` (shared memory) to 1 and ends the worker, which gets
   * room enough until it has ended: without this, a large allocation that meets the bound ends the process.
   */
  endAtHeapBound(reached: Int32Array): void;

  /** prctl(PR_SET_NAME) of the main thread: the name that pgrep and ps -C see (15 bytes). */
  setProcessName(name: string): number;
  /** umask of this thread at once, and of those that run batches, which alone have it. Returns the former one. */
  umask(mask: number): number;
  /**
   * Sets the soft RLIMIT_NOFILE to `count`, and the hard one where it is lower and may be raised; else as much as may be had.
   * Returns the soft limit now.
   */
  setFileLimit(count: number): number;
  /** Soft RLIMIT_NOFILE as it is now. */
  fileLimit(): number;
  /**
   * Descriptors that the process has open: those of all environments, exactly, and those of the engine itself, as they were counted
   * when the last environment was made.
   */
  descriptorsInUse(): number;
  /** lockf(fd, F_TLOCK, 0). Returns 0 or -errno. The lock lasts as long as the process. */
  lockFile(fd: number): number;
  setsid(): number;
  /** _exit(2): ends the process at once. A normal exit waits for workers, and they for calls that may hang on a dead disk. */
  exitNow(code: number): void;
  /** mallinfo2 counters as [arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost]. */
  mallinfo(): number[];
  mallocTrim(): number;
  /** getpwuid + getgrouplist: the supplementary groups of a user, or -errno. May block for as long as a directory service does. */
  groupsOf(uid: number): number[] | number;
  /**
   * As {@link groupsOf}, by a thread of the process, a few at most: -EAGAIN while the lookup, which the first call begins, is under
   * way; -EBUSY when too many are. An answer is given once.
   */
  takeGroupsOf(uid: number): number[] | number;
}

const require = createRequire(import.meta.url);

/** dist/native/addon.js → native/build/Release/brickd.node */
export const addon: Addon = require('../../native/build/Release/brickd.node') as Addon;

/** A number of this platform, by the name that the system's headers have for it. */
export function constant(name: string): number {
  const value = addon.constants[name];
  if (value === undefined) throw new Error(`the addon has no constant ${name}`);
  return value;
}
