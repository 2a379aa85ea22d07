/** A slow fop, and the words for it. */
import type { ByteString } from '../../native/bytes.js';
import type { Waited, WaitPlace } from '../xlator/waits.js';

/** A slow fop, structured-clonable. Texts are byte strings. */
export interface SlowFop {
  /** Grows with each fop of a brick that is found slow. */
  number: number;
  /** When it came, milliseconds since 1970. */
  atMs: number;
  fop: string;
  /** What it is about, as far as it is known; '' if it is not. */
  path: string;
  /** Its client: process-uuid, name, address and port; process and user that it calls for. */
  client: string;
  clientName: string;
  peer: string;
  pid: number;
  uid: number;
  /** Of fops that have them, else -1. size: bytes asked for or brought along; moved: bytes of the answer. */
  offset: number;
  size: number;
  ms: number;
  /** It has not been answered yet. */
  underWay: boolean;
  /** 0: it has succeeded, or is under way. */
  errno: number;
  /** Where its time went, most first. */
  waits: Waited[];
}

/** Slow fops of a brick, structured-clonable. */
export interface BrickSlowFops {
  brick: ByteString;
  volume: string;
  slow: SlowFop[];
}

const PLACES: Readonly<Record<WaitPlace, (detail: string) => string>> = {
  connection: () => 'in the queue of its connection',
  groups: () => 'for the groups of its user',
  qos: (tenant) => `by QoS of tenant ${tenant}`,
  lock: (holder) => `for a lock${holder === '' ? '' : ` held by ${holder}`}`,
  lease: (holder) => `for a lease${holder === '' ? '' : ` of ${holder}`}`,
  barrier: (which) => `at the barrier${which === '' ? '' : ` of ${which}`}`,
  quota: () => 'for quotad',
  pool: () => 'in the pool queue',
  disk: (call) => (call === '' ? 'in short system calls' : `in ${call}`),
  replies: () => 'in the reply queue: the client takes no replies',
  other: () => 'in brickd itself',
};

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;

export const waitText = ({ place, detail, ms }: Waited): string => `${seconds(ms)} ${PLACES[place](detail)}`;

/** One line. */
export function slowText(slow: SlowFop): string {
  const { fop, path, offset, size, client, clientName, peer, pid, uid, underWay, ms, waits } = slow;
  const range = `${size < 0 ? '' : ` of ${size} bytes`}${offset < 0 ? '' : ` at ${offset}`}`;
  const who = `client ${clientName === '' ? client : clientName} (${peer}), pid ${pid}, uid ${uid}`;
  const took = underWay ? `under way for ${seconds(ms)}` : `took ${seconds(ms)}`;
  return `slow fop: ${fop} ${path}${range} by ${who} ${took}: ${waits.map(waitText).join(', ')}`;
}
