/** The type of a brick metric, and a brick as metrics see it. */
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import type { BrickSummary } from '../../brick-server.js';
import type { MetricHead } from './exposition.js';
import type { BrickLabels } from './names.js';

/** One brick as metrics see it. */
export interface BrickView {
  state: BrickSummary;
  labels: BrickLabels;
  /** Undefined when the worker of the brick has not answered. */
  stats: BrickStats | undefined;
  /** Why it does not serve; '' if it does. */
  down: string;
}

/** A metric of bricks. */
export interface BrickFamily extends MetricHead {
  /** Names of its labels, for its description. */
  labels: string;
  samples(b: BrickView, name: string): string;
}
