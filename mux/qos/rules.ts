/**
 * The checked rules of a volume's tenants, as the options of user/qos give them. Plain data that can be sent between
 * threads.
 */

/** What a ceiling can be set on. Operations per second, bytes per second. */
export const CEILINGS = ['ops', 'read-ops', 'write-ops', 'bytes', 'read-bytes', 'write-bytes'] as const;
export type Ceiling = (typeof CEILINGS)[number];

export interface Limits {
  readonly rates: { readonly [C in Ceiling]?: number };
  /** Credit that gathers while a tenant stays below its rates, in seconds of them. */
  readonly burstSec: number;
}

export type TenantKind = 'volume' | 'total' | 'background' | 'rule';

/** Conditions of a rule: every list that is given must have one that fits. Addresses are parsed when rules are applied. */
export interface Match {
  /** Addresses or networks (CIDR) of clients. */
  readonly client?: readonly string[];
  /** Patterns (fnmatch) of the client's process-uuid or process name. */
  readonly process?: readonly string[];
  /** Users of auth.login. */
  readonly user?: readonly string[];
  readonly uid?: readonly number[];
  readonly gid?: readonly number[];
  readonly pid?: readonly number[];
  /** Sub-directories that clients have mounted. */
  readonly subdir?: readonly string[];
  /** Names of top-level directories, as byte strings. */
  readonly dir?: readonly string[];
}

export interface TenantRule {
  readonly name: string;
  readonly kind: TenantKind;
  /** Share inside the volume. */
  readonly weight: number;
  readonly limits: Limits | null;
  /** Operations per second that the tenant gets before others get any; 0: none. */
  readonly floor: number;
  /** Null: takes all that comes to it. */
  readonly match: Match | null;
}

/** An option that can't be used. */
export interface BadOption {
  readonly option: string;
  readonly value: string;
  readonly reason: string;
  /** What is in effect in its place. */
  readonly instead: string;
}

export interface QosRules {
  /** False: nothing is scheduled, as if there were no user/qos. */
  readonly enabled: boolean;
  /** Share of the volume among those of the process. */
  readonly weight: number;
  /** 0: no bound. */
  readonly maxDelayMs: number;
  /** In the order in which they are tried; the last one takes everything. */
  readonly tenants: readonly TenantRule[];
  /** On all of the volume together. */
  readonly total: Limits | null;
  readonly bad: readonly BadOption[];
  /** Text of every option that is in effect, by name: what stays when a new one is bad. */
  readonly good: ReadonlyMap<string, string>;
}

/** Gluster's own processes by the pid that they claim: work in the background that yields to clients. */
export const BACKGROUND: ReadonlyMap<number, string> = new Map([
  [-1, 'gsyncd'],
  [-3, 'rebalance'],
  [-6, 'self-heal'],
  [-7, 'glfsheal'],
  [-8, 'bitd'],
  [-9, 'scrubber'],
  [-14, 'quota'],
]);

export const DEFAULT_WEIGHT = 100;
export const BACKGROUND_WEIGHT = 10;
export const DEFAULT_MAX_DELAY_MS = 5000;
export const DEFAULT_BURST_SEC = 0.1;
