/** A volume's life under glusterd: start, status, options, statedumps, stop, death and return of a brick. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'basics', { timeoutS: 120 });
