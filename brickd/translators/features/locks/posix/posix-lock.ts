/** A POSIX lock: a range that an owner holds, or waits for. */
import type { Flock } from '../../../../../mux/xlator/fops.js';
import type { Client, Fd } from '../../../../../mux/xlator/inode.js';
import { LLONG_MAX } from '../lock-text.js';

/** A range that is locked, [start, end] inclusive, or asked for. */
export interface Range {
  type: number;
  start: bigint;
  end: bigint;
  /** As the request had it. */
  whence: number;
  /** l_pid of the request: what F_GETLK reports. */
  lockPid: number;
  /** The calling process. */
  pid: number;
  /** 1: mandatory (`glusterfs.lk.lkmode`). */
  mode: number;
  /** Null for locks that came from another brick by migration. */
  fd: Fd | null;
  clientUid: string;
  grantedAt: number;
  blockedAt: number;
}

/** All ranges that one owner has locked. */
export interface Holder {
  readonly client: Client;
  readonly owner: string;
  /** Disjoint, in order. */
  ranges: HeldRange[];
}

/** A range that is held. */
export class HeldRange implements Range {
  readonly holder: Holder;
  readonly type: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly whence: number;
  readonly lockPid: number;
  readonly pid: number;
  readonly mode: number;
  readonly fd: Fd | null;
  readonly clientUid: string;
  readonly grantedAt: number;
  readonly blockedAt: number;
  order = 0;
  /** Requests that it is in the way of. */
  blocked: Set<WaitGroup> | null = null;

  constructor(holder: Holder, of: Range, start: bigint, end: bigint, grantedAt: number) {
    this.holder = holder;
    this.type = of.type;
    this.start = start;
    this.end = end;
    this.whence = of.whence;
    this.lockPid = of.lockPid;
    this.pid = of.pid;
    this.mode = of.mode;
    this.fd = of.fd;
    this.clientUid = of.clientUid;
    this.grantedAt = grantedAt;
    this.blockedAt = of.blockedAt;
  }
}

/** A request that waits. */
export class Waiting {
  readonly owner: string;
  client: Client;
  range: Range;
  order = 0;
  group: WaitGroup | null = null;
  readonly resolve: (flock: Flock) => void;
  readonly reject: (error: unknown) => void;

  constructor(holder: Holder, range: Range, resolve: (flock: Flock) => void, reject: (error: unknown) => void) {
    this.owner = holder.owner;
    this.client = holder.client;
    this.range = range;
    this.resolve = resolve;
    this.reject = reject;
  }

  isOf(holder: Holder): boolean {
    return this.client === holder.client && this.owner === holder.owner;
  }
}

/** Requests for the same range that the same held range is in the way of. */
export class WaitGroup {
  readonly key: string;
  /** In the order of the queue. */
  readonly queue: Waiting[] = [];
  blocker: HeldRange | null = null;
  /** It is about to be checked. */
  due = false;

  constructor(key: string) {
    this.key = key;
  }
}

/** A range as F_GETLK reports it. */
export function flockOf(range: Range, owner: string): Flock {
  return {
    type: range.type,
    whence: range.whence,
    start: range.start,
    len: range.end === LLONG_MAX ? 0n : range.end - range.start + 1n,
    pid: range.lockPid,
    owner,
  };
}
