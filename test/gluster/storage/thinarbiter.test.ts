/** A replica of two copies with a thin arbiter, which keeps a bad copy from being used. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'thinarbiter', { timeoutS: 150 });
