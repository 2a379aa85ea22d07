/** A brick killed under write load: the mount goes on, and all that was acknowledged is there. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'crash', { timeoutS: 240 });
