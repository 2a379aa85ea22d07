/** user/qos: rules of the scheduler, which takes the volume out of the graph. It is never part of a stack. */
import { defineTranslator } from '../../definition.js';
import { options, QOS_TYPE } from './options.js';

export const definition = defineTranslator({ type: QOS_TYPE, options, implemented: true, demands: [] });
