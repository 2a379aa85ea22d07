/** Limits of directories hold to the byte, by the command line of the real glusterd. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'quota', { timeoutS: 150 });
