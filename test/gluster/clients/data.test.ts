/** Data and metadata operations that programs rely on, compared with a local directory; verified I/O by libgfapi. */
import t from 'tap';
import { scenario } from '../scenario.js';

await scenario(t, 'data', { timeoutS: 240 });
