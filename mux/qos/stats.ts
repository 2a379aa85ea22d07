/** Statistics of a brick's tenants, as plain data for metrics, status page and command line. */
import type { BadOption, Ceiling, TenantKind } from './rules.js';

/** Upper bounds of the delay histogram, seconds; one more bucket counts what is above the last. */
export const DELAY_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** One ceiling of a tenant. */
export interface LimitStats {
  /** ops, read-ops, write-ops (operations per second), bytes, read-bytes, write-bytes (bytes per second). */
  ceiling: Ceiling;
  perSecond: number;
  /** Credit at hand, in the ceiling's unit: below zero is debt. One for the whole process: bricks of a volume share it. */
  tokens: number;
  /** Credit that can gather at most. */
  burst: number;
}

export interface TenantStats {
  /** 'volume' (what no rule takes), 'total' (limits of all of a volume together), a background class, or the name of a rule. */
  tenant: string;
  kind: TenantKind;
  weight: number;
  /** Operations per second reserved; 0: none. */
  floor: number;
  /** Why the floor is not kept; '' if it is, or if there is none. */
  floorRefused: string;
  limits: LimitStats[];
  /** Fops let through so far, with the bytes that they were charged with. */
  fops: number;
  bytes: number;
  /** Of those, how many had to wait, and for how long in all. */
  delayed: number;
  delaySeconds: number;
  /** How long they waited: counts per bucket (not cumulative), one more than DELAY_BOUNDS_S. */
  delayCounts: Float64Array;
  /** Let through above their ceiling because they had waited as long as may be. */
  overdue: number;
  /** Dropped because their client had gone. */
  dropped: number;
  /** Waiting now. */
  queued: number;
  queuedBytes: number;
}

/** Of one brick whose volfile has user/qos. */
export interface QosStats {
  volume: string;
  /** Share of this volume among the volumes of the process. */
  weight: number;
  /** How long a fop may wait at most, seconds; 0: no bound. */
  maxDelaySeconds: number;
  /** Fops in progress that count against the brick's share of disk slots, and how many may. */
  inFlight: number;
  inFlightLimit: number;
  /** Connections that are not read because too much of theirs waits. */
  pausedConnections: number;
  tenants: TenantStats[];
  badOptions: BadOption[];
  /** Names and values of the options in effect. */
  options: [name: string, value: string][];
}
