/** Options of performance/io-threads: how many calls of each priority run at a time. */
import { bool, int } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'thread-count': int({ default: '16', min: 1, max: 64 }),
  'high-prio-threads': int({ default: '16', min: 1, max: 64 }),
  'normal-prio-threads': int({ default: '16', min: 1, max: 64 }),
  'low-prio-threads': int({ default: '16', min: 1, max: 64 }),
  'least-prio-threads': int({ default: '1', min: 1, max: 64 }),
  'enable-least-priority': bool({ default: 'on' }),
  /** Seconds. */
  'idle-time': int({ default: '120', min: 1, live: false }),
  /** Seconds without progress of a queue after which threads are added; 0: never. */
  'watchdog-secs': int({ default: '0' }),
  'cleanup-disconnected-reqs': bool({ default: 'off' }),
  'pass-through': bool({ default: 'false' }),
});
export type Options = OptionsOf<typeof options>;
