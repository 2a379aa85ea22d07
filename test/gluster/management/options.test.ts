/** Every volume option that reaches a brick's volfile, live and across a restart. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'options', { timeoutS: 370 });
