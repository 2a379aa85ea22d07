/** debug/io-stats: counters of the brick, and, for the whole process, logging. */
import { defineTranslator } from '../../definition.js';
import { IoStatsTranslator } from './io-stats.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'debug/io-stats',
  options,
  implemented: true,
  demands: [
    { option: 'latency-measurement', needs: 'measured latencies', severity: 'warning' },
    { option: 'count-fop-hits', needs: 'counted requests', severity: 'warning' },
  ],
  create: (init) => new IoStatsTranslator(init),
});
