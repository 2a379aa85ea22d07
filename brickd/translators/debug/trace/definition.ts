/** debug/trace: writes down each fop and its outcome. */
import { defineTranslator } from '../../definition.js';
import { options } from './options.js';
import { TraceTranslator } from './trace.js';

export const definition = defineTranslator({
  type: 'debug/trace',
  options,
  implemented: true,
  demands: [
    { option: 'log-file', needs: 'a log of requests', severity: 'warning' },
    { option: 'log-history', needs: 'a history of requests', severity: 'warning' },
  ],
  create: (init) => new TraceTranslator(init),
});
