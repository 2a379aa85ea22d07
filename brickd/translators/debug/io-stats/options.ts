/** Options of debug/io-stats: counters of the brick, and, for the whole process, logging. */
import { bool, int, oneOf, str, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

const LEVELS = ['DEBUG', 'WARNING', 'ERROR', 'INFO', 'CRITICAL', 'NONE', 'TRACE'] as const;
const LOGGERS = ['gluster-log', 'syslog'] as const;
const FORMATS = ['no-msg-id', 'with-msg-id'] as const;

export const options = defineOptions({
  'dump-fd-stats': bool({ default: 'off' }),
  /** Seconds between two dumps of the counters into a file; 0: none. */
  'ios-dump-interval': int({ default: '0', min: 0, max: 3600 }),
  /** Every how many requests a sample is taken; 0: none. */
  'ios-sample-interval': int({ default: '0', min: 0, max: 65535 }),
  'ios-dump-format': oneOf(['text', 'json', 'dict', 'samples'], { default: 'json' }),
  'ios-sample-buf-size': int({ default: '65535', min: 1024, max: 1024 * 1024 }),
  'ios-dnscache-ttl-sec': int({ default: '86400', min: 1, max: 3600 * 72, live: false }),
  'latency-measurement': bool({ default: 'off' }),
  'count-fop-hits': bool({ default: 'off' }),
  'log-level': oneOf(LEVELS, { default: 'INFO' }),
  'client-log-level': oneOf(LEVELS, { default: 'INFO' }),
  'brick-log-level': oneOf(LEVELS, { default: 'INFO' }),
  'sys-log-level': oneOf(['WARNING', 'ERROR', 'INFO', 'CRITICAL'], { default: 'CRITICAL' }),
  logger: oneOf(LOGGERS),
  'client-logger': oneOf(LOGGERS, { default: 'gluster-log' }),
  'brick-logger': oneOf(LOGGERS, { default: 'gluster-log' }),
  'log-format': oneOf(FORMATS),
  'client-log-format': oneOf(FORMATS, { default: 'with-msg-id' }),
  'brick-log-format': oneOf(FORMATS, { default: 'with-msg-id' }),
  'log-buf-size': int({ default: '5', min: 0, max: 20 }),
  'client-log-buf-size': int({ default: '5', min: 0, max: 20 }),
  'brick-log-buf-size': int({ default: '5', min: 0, max: 20 }),
  'log-flush-timeout': time({ default: '120', min: 30, max: 300 }),
  'client-log-flush-timeout': time({ default: '120', min: 30, max: 300 }),
  'brick-log-flush-timeout': time({ default: '120', min: 30, max: 300 }),
  'unique-id': str({ default: '/no/such/path', live: false }),
  'global-threading': bool({ default: 'off', live: false }),
  threads: int(),
  'brick-threads': int({ default: '16', min: 1, max: 128 }),
  'client-threads': int({ default: '16', min: 1, max: 128 }),
  'volume-id': str({ live: false }),
});
export type Options = OptionsOf<typeof options>;
