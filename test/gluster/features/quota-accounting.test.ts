/** Quota's record of what directories hold is what they hold: after storms of changes, a kill, and a time under stock. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'quota-accounting', { timeoutS: 150 });
