/** performance/io-threads: how many calls run at a time. */
import { defineTranslator } from '../../definition.js';
import { IoThreadsTranslator } from './io-threads.js';
import { options } from './options.js';

export const definition = defineTranslator({
  type: 'performance/io-threads',
  options,
  implemented: true,
  demands: [],
  create: (init) => new IoThreadsTranslator(init),
});
