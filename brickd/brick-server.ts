/**
 * The interface between the daemon (life of the process, glusterd) and the server that carries the bricks (connections,
 * workers, translators). mux/workers/server.ts implements it.
 */

import type { Unapplied } from '../mux/brick/brick-facts.js';
import type { BrickSlowFops } from '../mux/brick/slow-fops.js';
import type { WorkerStats } from '../mux/brick/views/brick-stats.js';
import type { ByteString } from '../native/bytes.js';

/** An option set on the command line for every volume whose name matches `xlator` (fnmatch). */
export interface XlatorOption {
  xlator: string;
  key: string;
  value: string;
}

export interface BrickSpec {
  /** The brick's path, which is its name. */
  brick: ByteString;
  volfileId: string;
  /** Text of the whole volfile, as fetched. */
  volfile: string;
  /** To be set over the volfile's options, by position: later ones win. */
  overrides: XlatorOption[];
}

export interface ListenOptions {
  /** '' listens on every address. */
  host: string;
  /** 0 lets the system choose. */
  port: number;
  family: 4 | 6;
  backlog: number;
}

const STATUS_KINDS = ['mem', 'clients', 'inode', 'fd', 'callpool', 'client-list'] as const;
export type StatusKind = (typeof STATUS_KINDS)[number];

/** Sections that a statedump may be limited to. */
export const DUMP_SECTIONS = [
  'mem',
  'iobuf',
  'callpool',
  'priv',
  'fd',
  'inode',
  'inodectx',
  'fdctx',
  'history',
] as const;
export type StatedumpSection = (typeof DUMP_SECTIONS)[number];
export type DumpSelection = Readonly<Record<StatedumpSection, boolean>>;

/** A value of a status or profile answer; numbers go out as decimal text. */
export type StatusValue = string | number | bigint;

/** A brick as the main thread sees it. */
export interface BrickSummary {
  brick: ByteString;
  /** '' if it is not known. */
  volume: string;
  /** What its volfile was asked for by; a file's path without glusterd. */
  volfileId: string;
  /**
   * returning: its worker has failed, and it is being brought back. stopping: it is being detached. withheld: an option that
   * protects data or access can't be applied, so it serves nobody.
   */
  state: 'up' | 'returning' | 'stopping' | 'withheld' | 'failed';
  /** What of its volfile is not in effect. */
  unapplied: readonly Unapplied[];
  /** Whether glusterd has taken its sign-in; undefined without glusterd. */
  signedIn?: boolean | undefined;
  /** The volfile that is in effect; undefined where nobody keeps that. */
  volfile?: AppliedVolfile | undefined;
}

/** Which text of its volfile a brick goes by. */
export interface AppliedVolfile {
  /** SHA-256, in hex; '' if the last text could not be applied. */
  digest: string;
  /** Texts applied since the brick was started. */
  generation: number;
  appliedAtSec: number;
}

/** An address that the settings want metrics at. */
export interface AddressState {
  address: string;
  /** False if it cannot be had, as when all ports of a range are taken. */
  listening: boolean;
}

/** Numbers of the server as a whole. */
export interface ServerState {
  bricks: BrickSummary[];
  /** Bricks that are being brought up for the first time. */
  attaching: number;
  /** Since the start: bricks brought up, bricks that could not be, and workers that failed. */
  attaches: number;
  attachFailures: number;
  workerFailures: number;
  /** Clients that were not let in: denied: by the volume's rules; other: what they ask for is not there, or not yet. */
  refusedLogins?: { denied: number; other: number };
  /** Lines of the log by number of severity. */
  logLines?: readonly number[];
  /** Undefined without glusterd. */
  glusterdConnected?: boolean | undefined;
  /** Where metrics are to be served. */
  addresses?: readonly AddressState[];
}

export interface BrickServer {
  /** Opens the port that all bricks share. Rejects with an error that has `code` ('EADDRINUSE' ...). */
  listen(options: ListenOptions): Promise<{ port: number }>;
  /** Brings a brick up. Rejects with a BrickError. */
  attach(spec: BrickSpec): Promise<void>;
  /**
   * Gives a brick its changed volfile without dropping a connection. Resolves with what of it is not in effect. On a BrickError
   * the old graph serves on.
   */
  reconfigure(spec: BrickSpec): Promise<readonly Unapplied[]>;
  /** Takes a brick out: its clients are disconnected and all that it holds is released before this resolves. */
  detach(brick: ByteString): Promise<void>;
  bricks(): ByteString[];
  /** The graph that serves a brick, as volfile text, for the log: handed out once and not kept, '' from then on. */
  finalGraph(brick: ByteString): string;
  status(brick: ByteString, what: StatusKind): Promise<Record<string, StatusValue>>;
  /** Profile and top: the answer to an XLATOR_INFO request. */
  profile(brick: ByteString, input: Map<string, string>): Promise<Map<string, StatusValue>>;
  barrier(brick: ByteString, enable: boolean): Promise<void>;
  /** Sections of all bricks from `[active graph - 1]` on, in pieces. */
  statedump(selection: DumpSelection): AsyncIterable<string> | Promise<string>;
  /** Numbers for metrics and the status page, by worker. */
  stats(): Promise<WorkerStats[]>;
  /** All slow fops that are kept, by brick. */
  slowFops(): Promise<BrickSlowFops[]>;
  /** What is known of the bricks without asking their workers. */
  state(): ServerState;
  /** A brick has ended by itself (its disk is gone ...) and does not come back. */
  onBrickFailed(report: (brick: ByteString, reason: string) => void): void;
  close(): Promise<void>;
}
