/**
 * What the status page and `brickd top` are told once a second: shapes only, shared by server, browser and terminal. Rates are
 * per second over the time since the frame before; latencies in seconds, NaN-free: null where nothing was measured. Names are
 * text, to be escaped by whoever shows them.
 */

/** What bricks, volumes and the whole process have in common. Latencies leave out locks, which wait for other clients. */
export interface FlowRates {
  opsPerSec: number;
  failuresPerSec: number;
  readPerSec: number;
  writePerSec: number;
  p50: number | null;
  p99: number | null;
  /** Fops in progress. */
  underWay: number;
  clients: number;
}

export interface BrickRow extends FlowRates {
  brick: string;
  volume: string;
  /** up, disk hangs, no answer, returning, stopping, withheld or failed. */
  state: string;
  openFds: number;
  locksWaiting: number;
  /** Batches of blocking system calls that wait for a thread. */
  queued: number;
  /** Bytes; null when not known. */
  total: number | null;
  available: number | null;
}

export interface VolumeRow extends FlowRates {
  volume: string;
  bricks: number;
  bricksUp: number;
  /** Whether its volfile has user/qos. */
  qos: boolean;
}

export interface WorkerRow {
  /** 0: the main thread. */
  thread: number;
  bricks: number;
  /** Share of the time that its event loop was at work, 0 to 1; null in the first frame. */
  busy: number | null;
  /** How late its event loop was, 99th percentile. */
  late: number | null;
  heapBytes: number;
  heapLimitBytes: number;
}

export interface LimitRow {
  ceiling: string;
  perSec: number;
  /** Credit at hand and at most; below zero is debt. */
  tokens: number;
  burst: number;
}

/** A tenant of a volume, all of the volume's bricks in this process together. */
export interface TenantRow {
  volume: string;
  tenant: string;
  kind: string;
  weight: number;
  floor: number;
  floorRefused: string;
  limits: LimitRow[];
  opsPerSec: number;
  bytesPerSec: number;
  /** Fops that had to wait, and how long on average, in seconds. */
  delayedPerSec: number;
  meanDelay: number | null;
  /** Waiting now. */
  queued: number;
  queuedBytes: number;
  /** Since the start. */
  overdue: number;
  dropped: number;
}

export interface BadOptionRow {
  volume: string;
  option: string;
  value: string;
  reason: string;
  instead: string;
}

/** A fop that is slow, or was. */
export interface SlowRow {
  /** Unique among those of its brick. */
  number: number;
  brick: string;
  /** Milliseconds since the epoch. */
  at: number;
  fop: string;
  path: string;
  client: string;
  peer: string;
  pid: number;
  uid: number;
  size: number;
  sec: number;
  underWay: boolean;
  /** Name of its errno; '' if it has succeeded, or is in progress. */
  errno: string;
  /** Where its time went, in words, most first. */
  waits: string[];
}

/** Something that an operator has to look at. */
export interface Problem {
  text: string;
  /** The brick that it is about; '' for none. */
  brick: string;
  /** Section of the page that says more; '' for none. */
  part: '' | 'bricks' | 'clients' | 'slow' | 'fops' | 'tenants';
}

export const PROBLEMS_TOLD = 30;
export const SLOW_TOLD = 20;

export interface Frame {
  /** Milliseconds since the epoch. */
  at: number;
  /** Seconds since the frame before; 0 in the first, whose rates are all 0. */
  span: number;
  process: {
    version: string;
    host: string;
    pid: number;
    node: string;
    upSec: number;
    rssBytes: number;
    /** Cores in use. */
    cpu: number;
    /** Undefined without glusterd. */
    glusterd: boolean | undefined;
    attaching: number;
    workerFailures: number;
    /** Time that gathering took, in seconds. */
    gatherSec: number;
  };
  total: FlowRates & { delayedPerSec: number; queued: number };
  bricks: BrickRow[];
  volumes: VolumeRow[];
  workers: WorkerRow[];
  /** The busiest first, {@link TENANTS_TOLD} at most. */
  tenants: TenantRow[];
  tenantsUntold: number;
  badOptions: BadOptionRow[];
  /** What of bricks' volfiles is not in effect, {@link UNAPPLIED_TOLD} at most. */
  unapplied: UnappliedRow[];
  /** The worst first, {@link PROBLEMS_TOLD} at most. */
  problems: Problem[];
  /** Those in progress, then the last; {@link SLOW_TOLD} at most. */
  slow: SlowRow[];
}

export interface UnappliedRow {
  brick: string;
  text: string;
}

export const UNAPPLIED_TOLD = 20;
export const TENANTS_TOLD = 100;

export interface FopRow {
  fop: string;
  isLock: boolean;
  /** Since the start. */
  calls: number;
  failures: number;
  opsPerSec: number;
  failuresPerSec: number;
  p50: number | null;
  p99: number | null;
  /** Calls of this frame's time by latency, not cumulative; one more than {@link Detail.bounds}. */
  buckets: number[];
}

export interface ClientRow {
  name: string;
  peer: string;
  subdir: string;
  version: string;
  opsPerSec: number;
  underWay: number;
  openFds: number;
  receivedPerSec: number;
  sentPerSec: number;
  /** What it works on most, and that one's share of its fops. */
  file: string;
  fileShare: number;
}

/** More of one brick, or of all of them. */
export interface Detail {
  /** '' for all. */
  brick: string;
  /** Upper bounds of the latency buckets, in seconds. */
  bounds: readonly number[];
  fops: FopRow[];
  /** The busiest; of one brick only. */
  clients: ClientRow[];
  clientsUntold: number;
  slow: SlowRow[];
}
