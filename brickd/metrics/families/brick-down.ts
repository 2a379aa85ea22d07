/** Why a brick does not serve, as far as its own process can tell. */
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import type { BrickSummary } from '../../brick-server.js';

/** Of a brick whose process does not tell of it, or does not answer; see brickd/metrics/node. */
export const NODE_REASONS = ['dead', 'refused', 'failed', 'starting', 'no_answer'] as const;

/**
 * '' while it serves. glusterdConnected: a brick that glusterd has not taken, though it is there to, is found by no client; while
 * glusterd is away nothing changes for those that have found it.
 */
export function downReason(
  { state, signedIn }: Pick<BrickSummary, 'state' | 'signedIn'>,
  stats: Pick<BrickStats, 'up'> | undefined,
  glusterdConnected: boolean | undefined,
): string {
  if (state !== 'up') return state;
  if (stats === undefined) return 'no_answer';
  if (!stats.up) return 'failed';
  return signedIn === false && glusterdConnected === true ? 'not_signed_in' : '';
}
